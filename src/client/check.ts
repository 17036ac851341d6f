/** Checks of arguments and options: each throws a UsageError that names the argument and the rule. */

import { UsageError } from '../errors';
import { flawIn } from '../topic/text';
import type { WaitOptions } from './options';

/** Gives the value, also undefined. @throws UsageError for what must not be */
export type Check<Value> = (value: unknown, name: string) => Value | undefined;

/**
 * Lets one kind of values pass.
 * @param what completes `must be …`
 */
export const kind =
  <Value>(what: string, is: (value: unknown) => boolean): Check<Value> =>
  (value, name) => {
    if (value === undefined || is(value)) return value as Value | undefined;
    throw new UsageError(`${name}: must be ${what}, not ${described(value)}`);
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

/** An integer within bounds; with a second maximum also that. */
export const integer = (minimum: number, maximum: number, orElse = maximum): Check<number> =>
  kind(
    `an integer ${maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`}`,
    (value) =>
      value === orElse || (Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum),
  );

/** One of some literals. */
export const choice = <const Literals extends readonly (string | number)[]>(
  ...literals: Literals
): Check<Literals[number]> =>
  kind(`one of ${literals.map((one) => (typeof one === 'string' ? `'${one}'` : one)).join(', ')}`, (value) =>
    literals.some((one) => one === value),
  );

/** A function of the type that the caller names. */
export const callback: Check<never> = kind('a function', (value) => typeof value === 'function');

const signals = kind<AbortSignal>(
  'an AbortSignal',
  (value) => typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
);

const object = kind<object>(
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** An object with members, as options are. */
export function checkObject(value: unknown, name: string): asserts value is Record<string, unknown> {
  if (object(value, name) === undefined) throw new UsageError(`${name}: must be an object, not undefined`);
}

/** An object or nothing. */
export function checkOptions(value: unknown, name: string, known: readonly string[]): void {
  for (const member of Object.keys(object(value, name) ?? {})) {
    if (known.includes(member)) continue;
    throw new UsageError(`${name}.${member}: there is no such option; one of ${known.join(', ')}`);
  }
}

/** A string that MQTT can carry: well-formed, without U+0000, at most 65,535 bytes of UTF-8 [v5 1.5.4]. */
export function text(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new UsageError(`${name}: must be a string, not ${described(value)}`);
  const flaw = flawIn(value);
  if (flaw !== undefined) throw new UsageError(`${name}: ${flaw}`);
  return value;
}

/** The options of every wait. @throws `signal.reason` when that is aborted already */
export function checkWait(options: WaitOptions | undefined): void {
  milliseconds(options?.timeout, 'options.timeout');
  checkSignal(options?.signal);
  options?.signal?.throwIfAborted();
}

/** The option `signal`. */
export function checkSignal(value: unknown): asserts value is AbortSignal | undefined {
  signals(value, 'options.signal');
}

/** A value as a message may show it: its kind, and itself only where it cannot be a secret or huge. */
export function described(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
