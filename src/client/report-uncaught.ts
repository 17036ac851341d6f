/** Where exceptions of the application's own callbacks go when nobody listens to `'error'`. */

/** Reports an exception as if it had not been caught: the global error event, in Node `'uncaughtException'`. */
export function reportUncaught(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  else {
    queueMicrotask(() => {
      throw error;
    });
  }
}
