/**
 * Looks at the package as npm would publish it, with the tools that find what its users would stumble over: publint (the
 * manifest against the files) and attw (whether types and files agree under every resolution); then bundles and compiles
 * an application with what its users have. `npm run test:consumers`.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, installPackage, npm, root } from '../support/built-package';
import { bundle } from './bundlers';
import { compile } from './compilers';

/** A tool of this folder, and how it is called for a tarball; each ends with a status of its own when it finds anything. */
const tools: Readonly<Record<string, (tarball: string) => string[]>> = {
  publint: (tarball) => ['run', tarball, '--strict'],
  // The script file is no module: nothing imports it, so it has no types.
  attw: (tarball) => [
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'table',
    '--exclude-entrypoints',
    'mqtide.min.js',
  ],
};

ensureBuilt();
const folder = mkdtempSync(join(tmpdir(), 'mqtide-packed-'));
let failures = 0;
try {
  const packed = npm(['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]).trim();
  for (const [name, argumentsFor] of Object.entries(tools)) {
    console.log(`\n--- ${name}`);
    try {
      const bin = join(root, 'test/consumers/node_modules/.bin', name);
      execFileSync(bin, argumentsFor(join(folder, packed)), {
        stdio: 'inherit',
        shell: process.platform === 'win32',
      });
    } catch {
      failures += 1;
      console.log(`${name} found something, or could not run`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const look of [bundle, compile]) {
  const consumer = installPackage(['@types/node', 'undici-types']);
  console.log(`\n--- ${look === bundle ? 'bundlers' : 'compilers'}`);
  try {
    for (const [name, what] of look(consumer.folder)) {
      failures += 1;
      console.log(`\n${name}:\n${what}`);
    }
  } finally {
    consumer.remove();
  }
}
process.exitCode = failures > 0 ? 1 : 0;
