import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Emitter } from '../../../src/client/emitter';
import { ReconnectPolicy } from '../../../src/client/reconnect-policy';
import { redirectedUrl } from '../../../src/client/redirect';
import { resolveOptions } from '../../../src/client/resolve-options';
import type { ClientOptions } from '../../../src/index';
import { createClient } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

const reconnect = { minDelay: 0, maxDelay: 0 };

/** A server whose hosts refuse CONNECT with a redirect. */
function redirecting(references: Record<string, string | undefined>, reasonCode: 0x9c | 0x9d): FakeServer {
  const server: FakeServer = new FakeServer({
    connect: (packet, link) =>
      link.url.host in references
        ? {
            type: 'connack',
            sessionPresent: false,
            reasonCode,
            properties: { serverReference: references[link.url.host] },
          }
        : server.sensible(packet, link),
  });
  return server;
}

const hrefs = ({ attempts }: FakeServer) => attempts;

/** A client of such a server. */
function open(server: FakeServer, url: string | string[], options: ClientOptions = {}) {
  return createClient(url, { transport: server, ...options });
}

describe('a server reference', () => {
  const from = new URL('wss://first.example:8084/mqtt?tenant=1');

  test.each([
    ['second.example', 'wss://second.example/mqtt?tenant=1'],
    ['second.example:9000', 'wss://second.example:9000/mqtt?tenant=1'],
    ['second.example:443', 'wss://second.example/mqtt?tenant=1'],
    ['10.10.151.22:8883', 'wss://10.10.151.22:8883/mqtt?tenant=1'],
    ['[fe80::9610:3eff:fe1c]:1883', 'wss://[fe80::9610:3eff:fe1c]:1883/mqtt?tenant=1'],
    ['[::1]', 'wss://[::1]/mqtt?tenant=1'],
    ['  second.example   third.example', 'wss://second.example/mqtt?tenant=1'],
    // The first that can be used.
    ['ws://second.example third.example:1', 'wss://third.example:1/mqtt?tenant=1'],
    ['second.example:99999 third.example', 'wss://third.example/mqtt?tenant=1'],
    ['bücher.example', 'wss://xn--bcher-kva.example/mqtt?tenant=1'],
  ])('%j keeps scheme, path and TLS', (reference, expected) => {
    expect(redirectedUrl(from, reference)?.href).toBe(expected);
  });

  test.each([
    '',
    ' ',
    ':8883',
    'ws://second.example',
    'wss://second.example/mqtt',
    'second.example/other',
    'second.example?x=y',
    'second.example#x',
    'user@second.example',
    'user:password@second.example',
    'second.example:',
    'second.example:0',
    'second.example:99999',
    'second.example:port',
    'second.example:1:2',
    'fe80::1',
    '[fe80::1',
    '[nonsense]',
    'a\\b',
    'a\tb',
    '<script>',
    'a%00b',
    '\0',
    '\ud800',
  ])('%j names no server', (reference) => {
    expect(redirectedUrl(from, reference)).toBeUndefined();
  });

  test('never changes the URL that it starts from', () => {
    const before = from.href;
    redirectedUrl(from, 'second.example:1');
    expect(from.href).toBe(before);
  });

  test.each(['mqtt', 'mqtts', 'tcp', 'tls', 'ws', 'wss'])('keeps %s:', (scheme) => {
    const url = redirectedUrl(new URL(`${scheme}://first`), 'second:7');
    expect([url?.protocol, url?.host]).toEqual([`${scheme}:`, 'second:7']);
  });
});

