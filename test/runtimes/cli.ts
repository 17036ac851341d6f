/** `npm run test:runtimes`: the built package in Node, Deno and Bun, the same scenarios as in browsers. */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Peers, startPeers } from '../browser/engines/peers';
import type { ScenarioName } from '../browser/engines/scenarios';
import { ensureBuilt, installPackage, root } from '../support/built-package';
import type { Errand, Report } from './runner';

// They import the package as it is built.
ensureBuilt();
const { scenarios } = await import('../browser/engines/scenarios');

const here = fileURLToPath(new URL('.', import.meta.url));
const modules = join(here, 'node_modules');

/** A runtime and how it runs a script. */
interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly flags: readonly string[];
  /** Whether its WebSocket is that of the package `ws`, or its own. */
  readonly webSocket: 'ws' | 'own';
}

const node = (major: number): string => join(modules, `node${major}/bin/node`);

const runtimes: readonly Runtime[] = [
  ...[20, 22, 24, 26].map(
    (major): Runtime => ({ name: `Node ${major}`, program: node(major), flags: [], webSocket: 'ws' }),
  ),
  ...[22, 24, 26].map(
    (major): Runtime => ({
      name: `Node ${major}, own WebSocket`,
      program: node(major),
      flags: [],
      webSocket: 'own',
    }),
  ),
  {
    name: 'Deno',
    program: join(modules, '.bin/deno'),
    flags: ['run', '--allow-all', '--quiet', '--no-lock'],
    webSocket: 'own',
  },
  { name: 'Bun', program: join(modules, '.bin/bun'), flags: ['run'], webSocket: 'ws' },
];

const schemes = ['ws', 'mqtt'] as const;

/** Why a cell is not run. */
function reasonAgainst(name: ScenarioName, scheme: (typeof schemes)[number]): string | undefined {
  if (name === 'IndexedDB store') return 'no IndexedDB outside browsers';
  if (scheme === 'mqtt' && (name === 'refused subprotocol' || name === 'text frame')) return 'WebSocket only';
  return undefined;
}

/** Longest time for all scenarios of one runtime, in milliseconds. */
const patience = 180_000;

/** Runs a runtime over a scheme. */
async function run(
  { program, flags }: Runtime,
  scheme: (typeof schemes)[number],
  folder: string,
): Promise<Map<ScenarioName, string>> {
  const results = new Map<ScenarioName, string>();
  const peers: Peers = await startPeers(scheme);
  try {
    // One process a scenario: what hangs takes no other with it.
    for (const name of Object.keys(scenarios) as ScenarioName[]) {
      const reason = reasonAgainst(name, scheme);
      if (reason !== undefined) {
        results.set(name, `(${reason})`);
        continue;
      }
      const errands: readonly Errand[] = [{ name, here: peers.here() }];
      const child = spawn(program, [...flags, join(folder, 'runner.mjs'), JSON.stringify(errands)], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: patience,
        killSignal: 'SIGKILL',
      });
      let output = '';
      let errors = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
      });
      const code = await new Promise<number | string | null>((resolve) => {
        child.once('error', (error) => resolve(error.message));
        child.once('close', resolve);
      });
      const line = output.split('\n').find((text) => text.startsWith('{'));
      const report = line === undefined ? undefined : (JSON.parse(line) as Report);
      if (report?.error === undefined && report !== undefined && code === 0) results.set(name, 'passed');
      else {
        results.set(name, 'FAILED');
        console.log(`  ${name}: ${report?.error ?? `ended with ${code}`}\n${errors.slice(0, 2_000)}`);
      }
    }
  } finally {
    await peers.close();
  }
  return results;
}

function version({ program }: Runtime): string {
  return /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? '?';
}

const wanted = process.argv.slice(2);
if (!existsSync(modules)) {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', here], { stdio: 'inherit' });
}
const folders = { ws: installPackage(['ws']), own: installPackage() };
let failed = 0;
let passed = 0;
try {
  for (const { folder } of Object.values(folders)) {
    await build({
      entryPoints: [join(here, 'runner.ts')],
      outfile: join(folder, 'runner.mjs'),
      bundle: true,
      format: 'esm',
      target: 'es2022',
      platform: 'node',
      // The package as it is installed, not its source.
      external: ['mqtide', 'mqtide/*'],
      logLevel: 'warning',
    });
  }
  const rows: string[][] = [];
  for (const runtime of runtimes) {
    if (wanted.length > 0 && !wanted.some((text) => runtime.name.toLowerCase().includes(text.toLowerCase())))
      continue;
    for (const scheme of schemes) {
      if (runtime.webSocket === 'own' && scheme === 'mqtt' && runtime.name.includes(',')) continue;
      console.log(`${runtime.name} (${version(runtime)}) over ${scheme}: ...`);
      const results = await run(runtime, scheme, folders[runtime.webSocket].folder);
      rows.push([`${runtime.name} ${scheme}:`, ...results.values()]);
      for (const result of results.values()) {
        if (result === 'passed') passed += 1;
        if (result === 'FAILED') failed += 1;
      }
    }
  }
  const head = ['', ...Object.keys(scenarios)];
  // Scenarios go down, runtimes across: names are shorter than reasons.
  const columns = [head, ...rows];
  const widths = columns.map((column) => Math.max(...column.map((cell) => cell.length)));
  for (const index of head.keys())
    console.log(
      columns
        .map((column, at) => (column[index] ?? '').padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
} finally {
  folders.ws.remove();
  folders.own.remove();
}
console.log(`${passed} cells passed, ${failed} failed`);
// .ci/run adds them up with the other tests.
if (process.env['CI'] !== undefined) {
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: 0, numTodoTests: 0 };
  mkdirSync(join(root, 'test-results'), { recursive: true });
  writeFileSync(join(root, 'test-results/runtimes.json'), JSON.stringify({ ...counts, testResults: [] }));
}
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
