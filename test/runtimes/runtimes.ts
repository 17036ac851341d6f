/** The runtimes, each with its programs and how a scenario is run there. */

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Errand, Report } from './errand';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Where `npm ci` puts them. */
export const modules = join(here, 'node_modules');

/** Longest time for a scenario, in milliseconds. */
const patience = 180_000;

/** What scenarios connect by. */
export type Scheme = 'ws' | 'mqtt';

/** A runtime. */
export interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly schemes: readonly Scheme[];
  /** Whether its WebSocket is that of the package `ws`, or its own. */
  readonly webSocket: 'ws' | 'own';
  /** Runs a scenario with the program, in a folder that holds the package. */
  run(program: string, folder: string, errand: Errand): Promise<Report>;
}

const node = (major: number): string => join(modules, `node${major}/bin/node`);

/** All of them. */
export const runtimes: readonly Runtime[] = [
  ...[20, 22, 24, 26].map(
    (major): Runtime => ({
      name: `Node ${major}`,
      program: node(major),
      schemes: ['ws', 'mqtt'],
      webSocket: 'ws',
      run: inProcess(),
    }),
  ),
  ...[22, 24, 26].map(
    (major): Runtime => ({
      name: `Node ${major}, own WebSocket`,
      program: node(major),
      schemes: ['ws'],
      webSocket: 'own',
      run: inProcess(),
    }),
  ),
  {
    name: 'Deno',
    program: join(modules, '.bin/deno'),
    schemes: ['ws', 'mqtt'],
    webSocket: 'own',
    run: inProcess('run', '--allow-all', '--quiet', '--no-lock'),
  },
  {
    name: 'Bun',
    program: join(modules, '.bin/bun'),
    schemes: ['ws', 'mqtt'],
    webSocket: 'ws',
    run: inProcess('run'),
  },
  {
    name: 'workerd',
    program: join(modules, '.bin/workerd'),
    schemes: ['ws'],
    webSocket: 'own',
    run: inWorkerd,
  },
];

/** Puts into a folder that holds the package what the runtimes run there. */
export async function prepare(folder: string): Promise<void> {
  const common = { bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning' } as const;
  for (const name of ['process-runner', 'workerd-runner']) {
    await build({
      ...common,
      entryPoints: [join(here, `${name}.ts`)],
      outfile: join(folder, `${name}.mjs`),
      platform: 'node',
      // The package as it is installed, not its source.
      external: ['mqtide', 'mqtide/*'],
    });
  }
  // A worker is one file; its bundlers choose by these conditions.
  await build({
    ...common,
    entryPoints: [join(folder, 'workerd-runner.mjs')],
    outfile: join(folder, 'worker.mjs'),
    conditions: ['workerd', 'worker', 'browser'],
  });
  writeFileSync(
    join(folder, 'workerd.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "scenarios", worker = .worker), (name = "internet", network = (allow = ["private"]))],
  sockets = [(name = "http", http = (), service = "scenarios")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-11-01",
);
`,
  );
}

/** Runs a script for the scenario. */
function inProcess(...flags: string[]): Runtime['run'] {
  return async (program, folder, errand) => {
    const lines: string[] = [];
    const end = await start(
      program,
      [...flags, join(folder, 'process-runner.mjs'), JSON.stringify(errand)],
      folder,
      (line) => {
        if (line.startsWith('{')) lines.push(line);
      },
    ).ended;
    return lines[0] !== undefined && end === '0'
      ? (JSON.parse(lines[0]) as Report)
      : { name: errand.name, error: `ended with ${end}` };
  };
}

/** Asks a worker that listens on a port of its own choice. */
async function inWorkerd(program: string, folder: string, errand: Errand): Promise<Report> {
  let listens: (port: number) => void = () => undefined;
  const port = new Promise<number>((resolve) => {
    listens = resolve;
  });
  const { ended, kill } = start(
    program,
    ['serve', join(folder, 'workerd.capnp'), '--socket-addr=http=127.0.0.1:0', '--control-fd=1'],
    folder,
    (line) => {
      const { event, port } = JSON.parse(line) as { event: string; port?: number };
      if (event === 'listen' && port !== undefined) listens(port);
    },
  );
  try {
    const asked = port.then(async (number) => {
      const body = JSON.stringify(errand);
      const response = await fetch(`http://127.0.0.1:${number}/`, { method: 'POST', body });
      return (await response.json()) as Report;
    });
    return await Promise.race([
      asked,
      ended.then((end) => ({ name: errand.name, error: `ended with ${end}` })),
    ]);
  } finally {
    kill();
    await ended;
  }
}

/** Starts a program. @returns when it has ended, and how; with what it wrote to stderr if that was no success */
function start(
  program: string,
  args: readonly string[],
  folder: string,
  onLine: (line: string) => void,
): { readonly ended: Promise<string>; kill(): void } {
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patience,
    killSignal: 'SIGKILL',
  });
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? '0' : `${code ?? signal}\n${errors.slice(0, 2_000)}`),
    );
  });
  return { ended, kill: () => child.kill('SIGKILL') };
}
