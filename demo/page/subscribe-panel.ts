/** A form that subscribes to anything, the subscriptions that are active, and what arrives. */

import type { Client, Message, Subscription } from 'mqtide';
import { keepSubscribed } from './client';
import { byId, chosen, element, prependBounded, setText } from './dom';
import { describeError, grouped, preciseClock } from './format';
import { listProperties } from './packet-summary';
import { painter } from './painter';
import { type Excerpt, excerptOf, type PayloadFormat, showExcerpt } from './payload';
import { readQoS } from './publish-panel';

/** Messages that are kept. */
const maxMessages = 100;

/** A message that arrived, as it is kept: without a payload that may be large. */
interface Arrival
  extends Pick<Message, 'topic' | 'qos' | 'retain' | 'redelivered' | 'params' | 'properties'> {
  /** What was subscribed to. */
  readonly filter: string;
  readonly excerpt: Excerpt;
  readonly time: Date;
}

/** A payload in the list, which can be shown in another format later. */
interface Shown {
  readonly excerpt: Excerpt;
  readonly node: HTMLElement;
}

/** Wires the subscribe form and the list of messages. */
export function startSubscribePanel(client: Client): void {
  const form = byId('subscribe-form', HTMLFormElement);
  const filter = byId('subscribe-filter', HTMLInputElement);
  const retainHandling = byId('subscribe-retain-handling', HTMLSelectElement);
  const noLocal = byId('subscribe-no-local', HTMLInputElement);
  const retainAsPublished = byId('subscribe-retain-as-published', HTMLInputElement);
  const note = byId('subscribe-note', HTMLElement);
  const active = byId('subscriptions', HTMLElement);
  const messages = new MessageList();

  /** The rows that are shown, with what subscribes for each. */
  const rows = new Map<SubscriptionRow, () => Promise<Subscription>>();
  const say = (words: string, mood: 'neutral' | 'bad' = 'neutral') => {
    setText(note, words);
    note.dataset['mood'] = mood;
  };
  const complain = (error: unknown) => say(describeError(error), 'bad');
  const remove = (row: SubscriptionRow) => {
    rows.delete(row);
    row.root.remove();
    // Whoever goes by keyboard goes on from the next row, or from the form.
    if (document.activeElement !== document.body) return;
    const next = active.querySelector('button') ?? form.querySelector('button');
    next?.focus({ preventScroll: true });
  };

  keepSubscribed(client, () => {
    for (const [row, subscribe] of rows) {
      row.waits();
      subscribe().then(
        (subscription) => row.granted(subscription),
        (error: unknown) => {
          // Closed again: the row stays for the next time.
          if (client.status.type === 'closed') return;
          remove(row);
          complain(error);
        },
      );
    }
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wanted = filter.value;
    const options = {
      qos: readQoS(chosen(form, 'subscribe-qos')),
      noLocal: noLocal.checked,
      retainAsPublished: retainAsPublished.checked,
      retainHandling: readRetainHandling(retainHandling.value),
    };
    const row = new SubscriptionRow(
      wanted,
      () => {
        remove(row);
        say('');
      },
      (error) => {
        // Nothing is subscribed to any more, and this shall not be again.
        if (client.status.type === 'closed') remove(row);
        else complain(error);
      },
    );
    const subscribe = () =>
      client.subscribe(wanted, options, (message) => {
        row.count();
        messages.add(wanted, message);
      });
    say(client.status.type === 'connected' ? '' : 'Will be sent when the link is back.');
    try {
      row.granted(await subscribe());
      rows.set(row, subscribe);
      active.append(row.root);
      say('');
    } catch (error) {
      complain(error);
    }
  });
}

function readRetainHandling(text: string): 0 | 1 | 2 {
  return text === '2' ? 2 : text === '1' ? 1 : 0;
}

