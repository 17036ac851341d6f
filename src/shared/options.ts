/** Options of a shared connection, and how tabs tell whether they gave the same ones. */

import { UsageError } from '../errors';
import type { ClientOptions, ServerUrls } from '../index';
import type { Fingerprint } from './wire';

/** Options of {@link connectShared}: those of a client, and a name. */
export interface SharedOptions extends ClientOptions {
  /**
   * Names the connection: tabs that give the same name share it, and have to give the same options.
   * @default scheme, host and path of the (first) URL
   */
  name?: string | undefined;
}

/** Changes when tabs of different versions of mqtide would not understand each other. */
const wireVersion = 3;

/** The name under which tabs meet. @throws UsageError */
export function nameOf(urls: ServerUrls, name: unknown): string {
  if (name !== undefined) {
    if (typeof name === 'string' && name !== '') return name;
    throw new UsageError('options.name: must be a string that is not empty; leave it out to have one made');
  }
  const [first] = urlsOf(urls);
  // Without user, password and query: names of locks and channels are seen by all code of the origin.
  return first ? `${first.protocol}//${first.host}${first.pathname}` : '';
}

/**
 * Makes digests of all options that were given. Passwords and functions count by presence: the former must not be
 * guessed from what goes over a channel, the latter live in each tab.
 */
export async function fingerprintOf(
  name: string,
  urls: ServerUrls,
  options: ClientOptions,
): Promise<Fingerprint> {
  const { password, ...others } = options;
  const values: Record<string, unknown> = {
    ...others,
    password: password === undefined ? undefined : 'given',
    url: urlsOf(urls).map((url) => {
      const copy = new URL(url);
      if (copy.password !== '') copy.password = 'given';
      return copy.href;
    }),
    version: wireVersion,
  };
  const given = Object.keys(values).filter((key) => values[key] !== undefined);
  const digests = given.map(async (key) => [key, await digestOf(`${name} ${key} ${canonical(values[key])}`)]);
  return Object.fromEntries(await Promise.all(digests));
}

/** The options in which two tabs differ, in words; empty when there are none. */
export function differences(one: Fingerprint, other: Fingerprint): string {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].filter((key) => one[key] !== other[key]).join(', ');
}

/** The URLs as they are now. */
export function urlsOf(urls: ServerUrls): URL[] {
  return [urls].flat().map((url) => new URL(url as string));
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return new Uint8Array(digest, 0, 12).join();
}

/** The same text for the same value, whatever the order of its members. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member === 'function') return 'given';
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    if (ArrayBuffer.isView(member))
      return [...new Uint8Array(member.buffer, member.byteOffset, member.byteLength)];
    if (member instanceof ArrayBuffer) return [...new Uint8Array(member)];
    if (isImplementation(member)) return 'given';
    return Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

/** Options as they are now: each hub reads them, and the caller may change its own meanwhile. */
export function ownOptions(options: ClientOptions): ClientOptions {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, ownValue(value)]));
}

function ownValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return structuredClone(value);
  if (Array.isArray(value)) return value.map(ownValue);
  return isImplementation(value) ? value : ownOptions(value);
}

/** Whether an object has methods: then its members are its own affair. */
function isImplementation(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || prototype === Object.prototype;
  const isMethod = ([name, one]: [string, unknown]) => typeof one === 'function' && !hooks.includes(name);
  return !isPlain || Object.entries(value).some(isMethod);
}

/** Functions among plain options. */
const hooks: readonly string[] = ['retry', 'constructor'];
