/** RabbitMQ for tests, with its MQTT plugins on free ports of 127.0.0.1 and a port mapper (epmd) of its own. */

import { findProgram, freePorts, startOnPorts, startProgram } from './broker-program';

/** What to run where it is missing. */
export const howToGetRabbitMq =
  'RabbitMQ is missing; to get it: `apt-get install rabbitmq-server`, or set RABBITMQ_PATH (and EPMD_PATH)';

/** A running RabbitMQ. */
export interface RabbitMq {
  readonly port: number;
  readonly wsPort: number;
  /** Every port on which it, or its port mapper, listens. */
  readonly ports: readonly number[];
  close(): Promise<void>;
}

/** How it says that a port is in use. */
const portTaken = /eaddrinuse|address already in use/i;

/** Milliseconds until it must listen; it takes some ten seconds where the machine is free. */
const startTimeout = 110_000;

/** Where Debian puts the script itself; the one in PATH becomes another user first. */
const scripts = ['/usr/lib/rabbitmq/bin'];

/** Looks for the program: RABBITMQ_PATH, where Debian puts it, then PATH. */
export const findRabbitMq = (): string | undefined =>
  findEpmd() && findProgram('rabbitmq-server', 'RABBITMQ_PATH', process.env, scripts);

/** Looks for the port mapper of Erlang: without one, RabbitMQ would start one that stays behind. */
const findEpmd = (): string | undefined => findProgram('epmd', 'EPMD_PATH');

/**
 * Starts it and waits until it listens. The caller closes it; it ends in any case when this process does.
 *
 * @throws Error with what it wrote, when it does not start
 */
export async function startRabbitMq(): Promise<RabbitMq> {
  const path = findRabbitMq();
  const epmdPath = findEpmd();
  if (path === undefined || epmdPath === undefined) throw new Error(howToGetRabbitMq);
  return startOnPorts(path, portTaken, async () => {
    const ports = await freePorts(4);
    const [epmdPort = 0, nodePort = 0, port = 0, wsPort = 0] = ports;
    const epmd = await startProgram({
      path: epmdPath,
      args: () => ['-d', '-address', '127.0.0.1', '-port', `${epmdPort}`],
      ready: /epmd running/,
      timeout: startTimeout,
    });
    if (typeof epmd === 'string') return epmd;
    const server = await startProgram({
      path,
      args: () => [],
      files: () => ({
        'rabbitmq.conf': [
          'listeners.tcp = none',
          `mqtt.listeners.tcp.default = 127.0.0.1:${port}`,
          'mqtt.allow_anonymous = true',
          'mqtt.default_user = guest',
          'mqtt.default_pass = guest',
          'web_mqtt.tcp.ip = 127.0.0.1',
          `web_mqtt.tcp.port = ${wsPort}`,
          '',
        ].join('\n'),
        enabled_plugins: '[rabbitmq_mqtt,rabbitmq_web_mqtt].\n',
      }),
      environment: (directory) => ({
        // Its cookie is written there.
        HOME: directory,
        RABBITMQ_NODENAME: 'interop@localhost',
        RABBITMQ_CONFIG_FILE: `${directory}/rabbitmq`,
        RABBITMQ_CONF_ENV_FILE: `${directory}/none`,
        RABBITMQ_ENABLED_PLUGINS_FILE: `${directory}/enabled_plugins`,
        RABBITMQ_MNESIA_BASE: `${directory}/mnesia`,
        RABBITMQ_LOG_BASE: `${directory}/log`,
        RABBITMQ_DIST_PORT: `${nodePort}`,
        // Else the node listens on every address.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
        ERL_EPMD_ADDRESS: '127.0.0.1',
        ERL_EPMD_PORT: `${epmdPort}`,
        // The script becomes the server then, instead of a parent that leaves it behind when it is killed.
        RUNNING_UNDER_SYSTEMD: 'true',
      }),
      ready: /completed with \d+ plugins|Server startup complete/,
      timeout: startTimeout,
    });
    if (typeof server === 'string') {
      await epmd.close();
      return server;
    }
    return {
      port,
      wsPort,
      ports,
      async close() {
        await server.close();
        await epmd.close();
      },
    };
  });
}