/** One active subscription. */
class SubscriptionRow {
  readonly root: HTMLElement;
  readonly #qos = element('span', { class: 'tag' });
  readonly #count = element('span', { class: 'tag' }, '0');
  readonly #button = element('button', { attributes: { type: 'button' } }, 'Unsubscribe');
  #messages = 0;
  readonly #paintCount = painter(() => {
    const noun = this.#messages === 1 ? 'message' : 'messages';
    setText(this.#count, `${grouped(this.#messages)} ${noun}`);
  });
  #subscription: Subscription | undefined;

  /** @param ended called when the reader has ended it; `failed` when that was not confirmed */
  constructor(filter: string, ended: () => void, failed: (error: unknown) => void) {
    this.#button.setAttribute('aria-label', `Unsubscribe from ${filter}`);
    this.root = element('li', {}, element('code', {}, filter), this.#qos, this.#count, this.#button);
    this.#button.addEventListener('click', async () => {
      this.#button.disabled = true;
      try {
        await this.#subscription?.unsubscribe();
        ended();
      } catch (error) {
        this.#button.disabled = false;
        failed(error);
      }
    });
  }

  count(): void {
    this.#messages += 1;
    this.#paintCount();
  }

  /** Asked for again, and not granted yet. */
  waits(): void {
    this.#button.disabled = true;
  }

  granted(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#button.disabled = false;
    setText(this.#qos, `QoS ${subscription.qos}`);
    if (this.#messages === 0) setText(this.#count, 'no message yet');
  }
}

/** The messages that arrived, newest first. */
class MessageList {
  readonly #list = byId('messages', HTMLElement);
  readonly #format = byId('payload-format', HTMLSelectElement);
  #shown: Shown[] = [];
  /** What arrived since the list was last painted. */
  #fresh: Arrival[] = [];
  readonly #paintSoon = painter(() => this.#paint());

  constructor() {
    this.#format.addEventListener('change', () => {
      for (const { excerpt, node } of this.#shown) setText(node, showExcerpt(excerpt, this.#chosenFormat()));
    });
    byId('clear-messages', HTMLButtonElement).addEventListener('click', () => {
      this.#shown = [];
      this.#fresh = [];
      this.#list.replaceChildren();
    });
  }

  /** Adds a message; many that arrive together are painted together. */
  add(filter: string, message: Message): void {
    this.#paintSoon();
    const { topic, qos, retain, redelivered, params, properties, payload } = message;
    // Of a flood, only what will be seen is worth painting.
    if (this.#fresh.length >= maxMessages) this.#fresh.shift();
    const kept = { topic, qos, retain, redelivered, params, properties };
    this.#fresh.push({ ...kept, filter, excerpt: excerptOf(payload), time: new Date() });
  }

  #paint(): void {
    const format = this.#chosenFormat();
    const fresh = this.#fresh.splice(0).map((arrival) => {
      const { excerpt } = arrival;
      const node = element('pre', { class: 'payload' }, showExcerpt(excerpt, format));
      return { excerpt, node, root: listItem(arrival, node) };
    });
    this.#shown = [...this.#shown, ...fresh.map(({ excerpt, node }) => ({ excerpt, node }))].slice(
      -maxMessages,
    );
    prependBounded(this.#list, fresh.map(({ root }) => root).reverse(), maxMessages);
  }

  #chosenFormat(): PayloadFormat {
    const { value } = this.#format;
    return value === 'text' || value === 'json' || value === 'hex' ? value : 'auto';
  }
}

/** A message in the list, around its payload. */
function listItem(arrival: Arrival, payload: HTMLElement): HTMLElement {
  const { filter, topic, qos, retain, redelivered, params, properties, time } = arrival;
  return element(
    'li',
    { class: 'message' },
    element(
      'p',
      { class: 'message-head' },
      element('code', { class: 'topic' }, topic),
      element('span', { class: 'tag' }, `QoS ${qos}`),
      ...(retain ? [element('span', { class: 'tag' }, 'retained')] : []),
      ...(redelivered ? [element('span', { class: 'tag' }, 'again')] : []),
      element('time', { attributes: { datetime: time.toISOString(), title: filter } }, preciseClock(time)),
    ),
    payload,
    ...listOf(
      'params',
      Object.entries(params).map(([name, value]) => `${name} = ${value}`),
    ),
    ...listOf('properties', listProperties(properties)),
  );
}

function listOf(name: string, lines: readonly string[]): HTMLElement[] {
  if (lines.length === 0) return [];
  return [element('ul', { class: `lines ${name}` }, ...lines.map((line) => element('li', {}, line)))];
}
