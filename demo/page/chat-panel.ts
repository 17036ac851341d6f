/** A chat room: QoS 1, so a message typed while the link is cut arrives when it is whole again. */

import type { Client } from 'mqtide';
import { keepSubscribed } from './client';
import { appendBounded, byId, element, setText } from './dom';
import { readString } from './figure-reader';
import { clock, describeError } from './format';
import { recall, remember } from './memory';

/** Messages that are kept. */
const maxMessages = 200;

/** Milliseconds in which lines are gathered. */
const paintDelay = 30;

/** Where the name is kept: for this tab only, so that two tabs can talk. */
const storageKey = 'mqtide-demo-name';

/** Wires the chat. */
export function startChatPanel(client: Client, complain: (error: unknown) => void): void {
  const list = byId('chat-list', HTMLElement);
  const form = byId('chat-form', HTMLFormElement);
  const name = byId('chat-name', HTMLInputElement);
  const text = byId('chat-text', HTMLInputElement);
  /** Messages in the list by their id: at least once is not exactly once, and our own come back to us. */
  const shown = new Map<string, ChatLine>();

  name.value = recall('sessionStorage', storageKey) ?? inventName();
  name.addEventListener('change', () => remember('sessionStorage', storageKey, name.value));

  /** Lines that wait to be put into the list: to do that for each of a flood would keep the page busy. */
  const fresh: HTMLElement[] = [];
  const paint = () => appendBounded(list, fresh.splice(0), maxMessages);

  const show = (id: string, line: ChatLine) => {
    shown.set(id, line);
    for (const oldest of shown.keys()) {
      if (shown.size <= maxMessages) break;
      shown.delete(oldest);
    }
    if (fresh.length === 0) setTimeout(paint, paintDelay);
    else if (fresh.length >= maxMessages) fresh.shift();
    fresh.push(line.root);
  };

  keepSubscribed(client, () => {
    client
      .subscribe('chat/room/+name', { qos: 1 }, (message) => {
        const body = message.text();
        const id = readString(body, 'id') ?? crypto.getRandomValues(new Uint32Array(2)).join();
        const seen = shown.get(id);
        if (seen !== undefined) seen.arrived();
        // Anything published to a chat topic is a chat message, whoever wrote it.
        else show(id, new ChatLine(message.params.name, readString(body, 'text') ?? body, false));
      })
      .catch(complain);
  });

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (text.value.trim() === '') return;
    const id = `${client.clientId}-${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    const line = new ChatLine(name.value, text.value, true);
    show(id, line);
    paint();
    list.scrollTop = list.scrollHeight;
    client
      .publish(`chat/room/${name.value}`, JSON.stringify({ id, text: text.value }), {
        qos: 1,
        properties: { contentType: 'application/json' },
      })
      .then(
        () => line.arrived(),
        (error: unknown) => line.failed(error),
      );
    text.value = '';
    text.focus();
  });
}

/** One message in the list. */
class ChatLine {
  readonly root: HTMLElement;
  readonly #note: HTMLElement;

  constructor(name: string, text: string, own: boolean) {
    const time = new Date();
    this.#note = element('span', { class: 'chat-note' }, own ? 'sending' : '');
    this.root = element(
      'div',
      { class: own ? 'chat-line own' : 'chat-line' },
      element(
        'p',
        { class: 'chat-who' },
        element('b', {}, name),
        element('time', { attributes: { datetime: time.toISOString() } }, clock(time)),
        this.#note,
      ),
      element('p', { class: 'chat-text' }, text),
    );
    this.root.style.setProperty('--hue', String(hueOf(name)));
  }

  /** The server has it. */
  arrived(): void {
    setText(this.#note, '');
  }

  failed(error: unknown): void {
    this.root.classList.add('failed');
    setText(this.#note, describeError(error));
  }
}

/** The same colour for the same name. */
function hueOf(name: string): number {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}

function inventName(): string {
  const kinds = ['calm', 'brisk', 'quiet', 'bright', 'early', 'salty', 'swift', 'gentle'];
  const animals = ['otter', 'heron', 'seal', 'crab', 'tern', 'whale', 'plover', 'limpet'];
  const pick = (from: readonly string[]) => from[Math.floor(Math.random() * from.length)] ?? '';
  return `${pick(kinds)}-${pick(animals)}-${Math.floor(Math.random() * 90) + 10}`;
}
