/** The one place that polls: everything else in the tests waits for events and promises. */

/** Options of {@link waitFor}. */
export interface WaitForOptions {
  /** Gives up after this many milliseconds. @default 5_000 */
  readonly timeout?: number | undefined;
  /** What is waited for, for the error: `'the second connection'`. @default the condition's source */
  readonly what?: string | undefined;
}

/** How long after the first looks the next follow, in milliseconds. */
const pause = 2;
/** Looks that follow each other without a timer: most conditions hold after a few turns of the event loop. */
const eagerLooks = 20;

/**
 * Waits until a condition holds.
 *
 * @param condition returns what is waited for, or anything falsy while it is not there; may be asynchronous
 * @returns what the condition returned
 * @throws Error naming what was waited for, with the condition's last exception as its cause
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { timeout = 5_000, what }: WaitForOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = performance.now() + timeout;
  let cause: unknown;
  for (let look = 0; ; look++) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      const message = `waited ${timeout} ms in vain for ${what ?? condition.toString()}`;
      throw new Error(message, cause === undefined ? undefined : { cause });
    }
    await new Promise<void>((resolve) => {
      if (look < eagerLooks) setImmediate(resolve);
      else setTimeout(resolve, pause);
    });
  }
}
