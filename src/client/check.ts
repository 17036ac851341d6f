/** Checks of arguments and options: each throws a UsageError that names the argument and the rule. */

import { UsageError } from '../errors';
import { flawIn } from '../topic/text';
import type { WaitOptions } from './options';

/** An object with members, as options are. */
export function checkObject(value: unknown, name: string): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${name}: must be an object, not ${described(value)}`);
  }
}

/** An object or nothing. */
export function checkOptions(value: unknown, name: string, known: readonly string[]): void {
  if (value === undefined) return;
  checkObject(value, name);
  for (const member of Object.keys(value)) {
    if (known.includes(member)) continue;
    throw new UsageError(`${name}.${member}: there is no such option; one of ${known.join(', ')}`);
  }
}

/** An integer within bounds, or nothing. */
export function integer(value: unknown, name: string, minimum: number, maximum: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum)
    return value;
  const range =
    maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  throw new UsageError(`${name}: must be an integer ${range}, not ${described(value)}`);
}

/** A non-negative number of milliseconds, Infinity included, or nothing. */
export function milliseconds(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= 0) return value;
  throw new UsageError(`${name}: must be a number of milliseconds of at least 0, not ${described(value)}`);
}

/** True, false or nothing. */
export function boolean(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new UsageError(`${name}: must be true or false, not ${described(value)}`);
}

/** One of some literals, or nothing. */
export function oneOf<const Literal extends string | number>(
  value: unknown,
  name: string,
  literals: readonly Literal[],
): Literal | undefined {
  if (value === undefined) return undefined;
  const found = literals.find((literal) => literal === value);
  if (found !== undefined) return found;
  const choices = literals.map((literal) => (typeof literal === 'string' ? `'${literal}'` : literal));
  throw new UsageError(`${name}: must be one of ${choices.join(', ')}, not ${described(value)}`);
}

/** A function, or nothing. */
export function checkFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== 'function') {
    throw new UsageError(`${name}: must be a function, not ${described(value)}`);
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

/** An AbortSignal, or nothing. */
export function checkSignal(value: unknown, name: string): asserts value is AbortSignal | undefined {
  if (value === undefined) return;
  if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value)
    return;
  throw new UsageError(`${name}: must be an AbortSignal, not ${described(value)}`);
}

/** The options of every wait. @throws `signal.reason` when that is aborted already */
export function checkWait({ signal, timeout }: WaitOptions): void {
  milliseconds(timeout, 'options.timeout');
  checkSignal(signal, 'options.signal');
  signal?.throwIfAborted();
}

/** A value as a message may show it: its kind, and itself only where it cannot be a secret or huge. */
export function described(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
