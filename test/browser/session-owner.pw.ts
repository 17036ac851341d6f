import { expect, type Page, test } from '@playwright/test';
import { type Consumer, installPackage } from '../support/built-package';
import { type StaticServer, serveFolders } from '../support/static-server';

let consumer: Consumer;
let server: StaticServer;

test.beforeAll(async () => {
  consumer = installPackage();
  server = await serveFolders({ '/': consumer.folder });
});

test.afterAll(async () => {
  await server?.close();
  consumer?.remove();
});

/** Asks for a session in a page. @returns `'acquired'`, or the code of the error; `'lost'` goes to the title */
async function acquire(page: Page, inUse: 'reject' | 'wait'): Promise<string> {
  const entry = `${server.url}/node_modules/mqtide/dist/indexeddb.js`;
  return page.evaluate(
    async ([entry, inUse]) => {
      const { indexedDbStore }: typeof import('../../src/store/indexeddb') = await import(entry);
      const { signal } = new AbortController();
      const lost = () => {
        document.title = 'lost';
      };
      try {
        await indexedDbStore({ inUse }).acquire?.('kept', { signal, lost });
        return 'acquired';
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    [entry, inUse] as const,
  );
}

test('a stored session belongs to one page, and to the next when that one goes', async ({
  page,
  context,
}) => {
  const url = `${server.url}/node_modules/mqtide/dist/index.js`;
  await page.goto(url);
  const other = await context.newPage();
  await other.goto(url);
  expect(await acquire(page, 'reject')).toBe('acquired');
  expect(await acquire(other, 'reject')).toBe('store-in-use');

  // A page that is reloaded does not stand in its own way.
  for (let count = 0; count < 5; count += 1) {
    await page.reload();
    expect(await acquire(page, 'reject')).toBe('acquired');
  }

  const waiting = acquire(other, 'wait');
  await page.close();
  expect(await waiting).toBe('acquired');
});

test('a page whose session is taken by force is told', async ({ page }) => {
  await page.goto(`${server.url}/node_modules/mqtide/dist/index.js`);
  expect(await acquire(page, 'reject')).toBe('acquired');
  await page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    for (const { name = '' } of held) await navigator.locks.request(name, { steal: true }, () => {});
  });
  await expect(page).toHaveTitle('lost');
});
