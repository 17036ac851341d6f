/** The small application of `test/browser/pages`, bundled for production. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { build, createLogger } from 'vite';
import { root } from './built-package';

/** What a build gave. */
export interface ViteBuild {
  /** Where the page is that loads the bundle: `bundled.html`. */
  readonly folder: string;
  /** The code, all chunks after one another. */
  readonly code: string;
  /** What Vite had to warn about. */
  readonly warnings: readonly string[];
}

/**
 * Copies the pages to `pages` in a folder that has mqtide installed, and builds the one that wants a bundler.
 *
 * @param folder see `installPackage`
 */
export async function buildWithVite(folder: string): Promise<ViteBuild> {
  const pages = join(folder, 'pages');
  cpSync(join(root, 'test/browser/pages'), pages, { recursive: true });

  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
  };
  const result = await build({
    root: pages,
    configFile: false,
    base: './',
    logLevel: 'warn',
    customLogger: { ...createLogger('silent'), warn, warnOnce: warn, error: warn },
    build: {
      outDir: join(folder, 'bundled'),
      emptyOutDir: true,
      rollupOptions: { input: join(pages, 'bundled.html') },
    },
  });
  const outputs = Array.isArray(result) ? result : [result];
  const code = outputs
    .flatMap((output) => ('output' in output ? output.output : []))
    .map((file) => (file.type === 'chunk' ? file.code : ''))
    .join('\n');
  return { folder: join(folder, 'bundled'), code, warnings };
}
