/** What `mqtt-packet` has to have in a page: esbuild puts it where these names are used. */

// The package, which has the name of Node's module.
export { Buffer } from 'buffer/';

export const process = {
  nextTick: (callback: () => void) => queueMicrotask(callback),
  env: {},
  browser: true,
};
