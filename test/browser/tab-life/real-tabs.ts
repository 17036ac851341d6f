/**
 * A Chromium whose tabs live as those of a user do: hidden behind each other and slowed down for it, frozen, kept in
 * the back/forward cache. Under Playwright's own defaults every tab believes that it is in front.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test';
import { findBrowser } from '../../support/browsers';
import { waitFor } from '../../support/wait-for';

/** A running browser. */
export class RealTabs {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #address: string;
  readonly #browsers: Browser[] = [];

  private constructor(process: ChildProcess, profile: string, address: string) {
    this.#process = process;
    this.#profile = profile;
    this.#address = address;
  }

  /** Starts the Chromium of this machine. @throws Error when there is none */
  static async start(): Promise<RealTabs> {
    const found = findBrowser('chromium');
    if (found === undefined) throw new Error('There is no Chromium here');
    const profile = mkdtempSync(join(tmpdir(), 'mqtide-tabs-'));
    const args = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`];
    const child = spawn(found.path, [...args, ...(found.launch?.args ?? []), 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      let output = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      const [, address = ''] = await waitFor(() => /DevTools listening on (\S+)/.exec(output), {
        what: 'the address of the browser',
        timeout: 30_000,
      });
      const tabs = new RealTabs(child, profile, address);
      await tabs.#connect();
      return tabs;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Looks anew for a page: Playwright loses sight of those that come out of the back/forward cache. */
  async find(url: string): Promise<Page> {
    const context = await this.#connect();
    const page = context.pages().find((one) => one.url() === url);
    if (page === undefined) throw new Error(`There is no tab with ${url}`);
    return page;
  }

  async #connect(): Promise<BrowserContext> {
    this.#browsers.push(await chromium.connectOverCDP(this.#address, { noDefaults: true }));
    return this.#context;
  }

  get #context(): BrowserContext {
    const context = this.#browsers.at(-1)?.contexts()[0];
    if (context === undefined) throw new Error('The browser has no context');
    return context;
  }

  /** Opens a tab in front of the others. */
  async open(url: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(url);
    await page.bringToFront();
    return page;
  }

  /** Freezes a page, as the browser does to hidden ones, or thaws it. */
  async lifecycle(page: Page, state: 'frozen' | 'active'): Promise<void> {
    const session = await page.context().newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state });
    await session.detach();
  }

  async close(): Promise<void> {
    const ended = this.#process.exitCode === null ? once(this.#process, 'exit') : undefined;
    const session = await this.#browsers.at(-1)?.newBrowserCDPSession();
    await session?.send('Browser.close').catch(() => this.#process.kill('SIGKILL'));
    await ended;
    // Its other processes end after it.
    const removed = () => {
      rmSync(this.#profile, { recursive: true, force: true });
      return true;
    };
    await waitFor(removed, { what: 'the end of all processes of the browser', timeout: 10_000 });
  }
}
