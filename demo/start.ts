/**
 * The demo: a broker, a process that publishes this machine's figures over TCP, and a page that shows what
 * mqtide does over WebSocket. Nothing leaves this machine, unless the page is told to connect to another.
 */

import { startBroker } from '../test/broker';
import { MachineProcess } from './machine-process';
import { type DemoOptions, readOptions, usage } from './options';
import { bundlePage } from './page-bundle';
import { type Command, servePage } from './page-server';
import { choosePort } from './ports';
import { Tunnels } from './tunnel';

/** A cut lasts at most this long, in seconds. */
const longestCut = 300;

try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.help) console.log(usage);
  else await start(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function start({ host, port, mqttPort, wsPort }: DemoOptions): Promise<void> {
  const [broker, files] = await Promise.all([
    startBroker({
      host,
      port: await takePort('MQTT', mqttPort, host),
      wsPort: await takePort('WebSocket', wsPort, host),
      // So that signing in can be tried, and a wrong password.
      users: [{ username: 'tide', password: 'tide' }],
      allowAnonymous: true,
      // So that a refusal can be seen, with the reason in words.
      authorization: { publish: { deny: ['private/#'] }, subscribe: { deny: ['private/#'] } },
      diagnostics: 'reason',
      logSize: 0,
    }),
    bundlePage(),
  ]);

  // What listens on every address is reached on this one.
  const near = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const tunnels = new Tunnels({ host: near, port: broker.wsPort, path: new URL(broker.wsUrl).pathname });
  const machine = new MachineProcess(`mqtt://${bracketed(near)}:${broker.port}`);

  const commands = new Map<string, Command>([
    [
      '/cut',
      (query) => {
        const seconds = Number(query.get('seconds'));
        const mode = query.get('mode') ?? 'silence';
        if (!(seconds > 0 && seconds <= longestCut))
          throw new Error(`seconds must be above 0 and at most ${longestCut}`);
        if (mode !== 'silence' && mode !== 'reset') throw new Error('mode must be silence or reset');
        tunnels.cut(query.get('link') ?? '', seconds * 1_000, mode);
      },
    ],
    ['/mend', (query) => tunnels.mend(query.get('link') ?? '')],
    ['/machine/kill', () => machine.kill()],
    ['/machine/start', () => machine.start()],
  ]);

  const pagePort = await takePort('page', port, host);
  const page = await servePage({
    host,
    port: pagePort,
    files,
    tunnels,
    commands,
    about: () => ({ mqttUrl: broker.url, wsUrl: broker.wsUrl, pid: process.pid, machinePid: machine.pid }),
  });
  machine.start();

  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    // The machine says good-bye while there is a broker to hear it.
    await machine.stop();
    await page.close();
    await broker.close();
    process.exit();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);

  console.log(`
  mqtide demo: http://${bracketed(near)}:${pagePort}/

  MQTT over TCP        ${broker.url}
  MQTT over WebSocket  ${broker.wsUrl}

  Ctrl-C ends it.`);
}

/** Chooses a port, and says so when it is not the wished one. */
async function takePort(what: string, wished: number, host: string): Promise<number> {
  const port = await choosePort(wished, host);
  if (wished !== 0 && port !== wished) console.log(`Port ${wished} for ${what} is taken, using ${port}.`);
  return port;
}

/** A host as URLs write it. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
