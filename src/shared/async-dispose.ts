/// <reference lib="esnext.disposable" preserve="true" />
/** `Symbol.asyncDispose`, also where the environment does not have it: then under the name that polyfills use. */

export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);
