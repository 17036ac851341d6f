/** What a client does about what a browser tells of the page's life and of the network. */

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Client, ClientEvents, ClientOptions } from '../../../src/index';
import { ConnectionError } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

/** A page that tells, and how it is. */
class FakePage extends EventTarget {
  readonly document = Object.assign(new EventTarget(), { visibilityState: 'visible', prerendering: false });
  readonly navigator = { onLine: true };

  /** @param persisted whether the page is put into the back/forward cache, or comes out of it */
  async tell(type: string, persisted?: boolean): Promise<void> {
    this.dispatchEvent(Object.assign(new Event(type), { persisted }));
    await turn();
  }

  /** Someone comes to the page that was loaded ahead. */
  async visit(): Promise<void> {
    this.document.prerendering = false;
    this.document.visibilityState = 'visible';
    void this.tell('visibilitychange');
    this.document.dispatchEvent(new Event('prerenderingchange'));
    await turn();
  }

  /** The page is left for good, as HTML unloads a document. */
  async leave(): Promise<void> {
    void this.tell('pagehide', false);
    this.document.visibilityState = 'hidden';
    await this.tell('visibilitychange');
  }
}

/** Everything that a page has instead of the globals of Node. */
function page(): FakePage {
  const target = new FakePage();
  vi.stubGlobal('addEventListener', target.addEventListener.bind(target));
  vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target));
  vi.stubGlobal('document', target.document);
  vi.stubGlobal('navigator', target.navigator);
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  return target;
}

/** Makes each wait as long as it may be. */
function longestWaits(): void {
  const spy = vi.spyOn(Math, 'random').mockReturnValue(0.999_999);
  onTestFinished(() => spy.mockRestore());
}

/** The delays that the client announced. */
function delaysOf(client: Client): number[] {
  const delays: number[] = [];
  client.on('reconnecting', ({ delay }: ClientEvents['reconnecting']) => delays.push(delay));
  return delays;
}

/** Ways in which a page comes back. */
const signs: [name: string, tell: (target: FakePage) => Promise<void>][] = [
  ['online', (target) => target.tell('online')],
  ['visibilitychange', (target) => target.tell('visibilitychange')],
  ['pageshow from the back/forward cache', (target) => target.tell('pageshow', true)],
  ['resume', (target) => target.tell('resume')],
];

test('opens where events of the global have no way down to their target, as in workers of Cloudflare', async () => {
  vi.stubGlobal('addEventListener', (_type: string, _listener: unknown, capture: boolean) => {
    if (capture) throw new TypeError('addEventListener(): useCapture must be false.');
  });
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  fakeTime();
  const { client } = await connected();
  expect(client.status.type).toBe('connected');
});

describe.each(signs)('%s', (_, tell) => {
  test('ends the wait for the next attempt', async () => {
    const target = page();
    fakeTime();
    longestWaits();
    const { client, server } = await connected();
    server.link.drop();
    await turn();
    expect(client.status.type).toBe('reconnecting');
    await tell(target);
    expect(client.status.type).toBe('connected');
  });

  test('asks the server of a connection whether it is still there', async () => {
    const target = page();
    fakeTime();
    const { client, server } = await connected();
    await tell(target);
    expect(server.link.types).toEqual(['connect', 'pingreq']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 1]);
  });

  test('shows within two seconds that a connection is dead, and the next one is made at once', async () => {
    const target = page();
    fakeTime();
    longestWaits();
    const { client, server } = await connected();
    server.script = { pingreq: () => undefined };
    const delays = delaysOf(client);
    await tell(target);
    await vi.advanceTimersByTimeAsync(1_499);
    expect(client.status.type).toBe('connected');
    await vi.advanceTimersByTimeAsync(1);
    expect([client.status.type, server.links.length]).toEqual(['connected', 2]);
    expect(delays).toEqual([0]);
    expect(server.links[0]?.connection.endedBy).toBe('destroy');
  });

  test('before the news that the connection is lost: the next one is made at once', async () => {
    const target = page();
    fakeTime();
    longestWaits();
    const { client, server } = await connected();
    const delays = delaysOf(client);
    await tell(target);
    server.link.drop();
    await turn();
    expect([client.status.type, server.links.length]).toEqual(['connected', 2]);
    // Once: a server that cannot be reached is not tried in a tight loop.
    server.unreachable = new ConnectionError('unreachable', 'nobody there');
    server.link.drop();
    await turn();
    expect(client.status.type).toBe('reconnecting');
    // That connection was not stable either.
    expect(delays).toEqual([0, 2_000]);
  });

  test.each<[what: string, reconnect: ClientOptions['reconnect']]>([
    ['an attempt anew that hangs since before', { initial: true }],
    ['the first attempt anew, which would else be the last', {}],
    ['the only attempt that there is to be anew', false],
  ])('begins %s', async (_what, reconnect) => {
    const target = page();
    fakeTime();
    longestWaits();
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({ reconnect }, server);
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(3_000);
    await tell(target);
    expect(server.links).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    server.script = {};
    await tell(target);
    expect([connecting.state, server.links.length]).toEqual(['resolved', 2]);
    expect(server.links[0]?.isOpen).toBe(false);
  });
});

