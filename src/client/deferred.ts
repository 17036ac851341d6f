/** A promise with its two ends: `Promise.withResolvers`, which our oldest browsers do not have. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

/** Makes a {@link Deferred}. */
export function deferred<Value>(): Deferred<Value> {
  let resolve: Deferred<Value>['resolve'] | undefined;
  let reject: Deferred<Value>['reject'] | undefined;
  const promise = new Promise<Value>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  if (!resolve || !reject) throw new TypeError('a promise calls its executor at once');
  return { promise, resolve, reject };
}

/** Lets a promise fail without an `unhandledrejection` when nobody looks at it. */
export function ignoreRejection(promise: Promise<unknown>): void {
  promise.catch(() => {});
}
