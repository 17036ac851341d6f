/** Checks of what comes over channels: any script of the origin can say something there, by mistake too. */

import type { Announcement, Envelope } from './wire';

/** Whether it is an {@link Announcement}. */
export function isAnnouncement(data: unknown): data is Announcement {
  const { type, epoch, tab, visit, fingerprint } = membersOf(data);
  return type === 'hub'
    ? Number.isSafeInteger(epoch)
    : type === 'hello' && typeof tab === 'string' && Number.isSafeInteger(visit) && isObject(fingerprint);
}

/** Whether it is an {@link Envelope}; what is in it has a type, of the other side's making. */
export function isEnvelope<Item>(data: unknown): data is Envelope<Item> {
  const { epoch, items } = membersOf(data);
  return Number.isSafeInteger(epoch) && Array.isArray(items) && items.every(isObject);
}

/** None, of what is no object. */
function membersOf(value: unknown): Record<string, unknown> {
  return Object(value);
}

function isObject(value: unknown): boolean {
  return Object(value) === value;
}
