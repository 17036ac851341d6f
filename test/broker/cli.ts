/** `npm run broker -- [--host ADDRESS] [--port N] [--ws-port N] [--config FILE.json]`: the broker on its own. */

import { parseArgs } from 'node:util';
import { startBroker } from './broker';
import { checkPorts, readConfig } from './config';
import { onLauncherGone } from './launcher';

const usage = `Usage: npm run broker -- [options]
  --host ADDRESS     address to listen on (127.0.0.1)
  --port N           TCP port (1883)
  --ws-port N        WebSocket port (8083)
  --config FILE      JSON file with further options, see test/broker/options.ts
  --help             this text`;

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`not a port: "${text}"`);
  return port;
}

/** What an error says, and what to do where that is not in its words. */
function advice(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) return `${error.message}\n\n${usage}`;
  if (code === 'EADDRINUSE') return `${error.message}; choose others with --port and --ws-port, 0 for any`;
  return error.message;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'ws-port': { type: 'string' },
      config: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const file = values.config === undefined ? {} : readConfig(values.config);
  const options = {
    // Nobody looks at the log of a broker that runs alone.
    logSize: 0,
    ...file,
    host: values.host ?? file.host,
    port: portOf(values.port) ?? file.port ?? 1_883,
    wsPort: portOf(values['ws-port']) ?? file.wsPort ?? 8_083,
  };
  checkPorts(options);
  const broker = await startBroker(options);
  broker.core.onBreak = (error) => console.error('broker:', error);
  const places: string[] = [];
  if (options.port !== false) places.push(broker.url);
  if (options.wsPort !== false) places.push(broker.wsUrl);
  if (file.tls !== undefined && file.tls.port !== false) places.push(broker.tlsUrl);
  if (file.tls !== undefined && file.tls.wsPort !== false) places.push(broker.wssUrl);
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    void broker.close();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  onLauncherGone(end);
  // Last: who reads the line may end us, or our launcher, at once.
  console.log(`mqtide broker listening on ${places.join(' and ')}`);
}

run().catch((error: unknown) => {
  console.error(`broker: ${advice(error)}`);
  process.exitCode = 1;
});
