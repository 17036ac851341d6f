/**
 * WebKit by W3C WebDriver: WebKitWebDriver and its MiniBrowser, on an X server of their own that shows nothing.
 * Playwright cannot drive what a Linux distribution ships.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import getPort from 'get-port';
import { waitFor } from './wait-for';

/** Milliseconds for the start of a program, on a busy machine. */
const patience = 30_000;

/** A session: one browser, whose storage ends with it. */
export interface WebKitSession {
  /** Sends a command, such as `POST /url`, and returns its value. @throws Error with the driver's words */
  command(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>;
  /** Ends the browser, the driver and the X server. */
  close(): Promise<void>;
}

/** What the driver needs beside itself. */
export interface WebKitCompanions {
  readonly miniBrowser: string;
  readonly xServer: string;
}

/** Looks for what the driver needs; undefined when a part is missing. */
export function findWebKitCompanions(path: string): WebKitCompanions | undefined {
  const xServer = path
    .split(delimiter)
    .map((directory) => join(directory, 'Xvfb'))
    .find(existsSync);
  const libraries = ['/usr/lib', '/usr/lib64', '/usr/libexec'].filter(existsSync);
  const miniBrowser = libraries
    .flatMap((library) => [library, ...readdirSync(library).map((name) => join(library, name))])
    .map((directory) => join(directory, 'webkit2gtk-4.1/MiniBrowser'))
    .find(existsSync);
  return xServer === undefined || miniBrowser === undefined ? undefined : { miniBrowser, xServer };
}

/** Starts X server, driver and browser. @param driver path of WebKitWebDriver */
export async function startWebKit(
  driver: string,
  { miniBrowser, xServer }: WebKitCompanions,
): Promise<WebKitSession> {
  const home = mkdtempSync(join(tmpdir(), 'mqtide-webkit-'));
  const running: ChildProcess[] = [];
  const end = async () => {
    for (const child of running.reverse()) await ended(child);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const screen = guarded([xServer, '-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp']);
    running.push(screen.child);
    const display = await firstLine(screen.told);
    const port = await getPort({ host: '127.0.0.1' });
    const { child } = guarded([driver, '--host=127.0.0.1', `--port=${port}`], {
      PATH: process.env['PATH'],
      DISPLAY: `:${display}`,
      GDK_BACKEND: 'x11',
      LIBGL_ALWAYS_SOFTWARE: '1',
      NO_AT_BRIDGE: '1',
      // Nothing of the user's own, and nothing left behind.
      ...Object.fromEntries(
        ['HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME', 'XDG_RUNTIME_DIR'].map((name) => [
          name,
          home,
        ]),
      ),
    });
    running.push(child);
    const base = `http://127.0.0.1:${port}`;
    await waitFor(() => send(`${base}/status`, 'GET'), { what: 'WebKitWebDriver', timeout: patience });
    const { sessionId } = (await send(`${base}/session`, 'POST', {
      capabilities: {
        alwaysMatch: {
          acceptInsecureCerts: true,
          timeouts: { script: 120_000 },
          'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] },
        },
      },
    })) as { sessionId: string };
    const session = `${base}/session/${sessionId}`;
    return {
      command: (method, path, body) => send(`${session}${path}`, method, body),
      async close() {
        // What does not answer any more is killed below.
        await send(session, 'DELETE').catch(() => undefined);
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * Starts a program in a process group of its own, all of which is killed when our end of its standard input closes:
 * when we say so, and however else this process ends.
 *
 * @returns the guard, and what the program writes to its file descriptor 3
 */
function guarded(
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): { child: ChildProcess; told: Readable } {
  const child = spawn('/bin/sh', ['-c', '"$@" & cat > /dev/null; kill -KILL 0', 'sh', ...command], {
    detached: true,
    env,
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
  });
  child.stdin?.on('error', () => undefined);
  const told = child.stdio[3];
  if (!(told instanceof Readable)) throw new Error('a pipe was asked for');
  return { child, told };
}

/** Ends a program that {@link guarded} started. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin?.end();
  await exit;
}

async function firstLine(stream: Readable): Promise<string> {
  for await (const line of createInterface(stream)) return line;
  throw new Error('Xvfb did not start');
}

async function send(url: string, method: string, body?: object): Promise<unknown> {
  const response = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = (await response.json()) as { value: unknown };
  if (response.ok) return value;
  const { error, message } = value as { error: string; message: string };
  throw new Error(`WebKitWebDriver: ${error}: ${message}`);
}
