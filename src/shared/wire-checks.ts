/** Checks of what comes over channels: any script of the origin can say something there, by mistake too. */

import type { Announcement, Envelope } from './wire';

/** Whether it is an {@link Announcement}. */
export function isAnnouncement(data: unknown): data is Announcement {
  if (!isObject(data)) return false;
  const { type, epoch, tab, visit, fingerprint } = data;
  return type === 'hub'
    ? isCount(epoch)
    : type === 'hello' && typeof tab === 'string' && isCount(visit) && isObject(fingerprint);
}

/** Whether it is an {@link Envelope}; what is in it has a type, of the other side's making. */
export function isEnvelope<Item>(data: unknown): data is Envelope<Item> {
  return (
    isObject(data) && isCount(data['epoch']) && Array.isArray(data['items']) && data['items'].every(isObject)
  );
}

/** An epoch beyond this could not be followed by another one. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
