/** Checks of the fields of packets that we are asked to write: JavaScript callers have no compiler. */

import { UsageError } from '../errors';

/** Largest Two Byte Integer, and the most bytes that Binary Data can hold [v5 1.5.2, 1.5.6]. */
export const maximumUint16 = 65_535;

/** Largest Four Byte Integer [v5 1.5.3]. */
export const maximumUint32 = 4_294_967_295;

/** Whether the value is a whole number from `least` to `most`. */
export function isInteger(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

/** @throws UsageError unless the value is a whole number from `least` to `most` */
export function checkInteger(value: unknown, where: string, least: number, most: number): void {
  if (!isInteger(value, least, most)) {
    throw new UsageError(`${where} must be a whole number from ${least} to ${most}`);
  }
}

/** @throws UsageError unless the value is a boolean */
export function checkBoolean(value: unknown, where: string): void {
  if (typeof value !== 'boolean') throw new UsageError(`${where} must be true or false`);
}

/**
 * Checks bytes.
 *
 * @returns their number
 * @throws UsageError unless the value is a Uint8Array of at most `most` bytes
 */
export function checkBytes(value: unknown, where: string, most: number = maximumUint16): number {
  if (!isBytes(value)) throw new UsageError(`${where} must be a Uint8Array`);
  if (value.length > most) throw new UsageError(`${where} must not hold more than ${most} bytes`);
  return value.length;
}

/** @throws UsageError unless the value is an object */
export function checkObject(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null) throw new UsageError(`${where} must be an object`);
}

/** @throws UsageError unless the value is an array */
export function checkArray(value: unknown, where: string): void {
  if (!Array.isArray(value)) throw new UsageError(`${where} must be an array`);
}

/** @throws UsageError unless the value is an array with something in it */
export function checkList(value: readonly unknown[], where: string): void {
  checkArray(value, where);
  if (value.length === 0) throw new UsageError(`${where} must hold at least one entry`);
}

/** @throws UsageError unless the value is a Packet Identifier: never zero [v5 2.2.1, v3 MQTT-2.3.1-1] */
export function checkPacketId(value: unknown): void {
  checkInteger(value, 'packetId', 1, maximumUint16);
}

/** @throws UsageError unless the value is 0, 1 or 2 [v5 MQTT-3.3.1-4] */
export function checkQoS(value: unknown, where: string): void {
  checkInteger(value, where, 0, 2);
}

/** The error for what only MQTT 5.0 can carry. */
export function needsMqtt5(what: string): UsageError {
  return new UsageError(`${what} needs MQTT 5.0`, 'needs-mqtt-5');
}

/** Whether the value is a Uint8Array; it may come from another realm, as in a test runner with a DOM. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === '[object Uint8Array]';
}
