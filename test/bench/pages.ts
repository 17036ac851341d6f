/** Pages in Chromium for the benches, each with one peer, and the sink that they connect to. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from '@playwright/test';
import { build } from 'esbuild';
import { describeBrowser, findBrowser } from '../support/browsers';
import { root } from '../support/built-package';
import { serveFolders } from '../support/static-server';
import type { BenchPage, PagePeer } from './page';
import { type Sink, startSink } from './sink-process';
import type { Measured, Work } from './work';

/** Isolated pages have a clock with steps of 5 microseconds; that of others has steps of 100. */
const isolated = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** A page that holds one peer. */
export class PeerPage {
  readonly #page: Page;
  readonly #session: CDPSession;

  constructor(page: Page, session: CDPSession) {
    this.#page = page;
    this.#session = session;
  }

  static async open(browser: Pick<Browser | BrowserContext, 'newPage'>, url: string): Promise<PeerPage> {
    const page = await browser.newPage();
    await page.goto(url);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    return new PeerPage(page, session);
  }

  connect(peer: PagePeer, url: string): Promise<void> {
    return this.#page.evaluate(
      ([name, to]) => (globalThis as unknown as { bench: BenchPage }).bench.connect(name, to),
      [peer, url] as const,
    );
  }

  /** Seconds that the main thread was busy since the page was opened. */
  async #busy(): Promise<number> {
    const { metrics } = await this.#session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  }

  async work(work: Work): Promise<{ readonly measured: Measured; readonly busy: number }> {
    const before = await this.#busy();
    const measured = await this.#page.evaluate(
      (asked) => (globalThis as unknown as { bench: BenchPage }).bench.work(asked),
      work,
    );
    return { measured, busy: (await this.#busy()) - before };
  }

  /** See {@link BenchPage.store}. */
  store(count: number): Promise<number> {
    return this.#page.evaluate(
      (many) => (globalThis as unknown as { bench: BenchPage }).bench.store(many),
      count,
    );
  }

  /** Bytes of the heap and of what hangs on it, after garbage collection. */
  async heap(): Promise<number> {
    for (let index = 0; index < 4; index += 1) await this.#session.send('HeapProfiler.collectGarbage');
    const usage: HeapUsage = await this.#session.send('Runtime.getHeapUsage');
    return usage.usedSize + (usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0);
  }

  close(): Promise<void> {
    return this.#page.close();
  }
}

/** What newer versions of Chromium tell, too. */
interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize?: number;
  readonly backingStorageSize?: number;
}

/** What the benches in a browser work with. */
export interface Pages {
  readonly browser: Browser;
  /** A profile of its own on the disk: others keep what pages store in memory. */
  profile(): Promise<BrowserContext>;
  readonly sink: Sink;
  /** Serves the pages of peers (`index.html`) and of the codec (`codec.html`), an empty one (`empty.html`) and the built files. */
  readonly server: Awaited<ReturnType<typeof serveFolders>>;
  close(): Promise<void>;
}

/** Starts all of that; undefined where there is no Chromium, which it says. */
export async function openPages(): Promise<Pages | undefined> {
  const found = findBrowser('chromium');
  if (!found?.launch) {
    console.log(describeBrowser('chromium', found));
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'mqtide-bench-'));
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const bundle = (source: string, inject: readonly string[] = []) =>
    build({
      entryPoints: [here(source)],
      inject: inject.map(here),
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      outdir: folder,
      logLevel: 'error',
    });
  await bundle('page.ts');
  await bundle('codec-page.ts', ['node-globals.ts']);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="page.js"></script>');
  writeFileSync(
    join(folder, 'codec.html'),
    '<!doctype html><script type="module" src="codec-page.js"></script>',
  );
  writeFileSync(join(folder, 'empty.html'), '<!doctype html><title>empty</title>');
  const server = await serveFolders({ '/': folder, '/dist': join(root, 'dist') }, { headers: isolated });
  const sink = await startSink();
  const { launch } = found;
  const browser = await chromium.launch(launch);
  const profiles: BrowserContext[] = [];
  return {
    browser,
    async profile() {
      const path = join(folder, `profile-${profiles.length}`);
      const profile = await chromium.launchPersistentContext(path, launch);
      profiles.push(profile);
      return profile;
    },
    sink,
    server,
    async close() {
      for (const profile of profiles) await profile.close();
      await browser.close();
      sink.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
