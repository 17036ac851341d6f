/** What the hub does for tabs that ask for it, with its client. */

import type { Guest } from './guest';
import type { GuestSubscriptions } from './guest-subscriptions';
import type { HubCore } from './hub-core';
import type { Answers, Call, ToHub } from './wire';
import { toWireError } from './wire-error';

/** Does what a tab asks for, and answers. */
export async function answer(
  core: HubCore,
  subscriptions: GuestSubscriptions,
  guest: Guest,
  { id, call, limited }: ToHub & { type: 'call' },
): Promise<void> {
  const abort = limited ? new AbortController() : undefined;
  if (abort) guest.aborts.set(id, abort);
  try {
    // What subscribes has to be known before: it waits by itself.
    const gathered = call.method === 'connect' ? core.gathered : core.gatheredToRead;
    if (gathered && call.method !== 'subscribe') await gathered;
    const value = await perform(core, subscriptions, guest, call, abort?.signal);
    // The last hub had it, or we have: what a handed over client leaves open is asked again at the next.
    if (core.state !== 'over') guest.post({ type: 'answer', id, value });
  } catch (error) {
    if (error instanceof Error) core.answered.add(error);
    // A tab that is a guest anew has asked again.
    if (core.state === 'open' && !guest.isGone) guest.post({ type: 'answer', id, error: toWireError(error) });
  }
  guest.aborts.delete(id);
  core.counted();
}

function perform(
  { client }: HubCore,
  subscriptions: GuestSubscriptions,
  guest: Guest,
  call: Call,
  signal: AbortSignal | undefined,
): Promise<Answers[keyof Answers]> {
  switch (call.method) {
    case 'connect':
      return client.connect();
    case 'reauthenticate':
      return client.reauthenticate() as Promise<undefined>;
    case 'publish':
      return client.publish(
        call.topic,
        call.payload as string,
        signal ? { ...call.options, signal } : call.options,
      );
    case 'subscribe':
      return subscriptions.subscribe(guest, call, signal);
    case 'end':
      return subscriptions.end(guest, call.subscription);
    case 'unsubscribe':
      return subscriptions.unsubscribe(guest, call.filters);
  }
}
