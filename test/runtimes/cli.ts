/**
 * The built package in Node, Deno, Bun and workerd, the same scenarios as in browsers.
 *
 *   npm run test:runtimes [-- NAME...]
 *
 * Names, or parts of them, choose among the runtimes.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPeers } from '../browser/engines/peers';
import type { ScenarioName } from '../browser/engines/scenarios';
import { ensureBuilt, installPackage, root } from '../support/built-package';
import { modules, prepare, type Runtime, runtimes, type Scheme } from './runtimes';

// They import the package as it is built.
ensureBuilt();
const { scenarios } = await import('../browser/engines/scenarios');

const here = fileURLToPath(new URL('.', import.meta.url));

/** Why a cell is not run. */
function reasonAgainst(name: ScenarioName, scheme: Scheme): string | undefined {
  if (name === 'IndexedDB store') return 'no IndexedDB outside browsers';
  if (scheme === 'mqtt' && (name === 'refused subprotocol' || name === 'text frame')) return 'WebSocket only';
  return undefined;
}

/** Runs a runtime over a scheme. */
async function run(runtime: Runtime, scheme: Scheme, folder: string): Promise<Map<ScenarioName, string>> {
  const results = new Map<ScenarioName, string>();
  const peers = await startPeers(scheme);
  try {
    // One process a scenario: what hangs takes no other with it.
    for (const name of Object.keys(scenarios) as ScenarioName[]) {
      const reason = reasonAgainst(name, scheme);
      if (reason !== undefined) {
        results.set(name, `(${reason})`);
        continue;
      }
      const { error } = await runtime.run(runtime.program, folder, { name, here: peers.here() });
      results.set(name, error === undefined ? 'passed' : 'FAILED');
      if (error !== undefined) console.log(`  ${name}: ${error}`);
    }
  } finally {
    await peers.close();
  }
  return results;
}

function version({ program }: Runtime): string {
  const printed = execFileSync(program, ['--version'], { encoding: 'utf8' });
  return /\d+[.-]\d+[.-]\d+/.exec(printed)?.[0] ?? '?';
}

const wanted = process.argv.slice(2);
if (!existsSync(modules)) {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', here], { stdio: 'inherit' });
}
const folders = { ws: installPackage(['ws']), own: installPackage() };
let failed = 0;
let passed = 0;
try {
  for (const { folder } of Object.values(folders)) await prepare(folder);
  const rows: string[][] = [];
  for (const runtime of runtimes) {
    if (wanted.length > 0 && !wanted.some((text) => runtime.name.toLowerCase().includes(text.toLowerCase())))
      continue;
    for (const scheme of runtime.schemes) {
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
