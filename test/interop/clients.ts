/** Clients of one test, what they get, and how that is compared. */

import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Client, Subscription } from '../../src/client/client';
import type { ClientOptions, SubscribeOptions } from '../../src/client/options';
import { connect, createClient } from '../../src/node';
import { waitFor } from '../support/wait-for';

/** Options of every client here: a failure is to be seen at once, not after the patience of an application. */
const impatient = { connectTimeout: 5_000, reconnect: false } as const satisfies ClientOptions;

/** Makes a client that ends with the running test. */
export function makeClient(url: string, options: ClientOptions = {}): Client {
  const client = createClient(url, { ...impatient, ...options });
  onTestFinished(() => client.close({ force: true }));
  return client;
}

/** Connects a client that ends with the running test. */
export async function openClient(
  url: string | readonly string[],
  options: ClientOptions = {},
): Promise<Client> {
  const client = await connect(url, { ...impatient, ...options });
  onTestFinished(() => client.close({ force: true }));
  return client;
}

/** A message, with its payload as what can be compared and read: its length and hash. */
export interface Seen {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** Messages of one Subscription. */
export interface Collected {
  readonly subscription: Subscription;
  /** As they came. */
  readonly messages: Seen[];
  /** Payloads as text, as they came. */
  readonly texts: string[];
  /** Resolves when so many came. */
  count(messages: number): Promise<void>;
  /** Resolves when a message with this text came. */
  until(text: string): Promise<void>;
}

/** Subscribes and collects. */
export async function collect(
  client: Client,
  filter: string,
  options: SubscribeOptions = { qos: 2 },
): Promise<Collected> {
  const messages: Seen[] = [];
  const texts: string[] = [];
  const subscription = await client.subscribe(filter, options, (message) => {
    const { topic, payload, qos, retain } = message;
    messages.push({ topic, payload: fingerprint(payload), qos, retain });
    texts.push(message.text());
  });
  return {
    subscription,
    messages,
    texts,
    async count(wanted) {
      await waitFor(() => messages.length >= wanted, { what: `${wanted} messages of ${filter}` });
    },
    async until(text) {
      await waitFor(() => texts.includes(text), { what: `'${text}' of ${filter}` });
    },
  };
}

/** Length and hash of a payload: equal when the bytes are, short when they are not. */
export function fingerprint(payload: Uint8Array): string {
  return `${payload.length} bytes ${createHash('sha256').update(payload).digest('hex')}`;
}

/** Bytes that look random and are the same each time. */
export function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = length;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

/** Each byte that there is, 0 among them. */
export const allBytes = Uint8Array.from({ length: 256 }, (_, index) => index);

let topics = 0;

/** A topic that no other test of this file uses. */
export function freshTopic(): string {
  topics += 1;
  return `mqtide/interop/${topics}`;
}
