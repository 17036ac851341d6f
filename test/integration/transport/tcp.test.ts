import { createPrivateKey } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions as ServerOptions, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { ConnectionError, UsageError } from '../../../src/errors';
import { type TcpTransportOptions, tcpTransport } from '../../../src/transport/tcp';
import { certificates } from '../../support/certificates';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy';
import { waitFor } from '../../support/wait-for';
import { bytesOf, type Recorded, record, rejection } from './recorded';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server and its sockets. */
interface Peer<S extends Socket> {
  readonly port: number;
  readonly sockets: S[];
  /** Everything that came, of all sockets. */
  readonly text: string;
}

async function listening<S extends Socket>(server: Server, event: string, host: string): Promise<Peer<S>> {
  const sockets: S[] = [];
  const received: Buffer[] = [];
  server.on(event, (socket: S) => {
    sockets.push(socket);
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  const raw = new Set<Socket>();
  server.on('connection', (socket) => raw.add(socket));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanups.push(() => {
    for (const socket of raw) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    get text() {
      return Buffer.concat(received).toString();
    },
  };
}

function tcpPeer(options = {}, host = '127.0.0.1'): Promise<Peer<Socket>> {
  return listening(createServer(options), 'connection', host);
}

async function tlsPeer(options: ServerOptions = {}): Promise<Peer<TLSSocket>> {
  const { server } = await certificates();
  return listening(createTlsServer({ ...server, ...options }), 'secureConnection', '127.0.0.1');
}

/** Connects and records. */
async function connect(url: string, options?: TcpTransportOptions, signal = new AbortController().signal) {
  const connection = await tcpTransport(options).connect(new URL(url), { signal, protocols: ['mqtt'] });
  cleanups.push(() => connection.destroy());
  return record(connection);
}

/** A connection through a fault proxy. */
async function proxied(): Promise<{ peer: Peer<Socket>; proxy: FaultProxy; recorded: Recorded }> {
  const peer = await tcpPeer();
  const proxy = await startFaultProxy(peer.port);
  cleanups.push(() => proxy.close());
  return { peer, proxy, recorded: await connect(`mqtt://127.0.0.1:${proxy.port}`) };
}

/** The only socket of a server. */
function socketOf<S extends Socket>(peer: Peer<S>): Promise<S> {
  return waitFor(() => peer.sockets[0], { what: 'the connection at the server' });
}

describe('a TCP connection', () => {
  test.each(['mqtt', 'tcp'])(
    'is made for %s: and carries bytes both ways [v5 MQTT-4.2.0-1]',
    async (scheme) => {
      const peer = await tcpPeer();
      const recorded = await connect(`${scheme}://127.0.0.1:${peer.port}`);
      recorded.connection.write([bytesOf('one')]);
      recorded.connection.write([bytesOf(' two'), bytesOf(''), bytesOf(' three')]);
      recorded.connection.write([]);
      await waitFor(() => peer.text === 'one two three');
      (await socketOf(peer)).write('answer');
      await waitFor(() => recorded.text === 'answer');
    },
  );

  test('confirms with a delay, shows what has left of a large write, and reads the arrays it is given', async () => {
    const peer = await tcpPeer();
    const { connection } = await connect(`mqtt://127.0.0.1:${peer.port}`);
    expect(connection).toMatchObject({ delayedAcks: true, coarse: false, zeroCopy: true });
  });

  test('is made to an IPv6 address', async (context) => {
    const peer = await tcpPeer({}, '::1').catch(() => context.skip());
    await connect(`mqtt://[::1]:${peer.port}`);
    await socketOf(peer);
  });

  test('hands out chunks that are no Buffer and are never overwritten', async () => {
    const peer = await tcpPeer();
    const recorded = await connect(`mqtt://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    let expected = '';
    for (let round = 0; round < 200; round++) {
      const part = `${round} `.repeat(round * 7 + 1);
      expected += part;
      socket.write(part);
      await waitFor(() => recorded.text.length === expected.length);
    }
    expect(recorded.text).toBe(expected);
    expect(recorded.chunks.every((chunk) => chunk.constructor === Uint8Array)).toBe(true);
  });

  test('tells what it buffers, and bit by bit how it leaves', async () => {
    const { peer, proxy, recorded } = await proxied();
    const { connection } = recorded;
    const size = 32 * 1024 * 1024;
    proxy.pause();
    connection.write([new Uint8Array(size)]);
    await waitFor(() => proxy.connections === 1);
    const buffered = connection.bufferedAmount;
    expect(buffered).toBeGreaterThan(1024 * 1024);
    proxy.heal();
    await waitFor(() => connection.bufferedAmount === 0);
    // Once at its end would look like a dead peer until then.
    const between = recorded.drains.filter((amount) => amount > 0 && amount < buffered);
    expect(new Set(between).size).toBeGreaterThan(3);
    await waitFor(() => peer.sockets[0]?.bytesRead === size);
  });

  test('ends without an error when the peer ends it, after the last bytes', async () => {
    const peer = await tcpPeer();
    const recorded = await connect(`mqtt://127.0.0.1:${peer.port}`);
    let before = '';
    recorded.connection.onClose = (error) => {
      before = recorded.text;
      recorded.closes.push(error);
    };
    (await socketOf(peer)).end('last');
    await waitFor(() => recorded.closes.length > 0);
    expect(before).toBe('last');
    expect(recorded.closes).toEqual([undefined]);
    recorded.connection.write([bytesOf('too late')]);
    await waitFor(() => peer.sockets[0]?.destroyed);
    expect(recorded.closes).toHaveLength(1);
  });

  test('is over when the peer ends its half of it, even if that reads nothing', async () => {
    const peer = await tcpPeer({ allowHalfOpen: true });
    const recorded = await connect(`mqtt://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    socket.pause();
    recorded.connection.write([new Uint8Array(32 * 1024 * 1024)]);
    socket.end();
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes).toEqual([undefined]);
  });

  test('is lost by a reset', async () => {
    const { proxy, recorded } = await proxied();
    proxy.reset();
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes).toEqual([expect.any(ConnectionError)]);
    expect(recorded.closes[0]).toMatchObject({ code: 'lost', cause: { code: 'ECONNRESET' } });
    expect(recorded.closes[0]?.message).toBe(
      `the connection to mqtt://127.0.0.1:${proxy.port} was lost: it broke the connection off (ECONNRESET)`,
    );
  });

  test('sends everything before close() ends it, and says when it has ended', async () => {
    const peer = await tcpPeer();
    const recorded = await connect(`mqtt://127.0.0.1:${peer.port}`);
    const size = 8 * 1024 * 1024;
    recorded.connection.write([new Uint8Array(size)]);
    recorded.connection.close();
    recorded.connection.close();
    recorded.connection.write([bytesOf('too late')]);
    expect(recorded.closes).toEqual([]);
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes).toEqual([undefined]);
    expect(peer.sockets[0]?.bytesRead).toBe(size);
  });

  test('still takes what comes after close()', async () => {
    const peer = await tcpPeer({ allowHalfOpen: true });
    const recorded = await connect(`mqtt://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    socket.on('end', () => socket.end('goodbye'));
    recorded.connection.close();
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.text).toBe('goodbye');
  });

  test('by destroy() is gone at once, and nothing is called, a dead peer or not', async () => {
    const { peer, proxy, recorded } = await proxied();
    proxy.stall();
    recorded.connection.write([new Uint8Array(1024 * 1024)]);
    recorded.connection.destroy();
    recorded.connection.destroy();
    recorded.connection.close();
    recorded.connection.write([bytesOf('too late')]);
    proxy.reset();
    await waitFor(() => peer.sockets[0]?.destroyed);
    expect([recorded.closes, recorded.chunks, recorded.drains]).toEqual([[], [], []]);
  });

  test('by destroy() does not wait for the peer: what that still sends is reset', async () => {
    const peer = await tcpPeer({ allowHalfOpen: true });
    const recorded = await connect(`mqtt://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    recorded.connection.destroy();
    await waitFor(() => {
      socket.write('still here');
      return socket.destroyed;
    });
    expect(recorded.chunks).toEqual([]);
  });

  test('keeps what comes before somebody listens, the end included', async () => {
    const peer = await tcpPeer();
    const connection = await tcpTransport().connect(new URL(`mqtt://127.0.0.1:${peer.port}`), {
      signal: new AbortController().signal,
      protocols: [],
    });
    const socket = await socketOf(peer);
    socket.end('early');
    await waitFor(() => socket.destroyed);
    const recorded = record(connection);
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.text).toBe('early');
    expect(recorded.closes).toEqual([undefined]);
  });
});

describe('a TCP connection that cannot be made', () => {
  test('because nothing listens is unreachable, with the cause and what to do', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await rejection(connect(`mqtt://127.0.0.1:${port}/hunter2?hunter2`));
    expect(error).toMatchObject({
      name: 'ConnectionError',
      code: 'unreachable',
      cause: { code: 'ECONNREFUSED' },
    });
    expect((error as Error).message).toBe(
      `could not connect to mqtt://127.0.0.1:${port}: nothing listens there; check the port, and that the server is up (ECONNREFUSED)`,
    );
  });

  test('because there is no such host is unreachable', async () => {
    const error = await rejection(connect('mqtt://no-such-host.invalid'));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect((error as Error).message).toMatch(
      /^could not connect to mqtt:\/\/no-such-host\.invalid:1883: the host name/,
    );
  });

  test('because it was aborted before rejects with the reason and opens nothing', async () => {
    const peer = await tcpPeer();
    const reason = new Error('enough');
    const error = await rejection(connect(`mqtt://127.0.0.1:${peer.port}`, {}, AbortSignal.abort(reason)));
    expect(error).toBe(reason);
    await connect(`mqtt://127.0.0.1:${peer.port}`);
    await socketOf(peer);
    expect(peer.sockets).toHaveLength(1);
  });

  test.each(['mqtt://127.0.0.1', 'mqtt://localhost', 'mqtt://no-such-host.invalid', 'mqtts://localhost'])(
    'because it is aborted in the middle leaves no socket: %s',
    async (server) => {
      const peer = await tcpPeer();
      const controller = new AbortController();
      const reason = new Error('enough');
      const before = process.getActiveResourcesInfo();
      const promise = rejection(connect(`${server}:${peer.port}`, {}, controller.signal));
      controller.abort(reason);
      expect(await promise).toBe(reason);
      await waitFor(() => peer.sockets.every((socket) => socket.destroyed));
      const sockets = (resources: string[]) => resources.filter((name) => name === 'TCPSocketWrap').length;
      await waitFor(() => sockets(process.getActiveResourcesInfo()) <= sockets(before));
    },
  );

  test('because it is aborted in the TLS handshake leaves no socket', async () => {
    const peer = await tcpPeer();
    const controller = new AbortController();
    const promise = rejection(connect(`mqtts://127.0.0.1:${peer.port}`, {}, controller.signal));
    const socket = await socketOf(peer);
    await waitFor(() => socket.bytesRead > 0, { what: 'the ClientHello' });
    controller.abort();
    expect(await promise).toMatchObject({ name: 'AbortError' });
    await waitFor(() => socket.destroyed);
  });
});

test('an open connection does not mind an abort', async () => {
  const peer = await tcpPeer();
  const controller = new AbortController();
  const { connection } = await connect(`mqtt://127.0.0.1:${peer.port}`, {}, controller.signal);
  controller.abort();
  connection.write([bytesOf('still here')]);
  await waitFor(() => peer.text === 'still here');
});

describe('a TLS connection', () => {
  test.each(['mqtts', 'tls'])('is made for %s: to a server that is trusted', async (scheme) => {
    const { ca } = await certificates();
    const peer = await tlsPeer();
    const recorded = await connect(`${scheme}://localhost:${peer.port}`, { tls: { ca: ca.cert } });
    recorded.connection.write([bytesOf('one'), bytesOf(' two')]);
    await waitFor(() => peer.text === 'one two');
    (await socketOf(peer)).end('answer');
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.text).toBe('answer');
    expect(recorded.closes).toEqual([undefined]);
    expect(recorded.chunks.every((chunk) => chunk.constructor === Uint8Array)).toBe(true);
  });

  test('sends the chunks of a call in one record', async () => {
    const { ca } = await certificates();
    const peer = await tlsPeer();
    const { connection } = await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert } });
    // A socket hands out what it received record by record.
    const records: string[] = [];
    (await socketOf(peer)).on('data', (chunk) => records.push(String(chunk)));
    connection.write([bytesOf('a'), bytesOf('b'), bytesOf('c')]);
    connection.write([bytesOf('d')]);
    await waitFor(() => records.join('') === 'abcd');
    expect(records).toEqual(['abc', 'd']);
  });

  test('tells when everything before close() has left, or cannot any more', async () => {
    const { ca } = await certificates();
    const peer = await tlsPeer();
    const { connection } = await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert } });
    const size = 1024 * 1024;
    connection.write([new Uint8Array(size)]);
    const closed = connection.close();
    expect(connection.bufferedAmount).toBeGreaterThan(0);
    await closed;
    expect(connection.bufferedAmount).toBe(0);
    await waitFor(() => peer.text.length === size);

    const other = await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert } });
    other.connection.write([new Uint8Array(size)]);
    const dropped = other.connection.close();
    other.connection.destroy();
    await dropped;
  });

  test('asks for the host by name, but not for an address', async () => {
    const { ca } = await certificates();
    const peer = await tlsPeer();
    await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: [ca.cert] } });
    await connect(`mqtts://127.0.0.1:${peer.port}`, { tls: { ca: bytesOf(ca.cert) } });
    await waitFor(() => peer.sockets.length === 2);
    expect(peer.sockets.map(({ servername }) => servername)).toEqual(['localhost', false]);
  });

  test('verifies against another name when told to', async () => {
    const { ca, elsewhere } = await certificates();
    const peer = await tlsPeer(elsewhere);
    await connect(`mqtts://127.0.0.1:${peer.port}`, {
      tls: { ca: ca.cert, servername: 'elsewhere.example' },
    });
    expect((await socketOf(peer)).servername).toBe('elsewhere.example');
  });

  test('offers application protocols only when told to', async () => {
    const { ca } = await certificates();
    const peer = await tlsPeer({ ALPNProtocols: ['mqtt'] });
    await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert } });
    await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert, alpnProtocols: ['x', 'mqtt'] } });
    await waitFor(() => peer.sockets.length === 2);
    expect(peer.sockets.map(({ alpnProtocol }) => alpnProtocol)).toEqual([false, 'mqtt']);
  });

  test.each([
    [
      'of an unknown authority',
      'server',
      'otherCa',
      /not signed by an authority that is trusted here; give .* tls\.ca/,
    ],
    ['that has expired', 'expired', 'ca', /has expired/],
    ['for another host', 'elsewhere', 'ca', /is for another host; .* tls\.servername/],
  ] as const)('is refused to a server with a certificate %s', async (_, which, authority, words) => {
    const all = await certificates();
    const peer = await tlsPeer(all[which]);
    const error = await rejection(
      connect(`mqtts://localhost:${peer.port}`, { tls: { ca: all[authority].cert } }),
    );
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'unreachable', cause: expect.any(Error) });
    expect((error as Error).message).toMatch(
      /^could not connect to mqtts:\/\/localhost:\d+: its certificate /,
    );
    expect((error as Error).message).toMatch(words);
  });

  test('is made to any server when certificates are not verified', async () => {
    const { expired } = await certificates();
    const peer = await tlsPeer(expired);
    await connect(`mqtts://localhost:${peer.port}`, { tls: { rejectUnauthorized: false } });
    await socketOf(peer);
  });

  test('is not made to a server that does not speak TLS', async () => {
    const peer = await tcpPeer();
    const promise = rejection(connect(`mqtts://127.0.0.1:${peer.port}`));
    (await socketOf(peer)).write('HTTP/1.1 400 Bad Request\r\n\r\n');
    const error = await promise;
    expect(error).toMatchObject({ code: 'unreachable' });
    expect((error as Error).message).toMatch(/does not speak TLS on this port/);
  });

  test('is not made to a server that hangs up', async () => {
    const peer = await tcpPeer();
    const promise = rejection(connect(`mqtts://127.0.0.1:${peer.port}`));
    const socket = await socketOf(peer);
    await waitFor(() => socket.bytesRead > 0);
    socket.end();
    const error = await promise;
    expect(error).toMatchObject({ code: 'unreachable' });
    expect((error as Error).message).toMatch(/check that the scheme of the URL is that of the port/);
  });

  test('shows a client certificate, with an encrypted key too', async () => {
    const { ca, client } = await certificates();
    const peer = await tlsPeer({ ca: ca.cert, requestCert: true });
    const key = createPrivateKey(client.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'hunter2',
    });
    await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert, ...client } });
    const tls = { ca: ca.cert, cert: bytesOf(client.cert), key: bytesOf(String(key)), passphrase: 'hunter2' };
    await connect(`mqtts://localhost:${peer.port}`, { tls });
    await waitFor(() => peer.sockets.length === 2);
    expect(peer.sockets.map((socket) => socket.getPeerCertificate().subject.CN)).toEqual([
      'client',
      'client',
    ]);
  });

  test('is lost, with a reason, when the server wants a client certificate and gets none', async () => {
    const { ca } = await certificates();
    const peer = await tlsPeer({ ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    // With TLS 1.3 the client is connected before the server looks for its certificate.
    const recorded = await connect(`mqtts://localhost:${peer.port}`, { tls: { ca: ca.cert } });
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes[0]?.message).toMatch(/wants a client certificate; give tls\.cert and tls\.key/);
  });

  test.each([
    ['a key that is none', { key: '-----BEGIN nonsense', cert: '-----BEGIN nonsense' }],
    ['a passphrase that does not fit', { passphrase: 'wrong' }],
  ])('needs usable options: not %s', async (_, wrong) => {
    const { client } = await certificates();
    const key = createPrivateKey(client.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'hunter2',
    });
    const promise = connect('mqtts://127.0.0.1:1', {
      tls: { cert: client.cert, key: String(key), ...wrong },
    });
    const error = await rejection(promise);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/^tls: /);
  });
});
