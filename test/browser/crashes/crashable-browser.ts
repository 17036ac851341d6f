/** A browser with one tab, to be reloaded, crashed and killed; what it stores is in a profile that stays. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, firefox, type Page } from '@playwright/test';
import type { FoundBrowser } from '../../support/browsers';

/** A browser on a profile of its own. */
export class CrashableBrowser {
  readonly #found: FoundBrowser;
  readonly #profile = mkdtempSync(join(tmpdir(), 'mqtide-profile-'));
  /** What its tab shows. */
  readonly #url: string;
  #context: BrowserContext | undefined;
  #page: Page | undefined;

  constructor(found: FoundBrowser, url: string) {
    this.#found = found;
    this.#url = url;
  }

  /** Starts the browser and opens the page. */
  async start(): Promise<void> {
    const type = this.#found.engine === 'firefox' ? firefox : chromium;
    this.#context = await type.launchPersistentContext(this.#profile, this.#found.launch);
    await this.#open(this.#context.pages()[0] ?? (await this.#context.newPage()));
  }

  /** Loads the page again, as its user does. */
  async reload(): Promise<void> {
    await this.#page?.reload({ waitUntil: 'commit' });
  }

  /** Crashes the process of the tab, and opens the page in a new one. Chromium only. */
  async crash(): Promise<void> {
    const [context, page] = [this.#context, this.#page];
    if (context === undefined || page === undefined) throw new Error('The browser does not run');
    const session = await context.newCDPSession(page);
    const crashed = page.waitForEvent('crash');
    // Nobody is left to answer it.
    session.send('Page.crash').catch(() => undefined);
    await crashed;
    const next = await context.newPage();
    await page.close();
    await this.#open(next);
  }

  /** Kills the browser without a warning, and starts it again on the same profile. */
  async kill(): Promise<void> {
    const context = this.#context;
    if (context === undefined) throw new Error('The browser does not run');
    const closed = context.waitForEvent('close');
    for (const pid of processesWith(this.#profile)) kill(pid);
    await closed;
    await this.start();
  }

  /** Ends the browser and deletes its profile. */
  async close(): Promise<void> {
    await this.#context?.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #open(page: Page): Promise<void> {
    this.#page = page;
    await page.goto(this.#url, { waitUntil: 'commit' });
  }
}

/** Processes that have a path among their arguments: a browser's own, by its profile. */
function processesWith(path: string): number[] {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(path)).map((line) => Number.parseInt(line, 10));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended with one of the others.
  }
}
