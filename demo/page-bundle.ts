/** Bundles the page in memory: nothing is written, so several demos can run from one checkout. */

import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** One file of the page, ready to be served. */
export interface PageFile {
  readonly type: string;
  readonly body: string | Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  map: 'application/json',
};

/** @returns the files by URL path; `/` is the page itself */
export async function bundlePage(): Promise<ReadonlyMap<string, PageFile>> {
  const output = await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('./page', import.meta.url)),
    build: {
      write: false,
      target: 'es2022',
      sourcemap: true,
      // Readable in the browser's developer tools, which is what a demo is for.
      minify: false,
      // The content security policy allows neither inline scripts nor data URLs.
      modulePreload: false,
      assetsInlineLimit: 0,
    },
  });
  if (!Array.isArray(output) && !('output' in output))
    throw new Error('the bundler watches instead of building');

  const files = new Map<string, PageFile>();
  for (const result of Array.isArray(output) ? output : [output]) {
    for (const file of result.output) {
      const extension = file.fileName.slice(file.fileName.lastIndexOf('.') + 1);
      const path = file.fileName === 'index.html' ? '/' : `/${file.fileName}`;
      files.set(path, {
        type: types[extension] ?? 'application/octet-stream',
        body: file.type === 'chunk' ? file.code : file.source,
      });
    }
  }
  return files;
}