describe('what is no sign of life', () => {
  test.each<[string, (target: FakePage) => Promise<void>]>([
    [
      'a page that is hidden',
      (target) => {
        target.document.visibilityState = 'hidden';
        return target.tell('visibilitychange');
      },
    ],
    ['the end of loading', (target) => target.tell('pageshow', false)],
    ['a page that goes into the back/forward cache', (target) => target.tell('pagehide', true)],
    ['a freeze', (target) => target.tell('freeze')],
  ])('%s', async (_, tell) => {
    const target = page();
    const { client, server } = await connected();
    await tell(target);
    expect(server.link.types).toEqual(['connect']);
    expect(client.status.type).toBe('connected');
  });

  test('one that was long before the connection was lost', async () => {
    const target = page();
    fakeTime();
    longestWaits();
    const { client, server } = await connected();
    const delays = delaysOf(client);
    await target.tell('online');
    await vi.advanceTimersByTimeAsync(3_000);
    server.link.drop();
    await turn();
    expect(delays).toEqual([1_000]);
  });

  test('one after which the server itself says no: then the policy counts', async () => {
    const target = page();
    fakeTime();
    longestWaits();
    const { client, server } = await connected();
    const delays = delaysOf(client);
    await target.tell('visibilitychange');
    server.link.send({ type: 'disconnect', reasonCode: 0x89 });
    await turn();
    expect(delays).toEqual([1_000]);
  });
});

describe('offline', () => {
  test('is checked: a connection that answers stays, as one to this machine does', async () => {
    const target = page();
    fakeTime();
    const { client, server } = await connected();
    target.navigator.onLine = false;
    await target.tell('offline');
    expect(server.link.types).toEqual(['connect', 'pingreq']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 1]);
  });

  test('costs no attempts, but one now and then, until the network is back', async () => {
    const target = page();
    fakeTime();
    const { client, server } = await connected({ reconnect: { maxAttempts: 3 } });
    const delays = delaysOf(client);
    server.script = { pingreq: () => undefined };
    server.unreachable = new ConnectionError('unreachable', 'no network');
    target.navigator.onLine = false;
    await target.tell('offline');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(client.status.type).toBe('reconnecting');
    expect(new Set(delays)).toEqual(new Set([30_000]));
    expect(server.attempts.length).toBeLessThan(25);
    server.unreachable = undefined;
    target.navigator.onLine = true;
    await target.tell('online');
    expect(client.status.type).toBe('connected');
  });

  test('still lets a server be reached that is on this machine', async () => {
    const target = page();
    fakeTime();
    target.navigator.onLine = false;
    const { client, server } = await connected();
    server.link.drop();
    await vi.advanceTimersByTimeAsync(30_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 2]);
  });

  test('does not make a first connect wait', async () => {
    const target = page();
    target.navigator.onLine = false;
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'no network');
    await expect(idle({}, server).client.connect()).rejects.toThrow('no network');
    expect(server.attempts).toHaveLength(1);
  });
});

describe('a page that goes for good', () => {
  test('says DISCONNECT and ends its session at the server', async () => {
    const target = page();
    const { server } = await connected();
    await target.leave();
    expect(server.link.last('disconnect')).toMatchObject({
      reasonCode: 0,
      properties: { sessionExpiryInterval: 0 },
    });
    expect(server.link.connection.endedBy).toBe('close');
  });

  test('has its will published', async () => {
    longestWaits();
    const target = page();
    const { server } = await connected({ will: { topic: 'gone' } });
    await target.leave();
    expect(server.link.last('disconnect').reasonCode).toBe(4);
    // Before MQTT 5.0 that takes an end without DISCONNECT, which ends a clean session as well.
    const old = await connected({ will: { topic: 'gone' }, protocolVersion: 4 });
    await target.leave();
    expect(old.server.link.types).toEqual(['connect']);
    expect(old.server.link.isOpen).toBe(false);
  });

  test('says first what its listeners have to say', async () => {
    const target = page();
    const { client, server } = await connected();
    target.addEventListener('pagehide', () => void client.publish('left', '1', { qos: 1 }));
    await target.leave();
    expect(server.links[0]?.types).toEqual(['connect', 'publish', 'disconnect']);
  });

  test('keeps a session that is to be kept', async () => {
    const target = page();
    const { client, server } = await connected({ clean: false, clientId: 'kept' });
    await target.leave();
    expect(server.link.types).toEqual(['connect']);
    expect(client.status.type).toBe('connected');
  });

  test('and is back after all connects again', async () => {
    const target = page();
    fakeTime();
    const { client, server } = await connected();
    await target.leave();
    expect(client.status.type).toBe('reconnecting');
    target.document.visibilityState = 'visible';
    await target.tell('visibilitychange');
    expect([client.status.type, server.links.length]).toEqual(['connected', 2]);
  });

  test('says DISCONNECT although it was hidden already', async () => {
    const target = page();
    const { server } = await connected();
    target.document.visibilityState = 'hidden';
    await target.tell('pagehide', false);
    expect(server.link.types).toEqual(['connect', 'disconnect']);
  });

  test('says nothing when it is hidden only, or goes into the back/forward cache', async () => {
    const target = page();
    const { server } = await connected();
    target.document.visibilityState = 'hidden';
    await target.tell('visibilitychange');
    await target.tell('pagehide', true);
    await target.tell('visibilitychange');
    expect(server.link.types).toEqual(['connect']);
  });
});

