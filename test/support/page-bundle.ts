/** Pages of browser tests that are written in TypeScript, made ready for a server. They load mqtide as it is built. */

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/** Where the pages find the built files of mqtide: serve `dist` there. */
export const distPath = '/dist';

/** A folder of pages. */
export interface PageBundle {
  readonly folder: string;
  /** Deletes it. */
  remove(): void;
}

/**
 * Turns scripts into modules for browsers, each on its own, and copies files as they are.
 *
 * @param scripts absolute paths of TypeScript files; `x.ts` becomes `x.js`
 * @param files absolute paths
 */
export async function bundlePages(
  scripts: readonly string[],
  files: readonly string[] = [],
): Promise<PageBundle> {
  const folder = mkdtempSync(join(tmpdir(), 'mqtide-pages-'));
  await build({
    entryPoints: [...scripts],
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
    plugins: [
      {
        name: 'mqtide-as-built',
        setup({ onResolve }) {
          onResolve({ filter: /^mqtide(\/|$)/ }, ({ path }) => ({
            path: `${distPath}/${path.split('/')[1] ?? 'index'}.js`,
            external: true,
          }));
        },
      },
    ],
  });
  for (const file of files) copyFileSync(file, join(folder, basename(file)));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
