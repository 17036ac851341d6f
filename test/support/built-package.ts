/** The package as its users get it: built, packed, and installed in an empty folder outside the tree. */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the built files are made from. */
const sources = ['src', 'rollup.config.mjs', 'tsconfig.json', 'package.json', 'package-lock.json'];

/** Builds, unless the built files are newer than everything that they are made from. */
export function ensureBuilt(): void {
  // The file that the build writes last.
  const built = join(root, 'dist/mqtide.min.js');
  const newest = Math.max(...sources.map((source) => changedAt(join(root, source))));
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return;
  execFileSync(process.execPath, [join(root, 'node_modules/rollup/dist/bin/rollup'), '-c', '--silent'], {
    cwd: root,
    stdio: 'inherit',
  });
}

/** A folder whose `node_modules` holds mqtide. */
export interface Consumer {
  /** Its absolute path. */
  readonly folder: string;
  /** Deletes it. */
  remove(): void;
}

/**
 * Packs what is built and installs it.
 *
 * @param companions packages of this repository that the consumer has too, such as `ws`
 */
export function installPackage(companions: readonly string[] = []): Consumer {
  const folder = mkdtempSync(join(tmpdir(), 'mqtide-consumer-'));
  const target = join(folder, 'node_modules/mqtide');
  mkdirSync(target, { recursive: true });
  const packed = npm(['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]).trim();
  execFileSync('tar', ['-xzf', join(folder, packed), '-C', target, '--strip-components=1']);
  rmSync(join(folder, packed));
  for (const name of companions) {
    mkdirSync(join(folder, 'node_modules', name, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
  }
  // Deno resolves only what is named here.
  const dependencies = Object.fromEntries(['mqtide', ...companions].map((name) => [name, '*']));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs npm in the repository and returns what it prints. */
export function npm(args: readonly string[]): string {
  return execFileSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** When a file, or anything in a folder, changed last. */
function changedAt(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
}
