/** A live log of the packets that go over the wire. */

import type { Client, Packet } from 'mqtide';
import { byId, element, prependBounded, setText } from './dom';
import { grouped, preciseClock } from './format';
import { detail, type KeptPacket, keep } from './packet-summary';
import { painter } from './painter';

/** Packets that are kept. */
const maxPackets = 200;

/** Wires the packet log. */
export function startPacketPanel(client: Client): void {
  const list = byId('packet-list', HTMLElement);
  const count = byId('packet-count', HTMLElement);
  const record = byId('packets-on', HTMLInputElement);
  const withQoS0 = byId('packets-telemetry', HTMLInputElement);
  const withPings = byId('packets-pings', HTMLInputElement);
  /** What came since the list was last painted. */
  let fresh: { readonly packet: KeptPacket; readonly direction: string; readonly time: Date }[] = [];
  let sent = 0;
  let received = 0;
  let stop: (() => void) | undefined;

  const paint = painter(() => {
    const items = fresh.map(({ packet, direction, time }) => row(packet, direction, time)).reverse();
    fresh = [];
    prependBounded(list, items, maxPackets);
    setText(count, `${grouped(sent)} sent, ${grouped(received)} received`);
  });

  const isShown = (packet: Packet) => {
    if (packet.type === 'publish' && packet.qos === 0) return withQoS0.checked;
    if (packet.type === 'pingreq' || packet.type === 'pingresp') return withPings.checked;
    return true;
  };

  const listen = () => {
    stop?.();
    stop = record.checked
      ? client.on('packet', ({ direction, packet }) => {
          if (isOutgoing(direction)) sent += 1;
          else received += 1;
          if (isShown(packet)) {
            if (fresh.length >= maxPackets) fresh.shift();
            fresh.push({ packet: keep(packet), direction, time: new Date() });
          }
          paint();
        })
      : undefined;
  };

  record.addEventListener('change', listen);
  byId('clear-packets', HTMLButtonElement).addEventListener('click', () => {
    fresh = [];
    list.replaceChildren();
  });
  listen();
}

function isOutgoing(direction: string): boolean {
  return direction === 'out' || direction === 'sent';
}

/** One packet; its fields are listed when it is opened. */
function row(packet: KeptPacket, direction: string, time: Date): HTMLElement {
  const outgoing = isOutgoing(direction);
  const details = element(
    'details',
    {},
    element(
      'summary',
      {},
      element('time', { attributes: { datetime: time.toISOString() } }, preciseClock(time)),
      element('span', { class: 'direction', attributes: { 'aria-hidden': 'true' } }, outgoing ? '→' : '←'),
      element('span', { class: 'visually-hidden' }, outgoing ? 'sent' : 'received'),
      element('span', { class: 'packet-type' }, packet.type.toUpperCase()),
      element('span', { class: 'packet-summary' }, packet.summary),
    ),
  );
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) details.append(element('pre', {}, detail(packet)));
  });
  return element('li', { attributes: { 'data-direction': outgoing ? 'out' : 'in' } }, details);
}
