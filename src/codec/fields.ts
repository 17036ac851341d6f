/** Checks of what we are asked to write: JavaScript callers have no compiler. */

import { UsageError } from '../errors';

/** Largest Two Byte Integer, and so the most bytes of a string or Binary Data [v5 1.5.2, 1.5.4, 1.5.6]. */
export const maximumUint16 = 65_535;

/** @throws UsageError unless the value is a whole number from `least` to `most` */
export function checkInteger(value: unknown, where: string, least: number, most: number): void {
  if (!(Number.isInteger(value) && Number(value) >= least && Number(value) <= most)) {
    throw new UsageError(`${where} must be a whole number from ${least} to ${most}`);
  }
}

/** @throws UsageError unless the value is a boolean */
export function checkBoolean(value: unknown, where: string): void {
  if (typeof value !== 'boolean') throw new UsageError(`${where} must be true or false`);
}

/** @throws UsageError unless the value is bytes; they may come from another realm, as in a test runner with a DOM */
export function checkBytes(value: unknown, where: string): void {
  if (!(value instanceof Uint8Array) && Object.prototype.toString.call(value) !== '[object Uint8Array]') {
    throw new UsageError(`${where} must be a Uint8Array`);
  }
}

/** @throws UsageError unless the value is an object */
export function checkObject(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null) throw new UsageError(`${where} must be an object`);
}

/** @throws UsageError unless the value is an array with at least so many entries */
export function checkArray(value: unknown, where: string, least: number): void {
  if (!Array.isArray(value)) throw new UsageError(`${where} must be an array`);
  if (value.length < least) throw new UsageError(`${where} must hold at least one entry`);
}

/** @throws UsageError unless the value is 0, 1 or 2 [v5 MQTT-3.3.1-4] */
export function checkQoS(value: unknown, where: string): void {
  checkInteger(value, where, 0, 2);
}

/** The error for what only MQTT 5.0 can carry. */
export function needsMqtt5(what: string): UsageError {
  return new UsageError(`${what} needs MQTT 5.0`, 'needs-mqtt-5');
}
