import { describe, expect, test } from 'vitest';
import { describeBrowser, engines, findBrowser, parseEngines } from '../../support/browsers';

describe('the search for browsers', () => {
  test('takes the program that the environment variable names before any other', () => {
    const found = findBrowser('chromium', { ...process.env, CHROMIUM_PATH: process.execPath });
    expect(found).toMatchObject({ path: process.execPath, source: 'CHROMIUM_PATH' });
    expect(found?.launch?.executablePath).toBe(process.execPath);
  });

  test('refuses a variable that names no program, instead of taking another', () => {
    expect(() => findBrowser('firefox', { FIREFOX_PATH: '/nowhere/firefox' })).toThrow(
      'FIREFOX_PATH is /nowhere/firefox, which is no program',
    );
  });

  test('drives a Firefox that Playwright did not download by WebDriver BiDi', () => {
    expect(findBrowser('firefox', { FIREFOX_PATH: process.execPath })?.launch?.channel).toBe('moz-firefox');
  });

  test('does not take a WebKit driver that has no browser or X server to drive', () => {
    expect(findBrowser('webkit', { WEBKIT_DRIVER: process.execPath, PATH: '' })).toBeUndefined();
  });

  test.each(engines)('says how to get %s when it is missing', (engine) => {
    expect(describeBrowser(engine, undefined)).toMatch(
      new RegExp(
        `^${engine}: not found; to get it: .*npx playwright install ${engine}.*apt-get install \\S+`,
      ),
    );
  });

  test('reads a list of engines and refuses what is none', () => {
    expect(parseEngines(' chromium,firefox ')).toEqual(['chromium', 'firefox']);
    expect(parseEngines('')).toEqual([]);
    expect(parseEngines(undefined)).toEqual([]);
    expect(() => parseEngines('chrome')).toThrow('no such browser engine: chrome');
  });
});
