/** A promise with its two ends: `Promise.withResolvers`, which our oldest browsers do not have. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

/** Makes a {@link Deferred}. */
export function deferred<Value>(): Deferred<Value> {
  // A promise calls its executor at once.
  let resolve!: Deferred<Value>['resolve'];
  let reject!: Deferred<Value>['reject'];
  const promise = new Promise<Value>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { promise, resolve, reject };
}

/** Lets a promise fail without an `unhandledrejection` when nobody looks at it. */
export function ignoreRejection(promise: Promise<unknown>): void {
  promise.catch(() => {});
}
