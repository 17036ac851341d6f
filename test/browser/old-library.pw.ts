/** A page with a library of old times, which has its own idea of what arrays can do: Prototype 1.7.3, in many shops. */

import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startBroker } from '../broker';
import { root } from '../support/built-package';
import { serveFolders } from '../support/static-server';

/** What it puts in the place of something that browsers have by now. */
function overrideArrays(): void {
  // It knows neither iterables nor a function to map by.
  const from = (list: ArrayLike<unknown>) => Array.prototype.slice.call(list);
  function entries<Item>(this: Item[]): Item[] {
    return this.map((item) => item);
  }
  // As assigned, not as defined: what it adds is seen by `for in`.
  Object.assign(Array, { from });
  Object.assign(Array.prototype, { entries, toJSON: entries, first: entries });
}

test('a page whose arrays were overridden subscribes, publishes, reconnects and unsubscribes', async ({
  page,
}) => {
  const server = await serveFolders({ '/': join(root, 'dist') });
  const broker = await startBroker();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  try {
    await page.addInitScript(overrideArrays);
    await page.goto(`${server.url}/mqtide.min.js`);
    await page.addScriptTag({ url: `${server.url}/mqtide.min.js` });
    broker.faults.next({ dropBefore: { type: 'pubrec' } });
    const got = await page.evaluate(async (url) => {
      const { mqtide } = globalThis as unknown as { mqtide: typeof import('../../src/script') };
      const got: string[] = [];
      const options = { clientId: 'shop', clean: false, store: mqtide.indexedDbStore() };
      const client = await mqtide.connect(url, { ...options, reconnect: { minDelay: 10, maxDelay: 50 } });
      const filters = ['shop/+room/#rest', 'end'] as const;
      await client.subscribe(filters, { qos: 2 }, (message) => {
        const [property] = message.properties.userProperties ?? [];
        got.push(`${Object.values(message.params).join()} ${property} ${message.text()}`);
      });
      const properties = { userProperties: [['from', 'page'] as const] };
      const publish = (payload: string) => client.publish('shop/hall/a/b', payload, { qos: 2, properties });
      await Promise.all(['one', 'two'].map(publish));
      await client.unsubscribe(filters);
      await client.close();
      return got;
    }, broker.wsUrl);
    expect(got).toEqual(['hall,a/b from,page one', 'hall,a/b from,page two']);
    expect(problems).toEqual([]);
    expect(broker.core.statistics.socketsOpened).toBe(2);
  } finally {
    await page.close();
    await server.close();
    await broker.close();
  }
});
