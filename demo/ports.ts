/** A free port, the wished one if it can be had. */

import getPort, { portNumbers } from 'get-port';

/** How many ports above the wished one are tried before any free one does. */
const neighbours = 99;

/**
 * Finds a free port for `host`: the wished one, else one of those above it, else any.
 *
 * @param wished 0 takes any free port
 */
export async function choosePort(wished: number, host: string): Promise<number> {
  // A loopback listener may share its port with one on every address; asking for all addresses finds that too.
  const where = isLoopback(host) ? {} : { host };
  if (wished === 0) return getPort(where);
  const ports = portNumbers(Math.max(wished, 1_024), Math.min(Math.max(wished, 1_024) + neighbours, 65_535));
  return getPort({ ...where, port: [wished, ...ports] });
}

/** Whether only this machine can reach what listens on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
