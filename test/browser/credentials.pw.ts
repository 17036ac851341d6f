import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startBroker } from '../broker';
import { aliyunAuthorizer } from '../support/aliyun-authorizer';
import { type Consumer, installPackage, root } from '../support/built-package';
import { type StaticServer, serveFolders } from '../support/static-server';

const device = {
  productKey: 'a1X2bEn',
  deviceName: 'example1',
  deviceSecret: 'ga7XA6KdlEeiPXQPpRbAjOZXwG8y',
};
const hour = 3_600_000;

let consumer: Consumer;
let server: StaticServer;
let broker: Awaited<ReturnType<typeof startBroker>>;
/** How far the service's clock is ahead of the machine's. */
let ahead = 0;

test.beforeAll(async () => {
  consumer = installPackage();
  server = await serveFolders({ '/': consumer.folder, '/pages': join(root, 'test/browser/pages') });
});

test.beforeEach(async () => {
  ahead = 0;
  const login = aliyunAuthorizer({ ...device, tolerance: hour / 2, now: () => Date.now() + ahead });
  broker = await startBroker({ login });
});

test.afterEach(() => broker?.close());

test.afterAll(async () => {
  await server?.close();
  consumer?.remove();
});

for (const how of ['script', 'module'])
  test(`a page with the ${how} signs in as a device, and anew after a clock jump of an hour`, async ({
    page,
  }) => {
    const query = encodeURIComponent(JSON.stringify([broker.wsUrl, device]));
    await page.goto(`${server.url}/pages/credentials-${how}.html?${query}`);
    const isPublish = (topic: string) => (entry: { packet: { type: string; topic?: string } }) =>
      entry.packet.type === 'publish' && entry.packet.topic === topic;
    await broker.log.waitFor(isPublish('jumped'));
    ahead = hour;
    for (const client of broker.clients) broker.kill(client);
    await broker.log.waitFor(isPublish('ready'));
    const topic = `/sys/${device.productKey}/${device.deviceName}/thing/service/property/set`;
    broker.publish(topic, JSON.stringify({ id: '1', params: { power: 1 }, version: '1.0' }));
    await broker.log.waitFor(isPublish(`${topic}_reply`));

    await expect(page).toHaveTitle('done');
    const [first, second, set] = ((await page.locator('body').textContent()) ?? '').split('\n');
    const signed = /^a1X2bEn\.example1\|timestamp=(\d+),securemode=3,signmethod=hmacsha256\|$/;
    const times = [first, second].map((clientId) => Number(signed.exec(clientId ?? '')?.[1]));
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(hour);
    expect(set).toBe('{"power":1}');
    // Let in each time at the first attempt.
    expect(broker.log.entries.filter(({ packet }) => packet.type === 'connack')).toHaveLength(2);
  });

test('a page with another secret is refused, and shows neither', async ({ page }) => {
  const wrong = { ...device, deviceSecret: 'not-the-secret' };
  const query = encodeURIComponent(JSON.stringify([broker.wsUrl, wrong]));
  await page.goto(`${server.url}/pages/credentials-module.html?${query}`);
  await expect(page).toHaveTitle('failed');
  const words = await page.locator('body').textContent();
  expect(words).toMatch(/^RefusedError .*bad-user-name-or-password/);
  expect(words).not.toContain('secret');
});

test('a page that is no secure context is told so', async ({ page }) => {
  const file = join(consumer.folder, 'node_modules/mqtide/dist/mqtide.min.js');
  await page.route('http://insecure.test/**', (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ path: file })
      : route.fulfill({ contentType: 'text/html', body: '<script src="mqtide.min.js"></script>' }),
  );
  await page.goto('http://insecure.test/');
  const said = await page.evaluate((given) => {
    const { mqtide } = globalThis as unknown as { mqtide: { aliyunIot(device: unknown): unknown } };
    try {
      return mqtide.aliyunIot(given);
    } catch (error) {
      const { name, code, message } = error as Error & { code: string };
      return { name, code, message };
    }
  }, device);
  expect(said).toEqual({
    name: 'UsageError',
    code: 'unsupported',
    message: expect.stringContaining('secure context'),
  });
});
