/** One timer for all that moves by itself: countdowns and charts. */

const listeners = new Set<(now: number) => void>();

setInterval(() => {
  const now = Date.now();
  for (const listener of listeners) listener(now);
}, 250);

/** Calls `listener` four times a second, with the wall clock in ms. */
export function onTick(listener: (now: number) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
