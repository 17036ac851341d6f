/** NATS for tests, with its MQTT 3.1.1 gateway on free ports of 127.0.0.1. */

import { findProgram, freePorts, startOnPorts, startProgram } from './broker-program';

/** What to run where it is missing. */
export const howToGetNats = 'NATS is missing; to get it: `apt-get install nats-server`, or set NATS_PATH';

/** A running NATS. */
export interface Nats {
  readonly port: number;
  readonly wsPort: number;
  /** Every port on which it listens. */
  readonly ports: readonly number[];
  close(): Promise<void>;
}

/** How it says that a port is in use. */
export const natsPortTaken = /address already in use/;

/** Milliseconds until it must listen; it takes some fifty. */
const startTimeout = 30_000;

/** Looks for the program: NATS_PATH, then PATH, then where packages put it. */
export const findNats = (): string | undefined => findProgram('nats-server', 'NATS_PATH');

/**
 * Starts it and waits until it listens. The caller closes it; it ends in any case when this process does.
 *
 * @throws Error with what it wrote, when it does not start
 */
export async function startNats(): Promise<Nats> {
  const path = findNats();
  if (path === undefined) throw new Error(howToGetNats);
  return startOnPorts(path, natsPortTaken, async () => {
    const ports = await freePorts(3);
    const [natsPort = 0, port = 0, wsPort = 0] = ports;
    const started = await startProgram({
      path,
      args: (directory) => ['--config', `${directory}/nats.conf`],
      files: (directory) => ({
        'nats.conf': [
          `listen: "127.0.0.1:${natsPort}"`,
          'server_name: interop',
          // Where it keeps sessions and retained messages.
          `jetstream { store_dir: "${directory}/jetstream" }`,
          `mqtt { listen: "127.0.0.1:${port}" }`,
          `websocket { listen: "127.0.0.1:${wsPort}", no_tls: true }`,
          '',
        ].join('\n'),
      }),
      ready: /Server is ready/,
      timeout: startTimeout,
    });
    return typeof started === 'string' ? started : { port, wsPort, ports, close: started.close };
  });
}
