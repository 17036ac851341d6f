/** The same few things in every engine, so that a test of the page runs in all of them. */

import { type Browser, chromium, firefox, type Page, webkit } from '@playwright/test';
import type { FoundBrowser } from './browsers';
import { waitFor } from './wait-for';
import { startWebKit, type WebKitSession } from './webkit-driver';

/** A tab. */
export interface Tab {
  /** Goes to a page and waits until it is loaded. */
  goto(url: string): Promise<void>;
  /**
   * Calls a function in the page, which knows nothing but its argument, and waits for its promise. What goes in and
   * out is plain data.
   */
  evaluate<Argument, Result>(
    work: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** A browser that runs. */
export interface EngineBrowser {
  /** Opens a tab; all tabs share their storage. */
  newTab(): Promise<Tab>;
  close(): Promise<void>;
}

/** Starts a browser, by whatever drives it. */
export async function startEngine({
  engine,
  path,
  launch,
  companions,
}: FoundBrowser): Promise<EngineBrowser> {
  if (launch === undefined && companions !== undefined) {
    return new WebKitBrowser(await startWebKit(path, companions));
  }
  const browser = await { chromium, firefox, webkit }[engine].launch(launch);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  return {
    newTab: async () => new PlaywrightTab(await context.newPage()),
    close: () => (browser as Browser).close(),
  };
}

class PlaywrightTab implements Tab {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async goto(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  evaluate<Argument, Result>(
    work: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result> {
    // Its types take the argument apart, which a type parameter does not allow.
    return this.#page.evaluate(work as (argument: unknown) => Result | Promise<Result>, argument);
  }

  async reload(): Promise<void> {
    await this.#page.reload();
  }

  close(): Promise<void> {
    return this.#page.close();
  }
}

class WebKitBrowser implements EngineBrowser {
  readonly #session: WebKitSession;
  /** The tab that commands go to. */
  #current: string | undefined;
  /** Commands wait for each other, since each goes to the current tab. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(session: WebKitSession) {
    this.#session = session;
  }

  async newTab(): Promise<Tab> {
    const opened = await this.#session.command('POST', '/window/new', { type: 'tab' });
    const { handle } = opened as { handle: string };
    const command = (method: 'POST' | 'DELETE', path: string, body: object = {}) =>
      this.#inTab(handle, () => this.#session.command(method, path, body));
    // Now and then the driver goes on before the modules of the page were run.
    const loaded = (url?: string) => {
      const script = "return document.readyState === 'complete' && location.href";
      const look = () => command('POST', '/execute/sync', { script, args: [] });
      return waitFor(async () => (url === undefined ? look() : (await look()) === url), {
        what: url ?? 'the page',
        timeout: 10_000,
      });
    };
    return {
      goto: async (url) => {
        await command('POST', '/url', { url });
        await loaded(new URL(url).href);
      },
      evaluate: async (work, argument) => {
        const script = `const done = arguments[1]; (async () => (${work})(arguments[0]))().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
        const answer = await command('POST', '/execute/async', { script, args: [argument ?? null] });
        const { value, error } = answer as { value: Awaited<ReturnType<typeof work>>; error?: string };
        if (error !== undefined) throw new Error(error);
        return value;
      },
      reload: async () => {
        await command('POST', '/refresh');
        await loaded();
      },
      close: async () => {
        await command('DELETE', '/window');
        this.#current = undefined;
      },
    };
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #inTab<Result>(handle: string, work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(async () => {
      if (this.#current !== handle) await this.#session.command('POST', '/window', { handle });
      this.#current = handle;
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}
