/** Three NATS servers on 127.0.0.1 that keep MQTT sessions and messages three times, and can be killed one by one. */

import { freePorts, type RunningProgram, startOnPorts, startProgram } from './broker-program';
import { findNats, howToGetNats, natsPortTaken } from './nats-server';
import { waitFor } from './wait-for';

/** The servers do not get over a kill. */
export class Disagreement extends Error {}

/** A running cluster. */
export interface NatsCluster {
  /** MQTT URLs, one for each server. */
  readonly urls: readonly string[];
  /** Every port on which they listen. */
  readonly ports: readonly number[];
  /** Kills a server, which keeps its files. */
  kill(url: string): Promise<void>;
  /** Starts a killed server again. */
  restart(url: string): Promise<void>;
  /**
   * Resolves when all that run have elected their leaders and hold what the others hold.
   *
   * @throws Disagreement when they never do
   */
  healthy(): Promise<void>;
  close(): Promise<void>;
}

interface Server {
  readonly name: string;
  readonly url: string;
  /** Of clients of NATS itself, of MQTT, of the other servers, and of those who ask how it is. */
  readonly ports: readonly [number, number, number, number];
  program: RunningProgram | undefined;
}

/** Milliseconds until servers must listen, or agree. */
const patience = 60_000;

/** Milliseconds in which servers agree, when they ever do. */
const agreement = 20_000;

/** How many of those who keep something must have all of it. */
type Needed = 'all' | 'most';

/**
 * Starts it. The caller closes it; it ends in any case when this process does.
 *
 * @throws Error with what a server wrote, when it does not start
 */
export async function startNatsCluster(): Promise<NatsCluster> {
  const path = findNats();
  if (path === undefined) throw new Error(howToGetNats);
  const started = await startOnPorts(path, natsPortTaken, () => tryToStart(path));
  await started.healthy();
  return started;
}

async function tryToStart(path: string): Promise<NatsCluster | string> {
  // Owns the directory with what the servers keep while they do not run.
  const keeper = await startProgram({
    path: 'sh',
    args: (directory) => ['-c', `echo "keeps ${directory}"; exec tail -f /dev/null`],
    ready: /keeps .*\n/,
    timeout: patience,
  });
  if (typeof keeper === 'string') return keeper;
  const { close: letGo } = keeper;
  const kept = /keeps (.*)\n/.exec(keeper.log)?.[1] ?? '';
  const all = await freePorts(12);
  const servers = [0, 1, 2].map((index): Server => {
    const [nats = 0, mqtt = 0, cluster = 0, http = 0] = all.slice(index * 4);
    return {
      name: `server${index}`,
      url: `mqtt://127.0.0.1:${mqtt}`,
      ports: [nats, mqtt, cluster, http],
      program: undefined,
    };
  });
  const routes = servers.map(({ ports }) => `"nats://127.0.0.1:${ports[2]}"`).join(', ');

  async function start(server: Server): Promise<string | undefined> {
    const [nats, mqtt, cluster, http] = server.ports;
    const program = await startProgram({
      path,
      args: (directory) => ['--config', `${directory}/nats.conf`],
      files: () => ({
        'nats.conf': [
          `server_name: ${server.name}`,
          `listen: "127.0.0.1:${nats}"`,
          `http: "127.0.0.1:${http}"`,
          `cluster { name: interop, listen: "127.0.0.1:${cluster}", routes: [${routes}] }`,
          `jetstream { store_dir: "${kept}/${server.name}" }`,
          `mqtt { listen: "127.0.0.1:${mqtt}", stream_replicas: 3 }`,
          '',
        ].join('\n'),
      }),
      ready: /Server is ready/,
      timeout: patience,
    });
    if (typeof program === 'string') return program;
    server.program = program;
    return undefined;
  }

  function serverAt(url: string): Server {
    const server = servers.find((one) => one.url === url);
    if (!server) throw new Error(`no server at ${url}`);
    return server;
  }

  /** The server that was started again last. */
  let latest: Server | undefined;
  async function restart(server: Server): Promise<void> {
    latest = server;
    const wrong = await start(server);
    if (wrong !== undefined) throw new Error(wrong);
  }

  async function healthy(): Promise<void> {
    const running = servers.filter(({ program }) => program !== undefined);
    const within = (needed: Needed) =>
      waitFor(() => agree(running, needed), { timeout: agreement, what: 'the servers to agree' });
    try {
      await within('all');
    } catch {
      // Up to some 2.9 what a server missed may stay missing until it is started once more, or even then.
      if (latest) {
        await latest.program?.close();
        await restart(latest);
      }
      await within('all').catch(() =>
        within('most').catch((cause: unknown) => {
          throw new Disagreement(String(cause), { cause });
        }),
      );
    }
  }

  async function close(): Promise<void> {
    await Promise.all(servers.map(({ program }) => program?.close()));
    await letGo();
  }

  const errors = await Promise.all(servers.map(start));
  const error = errors.find((one) => one !== undefined);
  if (error !== undefined) {
    await close();
    return error;
  }
  return {
    urls: servers.map(({ url }) => url),
    ports: all,
    async kill(url) {
      const server = serverAt(url);
      const { program } = server;
      server.program = undefined;
      await program?.close();
    },
    restart: (url) => restart(serverAt(url)),
    healthy,
    close,
  };
}

/** Who keeps a stream or a consumer, as its leader sees it. */
interface Kept {
  readonly name: string;
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[];
  };
}

interface StreamDetail extends Kept {
  readonly consumer_detail?: readonly Kept[];
}

/**
 * Whether each server knows the leader of all, and everything is kept by as many as needed.
 *
 * @throws Error with who is not there yet
 */
async function agree(servers: readonly Server[], needed: Needed): Promise<boolean> {
  const waiting = new Set<string>();
  const states: string[] = [];
  const led = new Set<string>();
  for (const { name, ports } of servers) {
    const monitor = `http://127.0.0.1:${ports[3]}`;
    // `/healthz` alone looks at consumers of retained messages, too, which end with the server that made them: up to
    // some 2.9 they are in its way for ever.
    const health = await fetch(`${monitor}/healthz?js-server-only=true`);
    if (!health.ok) throw new Error(`${name}: ${await health.text()}`);
    const answer = await fetch(`${monitor}/jsz?accounts=true&streams=true&consumers=true`);
    const { account_details = [] } = (await answer.json()) as {
      account_details?: readonly { readonly stream_detail?: readonly StreamDetail[] }[];
    };
    const streams = account_details.flatMap(({ stream_detail = [] }) => stream_detail);
    for (const stream of streams) {
      const consumers = stream.name === '$MQTT_rmsgs' ? [] : (stream.consumer_detail ?? []);
      for (const { name: kept, cluster } of [stream, ...consumers]) {
        waiting.add(kept);
        states.push(`${name} of ${kept}: ${JSON.stringify(cluster)}`);
        const replicas = cluster?.replicas ?? [];
        const current = replicas.filter(({ current, offline }) => current && !offline).length;
        const isWhole =
          replicas.length > 0 &&
          (needed === 'all' ? current === replicas.length : 2 * (1 + current) > 1 + replicas.length);
        if (cluster?.leader === name && isWhole) led.add(kept);
      }
    }
  }
  const missing = [...waiting].filter((name) => !led.has(name));
  if (missing.length > 0) {
    const seen = states.filter((state) => missing.some((one) => state.includes(one)));
    throw new Error(`not kept by all: ${missing.join(', ')}\n${seen.join('\n')}`);
  }
  return true;
}
