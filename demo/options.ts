/** What `npm start` can be told, by flags or by the environment. */

import { parseArgs } from 'node:util';

/** Where the demo listens; a port is a wish, see `choosePort`. */
export interface DemoOptions {
  /** Address that everything binds. */
  readonly host: string;
  /** Port of the page. */
  readonly port: number;
  /** Port of MQTT over TCP. */
  readonly mqttPort: number;
  /** Port of MQTT over WebSocket. */
  readonly wsPort: number;
  /** Ask for the usage text, nothing else. */
  readonly help: boolean;
}

/** Printed by `--help` and after a wrong flag. */
export const usage = `npm start -- [--host 127.0.0.1] [--port 8080] [--mqtt-port 1883] [--ws-port 8083]

  --host       address to bind; 0.0.0.0 lets other machines in, and nothing asks for a password
  --port       port of the page (environment: PORT)
  --mqtt-port  port of MQTT over TCP
  --ws-port    port of MQTT over WebSocket
  A port that is taken is replaced by a free one.`;

/**
 * Reads flags and environment.
 *
 * @throws Error for an unknown flag or a port that is none; its message is meant for the terminal
 */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): DemoOptions {
  const values = parse(args, environment['PORT'] ?? '8080');
  return {
    host: values.host,
    port: portNumber('--port', values.port),
    mqttPort: portNumber('--mqtt-port', values['mqtt-port']),
    wsPort: portNumber('--ws-port', values['ws-port']),
    help: values.help,
  };
}

function parse(args: readonly string[], port: string) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: port },
        'mqtt-port': { type: 'string', default: '1883' },
        'ws-port': { type: 'string', default: '8083' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${usage}`, { cause: error });
  }
}

function portNumber(flag: string, text: string): number {
  const port = Number(text);
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`${flag} takes a port from 0 to 65535, not "${text}"`);
  }
  return port;
}
