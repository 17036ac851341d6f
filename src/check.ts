/** Checks of arguments and options: each throws a UsageError that names the argument and the rule. */

import { UsageError } from './errors';

/** Gives the value, also undefined. @throws UsageError for what must not be */
export type Check<Value> = (value: unknown, name: string) => Value | undefined;

/** Largest Two Byte Integer, and so the most bytes of a string or Binary Data [v5 1.5.2, 1.5.4, 1.5.6]. */
export const maximumUint16 = 65_535;

/** A string of at most this many UTF-16 units fits, whatever it holds: none takes more than three bytes. */
const alwaysFits = 21_845;

const encoder = new TextEncoder();

/** The error for a value that is not what the argument must be. */
export function wrong(value: unknown, name: string, what: string): UsageError {
  return new UsageError(`${name}: must be ${what}, not ${described(value)}`);
}

/**
 * Lets one kind of values pass.
 * @param what completes `must be …`
 */
export const kind =
  <Value>(what: string, is: (value: unknown) => boolean): Check<Value> =>
  (value, name) => {
    if (value === undefined || is(value)) return value as Value | undefined;
    throw wrong(value, name, what);
  };

/** For others to check. */
export const unchecked = <Value>(value: unknown) => value as Value | undefined;

/** True or false. */
export const boolean = kind<boolean>('true or false', (value) => typeof value === 'boolean');

/** Infinity is never. */
export const milliseconds = kind<number>(
  'a number of milliseconds of at least 0',
  (value) => typeof value === 'number' && value >= 0,
);

/** @throws UsageError unless the value is an integer within bounds */
export function checkInteger(
  value: unknown,
  name: string,
  least: number,
  most: number,
): asserts value is number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw wrong(value, name, `an integer ${range}`);
}

/** An integer within bounds; with a second maximum also that. */
export const integer =
  (least: number, most: number, orElse?: number): Check<number> =>
  (value, name) => {
    if (value !== undefined && value !== orElse) checkInteger(value, name, least, most);
    return value as number | undefined;
  };

/** @throws UsageError unless the value is bytes; they may come from another realm, as in a test runner with a DOM */
export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (value instanceof Uint8Array || tagOf(value) === 'Uint8Array') return;
  throw wrong(value, name, 'a Uint8Array');
}

/** @throws UsageError unless the value is an array */
export function checkArray(value: unknown, name: string): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(value, name, 'an array');
}

/** One of some literals. */
export const choice = <const Literals extends readonly (string | number)[]>(
  ...literals: Literals
): Check<Literals[number]> =>
  kind(`one of ${literals.map((one) => (typeof one === 'string' ? `'${one}'` : one)).join(', ')}`, (value) =>
    (literals as readonly unknown[]).includes(value),
  );

/** A function of the type that the caller names. */
export const callback: Check<never> = kind('a function', (value) => typeof value === 'function');

/** An object with members, as options are: a Map, a Promise or Headers have none, and would be taken for empty. */
export function checkObject(value: unknown, name: string): asserts value is Record<string, unknown> {
  // The first question is only the quicker one.
  if (value?.constructor === Object || /Object|Module/.test(tagOf(value))) return;
  throw wrong(value, name, 'an object');
}

/** What a value is in any realm, such as `Map`; `Module` is what `import * as` gives. */
export const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

/** An object or nothing. */
export function checkOptions(value: unknown, name: string, known: readonly string[]): void {
  if (value === undefined) return;
  checkObject(value, name);
  // Makes no list of them, as Object.keys would for each call.
  for (const member in value) {
    if (known.includes(member) || !Object.hasOwn(value, member)) continue;
    throw new UsageError(`${name}.${member}: there is no such option; one of ${known.join(', ')}`);
  }
}

/** @throws UsageError unless the value is a string that MQTT can carry [v5 1.5.4, v3 1.5.3] */
export function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw wrong(value, name, 'a string');
  const flaw = flawIn(value);
  if (flaw !== undefined) throw new UsageError(`${name}: must ${flaw}`);
}

/** A string that MQTT can carry. */
export const text: Check<string> = (value, name) => {
  if (value !== undefined) checkText(value, name);
  return value as string | undefined;
};

/** What forbids a string in MQTT: the rule that it breaks, completes `must …`. */
function flawIn(text: string): string | undefined {
  const { length } = text;
  if (length <= alwaysFits && !/[\0\p{Surrogate}]/u.test(text)) return undefined;
  // [v5 MQTT-1.5.4-2]
  if (text.includes('\0')) return 'not contain the null character U+0000';
  // [v5 MQTT-1.5.4-1] of a well-formed pair the pattern sees the character
  if (/\p{Surrogate}/u.test(text)) return 'be well-formed: it contains half of a surrogate pair';
  // [v5 MQTT-4.7.3-3]
  if (length > maximumUint16 || (length > alwaysFits && encoder.encode(text).length > maximumUint16))
    return `not be longer than ${maximumUint16} bytes in UTF-8`;
  return undefined;
}

/** A value as a message may show it: its kind, and itself only where it cannot be a secret or huge. */
export function described(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const tag = tagOf(value);
  return /^[AO]/.test(tag) ? `an ${tag.toLowerCase()}` : `a ${tag}`;
}
