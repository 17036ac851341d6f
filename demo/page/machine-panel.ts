/** Subscribes to the figures of all machines, and shows each on a card. */

import type { Client } from 'mqtide';
import { command, keepSubscribed } from './client';
import { byId, setText } from './dom';
import { readNumbers, readString } from './figure-reader';
import { MachineCard } from './machine-card';

/** Machines that are shown: topics are open to all. */
const maxMachines = 12;

/** Wires the machine panel. */
export function startMachinePanel(client: Client, complain: (error: unknown) => void): void {
  const list = byId('machine-list', HTMLElement);
  const cards = new Map<string, MachineCard>();

  // Old figures look old.
  client.on('status', ({ type }) => list.toggleAttribute('data-stale', type !== 'connected'));

  /** Shows something on the card of a machine. */
  const on = (host: string, show: (card: MachineCard) => void) => {
    let card = cards.get(host);
    if (card === undefined) {
      if (cards.size >= maxMachines) return;
      if (cards.size === 0) list.replaceChildren();
      card = new MachineCard(host);
      cards.set(host, card);
      list.append(card.root);
    }
    show(card);
  };

  const subscriptions = () => [
    client.subscribe('machine/+host/state', { qos: 1 }, (message) => {
      on(message.params.host, (card) => card.state(message.text()));
    }),
    client.subscribe('machine/+host/info', { qos: 1 }, (message) => {
      const text = message.text();
      const parts = ['system', 'processor', 'runtime'].map((name) => readString(text, name));
      on(message.params.host, (card) => card.info(parts.filter((part) => part !== undefined).join(' · ')));
    }),
    client.subscribe('machine/+host/cpu/+core', (message) => {
      const figure = readNumbers(message.text(), 'load');
      if (figure) on(message.params.host, (card) => card.core(message.params.core, figure.load));
    }),
    client.subscribe('machine/+host/memory', (message) => {
      const figure = readNumbers(message.text(), 'used', 'total', 'swapUsed');
      if (figure) on(message.params.host, (card) => card.memory(figure.used, figure.total, figure.swapUsed));
    }),
    client.subscribe('machine/+host/network/+interface', (message) => {
      const figure = readNumbers(message.text(), 'receivedRate', 'sentRate');
      const { host, interface: name } = message.params;
      if (figure) on(host, (card) => card.network(name, { in: figure.receivedRate, out: figure.sentRate }));
    }),
    client.subscribe('machine/+host/disk/io', (message) => {
      const figure = readNumbers(message.text(), 'readRate', 'writtenRate');
      if (figure)
        on(message.params.host, (card) => card.disk({ in: figure.readRate, out: figure.writtenRate }));
    }),
    client.subscribe('machine/+host/volume/+volume', (message) => {
      const text = message.text();
      const figure = readNumbers(text, 'used', 'size');
      const mount = readString(text, 'mount') ?? message.params.volume;
      if (figure) on(message.params.host, (card) => card.volume(mount, figure.used, figure.size));
    }),
    client.subscribe('machine/+host/processes', (message) => {
      const figure = readNumbers(message.text(), 'count');
      if (figure) on(message.params.host, (card) => card.note('Processes', String(figure.count)));
    }),
    client.subscribe('machine/+host/uptime', (message) => {
      const figure = readNumbers(message.text(), 'seconds');
      if (figure) on(message.params.host, (card) => card.uptime(figure.seconds));
    }),
    client.subscribe('machine/+host/temperature', (message) => {
      const figure = readNumbers(message.text(), 'celsius');
      if (figure)
        on(message.params.host, (card) => card.note('Temperature', `${figure.celsius.toFixed(0)} °C`));
    }),
  ];
  keepSubscribed(client, () => {
    for (const subscription of subscriptions()) subscription.catch(complain);
  });

  const note = byId('machine-note', HTMLElement);
  note.dataset['mood'] = 'bad';
  for (const action of ['kill', 'start']) {
    byId(`machine-${action}`, HTMLButtonElement).addEventListener('click', () => {
      command(`/machine/${action}`).then(
        () => setText(note, ''),
        (error: unknown) => setText(note, error instanceof Error ? error.message : String(error)),
      );
    });
  }
}