describe('a sleep of the machine', () => {
  test('is noticed by the next thing that is sent; the dead connection is made again within two seconds', async () => {
    fakeTime();
    longestWaits();
    const { client, server } = await connected();
    await vi.advanceTimersByTimeAsync(10_000);
    // An hour in which the monotonic clock and the timers stand still.
    vi.setSystemTime(Date.now() + 3_600_000);
    server.script = { pingreq: () => undefined, publish: () => undefined };
    const publish = watch(client.publish('after', 'the sleep', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(0);
    expect(server.link.types).toEqual(['connect', 'publish', 'pingreq']);
    await vi.advanceTimersByTimeAsync(1_500);
    server.script = {};
    await vi.advanceTimersByTimeAsync(0);
    expect([client.status.type, server.links.length]).toEqual(['connected', 2]);
    await vi.advanceTimersByTimeAsync(0);
    expect(server.link.packets('publish')).toMatchObject([{ topic: 'after', dup: true }]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(publish.state).not.toBe('rejected');
  });

  test('is noticed by the next look at the keep alive at the latest', async () => {
    fakeTime();
    longestWaits();
    const { client, server } = await connected({ keepAlive: 60 });
    vi.setSystemTime(Date.now() + 3_600_000);
    server.script = { pingreq: () => undefined };
    await vi.advanceTimersByTimeAsync(24_000);
    expect(server.links[0]?.types).toEqual(['connect', 'pingreq']);
    await vi.advanceTimersByTimeAsync(1_500);
    expect([client.status.type, server.links.length]).toEqual(['connected', 2]);
  });
});

describe('listeners', () => {
  test('are there while the client is open, no longer', async () => {
    const add = vi.fn();
    const remove = vi.fn();
    vi.stubGlobal('addEventListener', add);
    vi.stubGlobal('removeEventListener', remove);
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    const { client } = idle();
    expect(add).not.toHaveBeenCalled();
    for (let times = 1; times <= 2; times += 1) {
      await client.connect();
      expect(add).toHaveBeenCalledTimes(6 * times);
      await client.close();
      expect(remove.mock.calls).toEqual(add.mock.calls);
    }
  });

  test('are not missed where there is nothing to listen to', async () => {
    expect(globalThis).not.toHaveProperty('addEventListener');
    const { client } = await connected();
    await client.close();
    expect(client.status.type).toBe('closed');
  });
});

describe('a sign of life while an attempt is made', () => {
  test('does not keep a client open that the first attempt closes', async () => {
    const target = page();
    const server = new FakeServer();
    server.unreachable = new Error('down');
    const { client } = idle({}, server);
    const connecting = watch(client.connect());
    await target.tell('online');
    expect([connecting.state, client.status.type]).toEqual(['rejected', 'closed']);
    expect(server.attempts).toHaveLength(1);
  });

  test('has another one made at once when that cannot reach the server', async () => {
    longestWaits();
    const target = page();
    const { client, server } = await connected({ reconnect: { minDelay: 30_000 } });
    server.unreachable = new Error('down');
    server.link.drop();
    await turn();
    client.on('status', ({ type }) => {
      if (type === 'connecting' && server.attempts.length === 1) void target.tell('online');
    });
    await target.tell('online');
    expect(server.attempts).toHaveLength(3);
    expect(client.status.type).toBe('reconnecting');
  });
});

describe('a page that is loaded ahead', () => {
  function ahead(): FakePage {
    const target = page();
    Object.assign(target.document, { visibilityState: 'hidden', prerendering: true });
    return target;
  }

  test('is connected when someone comes to it, however long that takes', async () => {
    fakeTime();
    const target = ahead();
    const { client, server } = idle();
    const connecting = client.connect();
    const published = client.publish('t', '', { qos: 1 });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(client.status).toMatchObject({ type: 'connecting', attempt: 1 });
    expect(server.attempts).toEqual([]);
    await target.visit();
    await connecting;
    await published;
    expect(server.attempts).toHaveLength(1);
    await client.close();
  });

  test('may close its client before, and connect anew', async () => {
    const target = ahead();
    const { client, server } = idle();
    const connecting = watch(client.connect());
    await turn();
    await client.close();
    expect(connecting.error).toMatchObject({ code: 'closed' });
    const again = client.connect();
    await turn();
    expect(server.attempts).toEqual([]);
    await target.visit();
    await again;
    expect(server.attempts).toHaveLength(1);
    await client.close();
  });
});
