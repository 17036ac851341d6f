/** Events of the hub's client, on their way to all tabs. */

import { UsageError } from '../errors';
import type { ClientEvents } from '../index';
import type { GuestSubscriptions } from './guest-subscriptions';
import type { HubCore } from './hub-core';
import { autoKey } from './requests';
import { toWired, toWireError } from './wire-error';

/** Tells all tabs what the client tells. */
export function relayEvents(core: HubCore, subscriptions: GuestSubscriptions): void {
  const { client, endings } = core;
  /** @param wired what of an event can travel */
  const relay = <Name extends keyof ClientEvents>(
    name: Name,
    wired: (event: ClientEvents[Name]) => unknown = toWired,
  ) => endings.add(client.on(name, (event) => core.emit(name, wired(event))));
  relay('connect', (event) => {
    if (!event.sessionPresent) subscriptions.sessionLost();
    return event;
  });
  relay('disconnect');
  relay('reconnecting');
  relay('close', (event) => {
    subscriptions.clear();
    return toWired(event);
  });
  // Keys that tabs made mean nothing to the application; the publish that has it settles by itself.
  relay('settled', (event) =>
    toWired({ ...event, key: event.key?.startsWith(autoKey) ? undefined : event.key }),
  );
  endings.add(
    client.on('status', () => core.tellState()),
    client.on('error', (error) => {
      const tell = () => {
        if (!core.answered.has(error) && !subscriptions.refused(error))
          core.emit('error', toWireError(error));
      };
      // It is that of a publish, as a rule: the tab which called hears of it by its promise.
      if (error instanceof UsageError) endings.later(0, tell);
      else tell();
    }),
  );
}
