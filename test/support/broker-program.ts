/** Programs that tests talk to: found on this machine, started in a directory of their own, ended on every exit path. */

import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import getPort from 'get-port';

/** Where packages put what is not in everybody's PATH. */
const systemDirectories = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/opt/homebrew/bin'];

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Looks for a program: where an environment variable says, then in the directories given, in PATH, and where packages
 * put programs.
 *
 * @throws Error when the variable names no program
 */
export function findProgram(
  file: string,
  variable: string,
  environment: Environment = process.env,
  directories: readonly string[] = [],
): string | undefined {
  const named = environment[variable];
  if (named !== undefined && named !== '') {
    if (!isExecutable(named)) throw new Error(`${variable} is ${named}, which is no program`);
    return named;
  }
  const path = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  return [...directories, ...path, ...systemDirectories]
    .map((directory) => join(directory, file))
    .find(isExecutable);
}

/** A program that runs. */
export interface RunningProgram {
  /** What it wrote so far. */
  readonly log: string;
  /** Ends it and removes its directory. */
  close(): Promise<void>;
}

/** How to run a program. */
export interface ProgramOptions {
  readonly path: string;
  /** Gives its arguments, for the directory that is its own. */
  readonly args: (directory: string) => readonly string[];
  /** Gives its files, by their names in that directory. They are for this user alone. */
  readonly files?: ((directory: string) => Readonly<Record<string, string>>) | undefined;
  /** Gives what its environment has beside ours. */
  readonly environment?: ((directory: string) => Environment) | undefined;
  /** What it writes once it listens. */
  readonly ready: RegExp;
  /** Milliseconds until it must listen. */
  readonly timeout: number;
}

/**
 * Runs a command ("$@") until standard input ends, which it does however this process ends; then kills it and removes
 * its directory ($0), at a second go if a program that was killed at the same time has still written there.
 */
const guard = `
exec 3<&0 </dev/null
"$@" 2>&1 &
program=$!
(cat <&3 >/dev/null; kill -9 $program) 2>/dev/null &
wait $program
kill $! 2>/dev/null
rm -rf "$0" || { sleep 1; rm -rf "$0"; }
`;

/**
 * Starts a program and waits until it listens. The caller closes it; it ends in any case when this process does.
 *
 * @returns the program, or what it wrote when it ended instead
 */
export async function startProgram(options: ProgramOptions): Promise<RunningProgram | string> {
  const { path, args, files, environment, ready, timeout } = options;
  const directory = mkdtempSync(join(tmpdir(), 'mqtide-broker-'));
  for (const [name, text] of Object.entries(files?.(directory) ?? {})) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  }
  const child = spawn('sh', ['-c', guard, directory, path, ...args(directory)], {
    // Away from the terminal's signals: the guard itself must live to the end.
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...environment?.(directory) },
  });
  let log = '';
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  const close = () => {
    child.stdin.destroy();
    return ended;
  };
  const isReady = new Promise<boolean>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (ready.test(log)) resolve(true);
    });
    ended.then(() => resolve(false)).catch(() => resolve(false));
  });
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeout);
  });
  const outcome = await Promise.race([isReady, isLate]);
  clearTimeout(timer);
  if (outcome !== true) {
    await close();
    return outcome === 'late' ? `${log}(not listening within ${timeout} ms)` : log;
  }
  return {
    get log() {
      return log;
    },
    close,
  };
}

/** Attempts until a port that somebody else takes between our look and its start counts as a failure. */
const attempts = 5;

/**
 * Starts a program again, on other ports, while it says that a port is in use.
 *
 * @throws Error with what it wrote, when it does not start
 */
export async function startOnPorts<T extends object>(
  path: string,
  portTaken: RegExp,
  start: (attempt: number) => Promise<T | string>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const started = await start(attempt);
    if (typeof started !== 'string') return started;
    if (attempt === attempts || !portTaken.test(started)) {
      throw new Error(`${path} did not start${started === '' ? '' : `:\n${started}`}`);
    }
  }
}

/** Ports of 127.0.0.1 that are free now, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await getPort({ host: '127.0.0.1', exclude: ports }));
  return ports;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
