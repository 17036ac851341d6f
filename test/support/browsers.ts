/** Finds the browsers of this machine. Tests ask here which engines there are, and how to get a missing one. */

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, firefox, type LaunchOptions, webkit } from '@playwright/test';
import { findWebKitCompanions, type WebKitCompanions } from './webkit-driver';

/** What a browser test can run in. */
export type Engine = 'chromium' | 'firefox' | 'webkit';

/** All engines, the one to prefer first. */
export const engines: readonly Engine[] = ['chromium', 'firefox', 'webkit'];

/** A browser that is there. */
export interface FoundBrowser {
  readonly engine: Engine;
  /** Path of the program; for a WebKit driver the path of the driver. */
  readonly path: string;
  /** Where it was found: the name of an environment variable, Playwright's own downloads, or the system. */
  readonly source: string;
  /** How Playwright starts it; undefined when it needs a WebDriver instead. */
  readonly launch: LaunchOptions | undefined;
  /** What a WebKit driver needs beside itself. */
  readonly companions?: WebKitCompanions | undefined;
}

/** How one engine is found and started. */
interface Recipe {
  /** Environment variable that names the program. */
  readonly variable: string;
  /** Where Playwright's own download would be. */
  readonly downloaded: () => string;
  /** Programs to look for on the system: absolute, or on the PATH. */
  readonly programs: readonly string[];
  /** How Playwright starts a program that it did not download; none when it cannot. */
  readonly launch?: (path: string) => LaunchOptions;
  /** What gets it on a laptop, and on Debian. */
  readonly install: string;
}

/** Chromium stays off the network; the sandbox does not work for root. */
const chromiumArguments = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const recipes: Record<Engine, Recipe> = {
  chromium: {
    variable: 'CHROMIUM_PATH',
    downloaded: () => chromium.executablePath(),
    programs: [
      'chromium',
      'chromium-browser',
      'google-chrome',
      'google-chrome-stable',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    ],
    launch: (path) => ({ executablePath: path, args: chromiumArguments }),
    install: '`npx playwright install chromium`, on Debian `apt-get install chromium`',
  },
  firefox: {
    variable: 'FIREFOX_PATH',
    downloaded: () => firefox.executablePath(),
    programs: [
      'firefox-esr',
      'firefox',
      '/Applications/Firefox.app/Contents/MacOS/firefox',
      'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
    ],
    // An unpatched Firefox is driven by WebDriver BiDi, which this channel asks for.
    launch: (path) => ({ executablePath: path, channel: 'moz-firefox' }),
    install: '`npx playwright install firefox`, on Debian `apt-get install firefox-esr`',
  },
  webkit: {
    variable: 'WEBKIT_DRIVER',
    downloaded: () => webkit.executablePath(),
    programs: ['WebKitWebDriver'],
    install: '`npx playwright install webkit`, on Debian `apt-get install webkit2gtk-driver xvfb`',
  },
};

/**
 * Looks for a browser: environment variable, Playwright's own downloads, the system, in this order.
 *
 * @throws Error when an environment variable names a program that is not there
 */
export function findBrowser(
  engine: Engine,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): FoundBrowser | undefined {
  const recipe = recipes[engine];

  const named = environment[recipe.variable];
  if (named !== undefined && named !== '') {
    if (!isExecutable(named)) throw new Error(`${recipe.variable} is ${named}, which is no program`);
    return complete({ engine, path: named, source: recipe.variable, launch: recipe.launch?.(named) });
  }

  const downloaded = recipe.downloaded();
  if (existsSync(downloaded)) {
    const args = engine === 'chromium' ? chromiumArguments : [];
    return { engine, path: downloaded, source: "Playwright's downloads", launch: { args } };
  }

  const path = recipe.programs.map((program) => locate(program, environment['PATH'] ?? '')).find(Boolean);
  return path === undefined
    ? undefined
    : complete({ engine, path, source: 'the system', launch: recipe.launch?.(path) });

  /** A driver is of use with its companions only. */
  function complete(browser: FoundBrowser): FoundBrowser | undefined {
    if (browser.launch !== undefined) return browser;
    const companions = findWebKitCompanions(environment['PATH'] ?? '');
    return companions && { ...browser, companions };
  }
}

/** One line: the engine and where it is, or what to run to get it. */
export function describeBrowser(engine: Engine, found: FoundBrowser | undefined): string {
  return found === undefined
    ? `${engine}: not found; to get it: ${recipes[engine].install}; or set ${recipes[engine].variable}`
    : `${engine}: ${found.path} (from ${found.source})`;
}

/**
 * The engines that a list such as `chromium,firefox` names.
 *
 * @throws Error for a name that is no engine
 */
export function parseEngines(list: string | undefined): Engine[] {
  const names = (list ?? '').split(',').flatMap((name) => name.trim() || []);
  return names.map((name) => {
    const engine = engines.find((known) => known === name);
    if (engine === undefined)
      throw new Error(`no such browser engine: ${name} (known: ${engines.join(', ')})`);
    return engine;
  });
}

function locate(program: string, path: string): string | undefined {
  if (program.includes('/') || program.includes('\\')) return isExecutable(program) ? program : undefined;
  return path
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
