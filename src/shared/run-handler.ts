/** Runs the application's code for a message that was taken for it; the message settles with it. */

import { ConnectionError } from '../errors';
import type { Message } from '../message';
import type { Delivery } from './delivery';
import { isThenable } from './events';
import type { TabCore } from './tab-core';
import { timerFor } from './waiting';

/**
 * See above.
 *
 * @param ended called when code that goes on has ended; nothing is called for other code
 * @returns whether it goes on
 */
export function runHandler(
  { options, events, activity }: TabCore,
  handler: (message: Message) => unknown,
  message: Message,
  delivery: Delivery,
  ended?: () => void,
): boolean {
  let result: unknown;
  try {
    result = handler(message);
  } catch (error) {
    delivery.settle(true);
    events.failure(error);
    return false;
  }
  if (!isThenable(result)) {
    delivery.settle();
    return false;
  }
  activity.began();
  let isOpen = true;
  const end = (failed: boolean, error?: unknown) => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    delivery.settle(failed);
    if (failed) events.failure(error);
    ended?.();
    // Last: the next message is under way by now.
    activity.ended();
  };
  const { handlerTimeout = 60_000 } = options;
  const timer = timerFor(handlerTimeout, () => {
    const words = `The handler of a message to '${message.topic}' did not settle within ${handlerTimeout} ms; the message counts as failed`;
    end(true, new ConnectionError('timeout', words));
  });
  Promise.resolve(result).then(
    () => end(false),
    (error: unknown) => end(true, error),
  );
  return true;
}