describe('a redirect', () => {
  test('with 0x9C is followed for this attempt', async () => {
    const server = redirecting({ 'a:1': 'b:2' }, 0x9c);
    const client = open(server, 'ws://a:1/mqtt', { reconnect });
    await client.connect();
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://b:2/mqtt' });
    server.link.drop();
    await vi.waitFor(() => expect(hrefs(server)).toHaveLength(4));
    await client.connect();
    await client.close();
    expect(hrefs(server)).toEqual(['ws://a:1/mqtt', 'ws://b:2/mqtt', 'ws://a:1/mqtt', 'ws://b:2/mqtt']);
  });

  test('with 0x9D is kept until close()', async () => {
    const server = redirecting({ 'a:1': 'b:2' }, 0x9d);
    const client = open(server, 'ws://a:1/mqtt', { reconnect });
    await client.connect();
    server.link.drop();
    await vi.waitFor(() => expect(hrefs(server)).toHaveLength(3));
    await client.connect();
    await client.close();
    expect(hrefs(server)).toEqual(['ws://a:1/mqtt', 'ws://b:2/mqtt', 'ws://b:2/mqtt']);
    await client.connect();
    await client.close();
    expect(hrefs(server).slice(3)).toEqual(['ws://a:1/mqtt', 'ws://b:2/mqtt']);
  });

  test('is followed from DISCONNECT too', async () => {
    fakeTime();
    const server = new FakeServer();
    const client = open(server, 'ws://a:1');
    const events: string[] = [];
    client.on('disconnect', ({ reasonCode, willReconnect }) => events.push(`${reasonCode} ${willReconnect}`));
    client.on('reconnecting', ({ delay }) => events.push(`delay ${delay}`));
    await client.connect();
    server.link.send({ type: 'disconnect', reasonCode: 0x9c, properties: { serverReference: 'b:2' } });
    await turn();
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://b:2/' });
    expect(events).toEqual(['156 true', 'delay 0']);
    vi.useRealTimers();
    await client.close();
  });

  test('takes user name and password along, and shows credentials the new URL', async () => {
    const seen: string[] = [];
    const server = redirecting({ 'a:1': 'b:2' }, 0x9c);
    const client = open(server, 'ws://u:p@a:1', {
      credentials({ url }) {
        seen.push(url.href);
        return {};
      },
    });
    await client.connect();
    expect(seen).toEqual(['ws://a:1/', 'ws://b:2/']);
    expect(server.link.connect.username).toBe('u');
    await client.close();
  });

  test('is followed three times at most', async () => {
    for (const reasonCode of [0x9c, 0x9d] as const) {
      const hops = { a: 'b', b: 'c', c: 'd', d: 'e' };
      const server = redirecting(hops, reasonCode);
      const client = open(server, 'ws://a');
      await expect(client.connect()).rejects.toMatchObject({ reasonCode });
      expect(hrefs(server)).toEqual(['ws://a/', 'ws://b/', 'ws://c/', 'ws://d/']);
    }
    const server = redirecting({ a: 'b', b: 'c', c: 'd' }, 0x9c);
    const client = open(server, 'ws://a');
    await client.connect();
    expect(client.status).toMatchObject({ url: 'ws://d/' });
    await client.close();
  });

  test('is followed from each URL, however many the ones before it took', async () => {
    const server = redirecting({ a: 'b', b: 'c', c: 'd', d: 'e', x: 'y' }, 0x9c);
    const client = open(server, ['ws://a', 'ws://x']);
    await client.connect();
    expect(hrefs(server).slice(-2)).toEqual(['ws://x/', 'ws://y/']);
    await client.close();
  });

  test('counts hops anew after a stable connection', async () => {
    fakeTime();
    const server = redirecting({ a: 'b', b: 'c' }, 0x9c);
    const client = open(server, 'ws://a', { reconnect: { ...reconnect, stableAfter: 1_000 } });
    await client.connect();
    for (let count = 1; count <= 3; count += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      server.link.drop();
      await vi.advanceTimersByTimeAsync(10);
      expect(client.status).toMatchObject({ type: 'connected', url: 'ws://c/' });
    }
    vi.useRealTimers();
    await client.close();
  });

  test('is not followed from DISCONNECT with reconnect: false', async () => {
    const { client, server } = await connected({ reconnect: false });
    server.link.send({ type: 'disconnect', reasonCode: 0x9c, properties: { serverReference: 'b' } });
    await turn();
    expect(client.status).toMatchObject({ type: 'closed', error: { reasonCode: 0x9c } });
    expect(server.links).toHaveLength(1);
  });

  test('to ever new servers is not remembered for ever', () => {
    const policy = new ReconnectPolicy(
      resolveOptions(),
      [{ url: new URL('ws://a') }],
      new Emitter(() => undefined),
    );
    const versionOf = (host: string) => policy.versionFor(new URL(`ws://${host}`), undefined);
    const accept = (host: string) => {
      versionOf(host);
      policy.accepted(4);
    };
    accept('a');
    expect(versionOf('a')).toBe(4);
    for (let count = 0; count < 100; count += 1) accept(`other-${count}`);
    expect(versionOf('a')).toBe(5);
    expect(versionOf('other-99')).toBe(4);
  });

  test('keeps the version that was just found', async () => {
    const server: FakeServer = new FakeServer({
      connect(packet, link) {
        if (link.url.host === 'a') {
          return {
            type: 'connack',
            sessionPresent: false,
            reasonCode: 0x9c,
            properties: { serverReference: 'b' },
          };
        }
        return packet.protocolVersion === 5
          ? { type: 'connack', sessionPresent: false, reasonCode: 0x84 }
          : server.sensible(packet, link);
      },
    });
    const client = open(server, 'ws://a');
    await client.connect();
    expect(hrefs(server)).toEqual(['ws://a/', 'ws://b/', 'ws://b/']);
    expect(client.protocolVersion).toBe(4);
    await client.close();
  });

  test.each([
    ['with redirect: refuse', { redirect: 'refuse' }, 'b'],
    ['without a reference', {}, undefined],
    ['with a reference that is none', {}, 'wss://b'],
  ] as const)('%s is not followed: the connect fails', async (_, options, reference) => {
    for (const reasonCode of [0x9c, 0x9d] as const) {
      const server = redirecting({ a: reference }, reasonCode);
      const client = open(server, 'ws://a', options);
      await expect(client.connect()).rejects.toMatchObject({ name: 'RefusedError', reasonCode });
      expect(hrefs(server)).toEqual(['ws://a/']);
    }
  });

  test('that cannot be followed leaves the other URLs, which the client knows', async () => {
    for (const reasonCode of [0x9c, 0x9d] as const) {
      const server = redirecting({ a: undefined }, reasonCode);
      const client = open(server, ['ws://a', 'ws://b']);
      await client.connect();
      expect(hrefs(server)).toEqual(['ws://a/', 'ws://b/']);
      await client.close();
    }
  });

  test('that cannot be followed is tried again later for 0x9C, and ends the client for 0x9D', async () => {
    fakeTime();
    for (const [reasonCode, type] of [
      [0x9c, 'reconnecting'],
      [0x9d, 'closed'],
    ] as const) {
      const { client, server } = idle({}, new FakeServer());
      await client.connect();
      server.link.send({ type: 'disconnect', reasonCode });
      await turn();
      expect(client.status.type).toBe(type);
    }
  });

  test('is followed again after each wait, to a server that was away for long', async () => {
    fakeTime();
    const server: FakeServer = new FakeServer({
      connect: (packet, link) =>
        link.url.host === 'a'
          ? {
              type: 'connack',
              sessionPresent: false,
              reasonCode: 0x9c,
              properties: { serverReference: 'b' },
            }
          : isAway
            ? { type: 'connack', sessionPresent: false, reasonCode: 0x88 }
            : server.sensible(packet, link),
    });
    let isAway = false;
    // Some wait is going on whenever one looks.
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.9);
    onTestFinished(() => random.mockRestore());
    const client = open(server, 'ws://a', { reconnect: { minDelay: 1_000, maxDelay: 1_000 } });
    await client.connect();
    isAway = true;
    server.link.drop();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(client.status.type).toBe('reconnecting');
    isAway = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://b/' });
    vi.useRealTimers();
    await client.close();
  });

  test('does not follow into a refusal for ever', async () => {
    fakeTime();
    const server = redirecting({ a: 'a' }, 0x9c);
    const client = open(server, 'ws://a', { reconnect: { initial: true, minDelay: 1_000, maxDelay: 1_000 } });
    const connecting = watch(client.connect());
    await turn();
    expect(hrefs(server)).toHaveLength(4);
    expect([connecting.state, client.status.type]).toEqual(['pending', 'reconnecting']);
    vi.useRealTimers();
    await client.close();
  });
});
