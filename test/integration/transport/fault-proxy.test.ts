import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy';
import { waitFor } from '../../support/wait-for';

/** A socket that remembers what happened to it. */
class Probe {
  readonly chunks: Buffer[] = [];
  ended = false;
  error: string | undefined;
  closed = false;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => this.chunks.push(chunk));
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', (error) => {
      this.error = 'code' in error ? String(error.code) : error.message;
    });
    socket.on('close', () => {
      this.closed = true;
    });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

let server: Server;
let proxy: FaultProxy;
const open: Probe[] = [];
/** The server's side of the connections, in order. */
let accepted: Probe[] = [];

beforeEach(async () => {
  accepted = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    const probe = new Probe(socket);
    accepted.push(probe);
    open.push(probe);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await proxy.close();
  for (const { socket } of open.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A connection through the proxy, both ends. */
async function link(): Promise<{ client: Probe; peer: Probe }> {
  const count = accepted.length;
  const client = new Probe(connectTcp({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true }));
  open.push(client);
  const peer = await waitFor(() => accepted[count], { what: 'the connection at the server' });
  return { client, peer };
}

/** Long enough for bytes to have come through if they could: a round trip of another connection. */
async function roundTrip(): Promise<void> {
  const probe = await startFaultProxy((server.address() as AddressInfo).port);
  const count = accepted.length;
  const client = new Probe(connectTcp({ host: '127.0.0.1', port: probe.port }));
  open.push(client);
  client.socket.write('x');
  await waitFor(() => accepted[count]?.text === 'x');
  await probe.close();
}

describe('the fault proxy', () => {
  test('passes bytes and ends on, both ways', async () => {
    const { client, peer } = await link();
    client.socket.end('up');
    await waitFor(() => peer.ended);
    expect(peer.text).toBe('up');
    expect(client.ended).toBe(false);
    peer.socket.end('down');
    await waitFor(() => client.ended);
    expect(client.text).toBe('down');
    await waitFor(() => proxy.connections === 0);
    expect(proxy).toMatchObject({ accepted: 1, refused: 0, passed: { up: 2, down: 4 } });
  });

  test('closes both ends when a reset follows an end at once', async () => {
    const { client, peer } = await link();
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    // Until its FIN has left, a socket cannot be reset: it would stay, and spin.
    proxy.end();
    proxy.reset();
    await waitFor(() => (client.ended || client.closed) && (peer.ended || peer.closed));
    client.socket.destroy();
    peer.socket.destroy();
    await waitFor(() => sockets() === 0, { what: 'all sockets to be closed' });
  });

  test('passes on a reset', async () => {
    const { client, peer } = await link();
    client.socket.resetAndDestroy();
    await waitFor(() => peer.closed);
    expect(peer.error).toBe('ECONNRESET');
    await waitFor(() => proxy.connections === 0);
  });

  test('resets the client when the server is not there', async () => {
    await new Promise((resolve) => server.close(resolve));
    const client = new Probe(connectTcp({ host: '127.0.0.1', port: proxy.port }));
    open.push(client);
    await waitFor(() => client.closed);
    expect(client.error).toBe('ECONNRESET');
  });

  test('holds everything while paused, and loses nothing', async () => {
    const { client, peer } = await link();
    proxy.pause();
    client.socket.end('up');
    peer.socket.write('down');
    await roundTrip();
    expect([client.text, peer.text, peer.ended]).toEqual(['', '', false]);
    proxy.heal();
    await waitFor(() => client.text === 'down' && peer.text === 'up' && peer.ended);
    expect(client.closed).toBe(false);
  });

  test('pauses one direction', async () => {
    const { client, peer } = await link();
    proxy.pause('down');
    peer.socket.write('down');
    client.socket.write('up');
    await waitFor(() => peer.text === 'up');
    await roundTrip();
    expect(client.text).toBe('');
    proxy.heal();
    await waitFor(() => client.text === 'down');
  });

  test('fills the buffers of a sender while paused', async () => {
    const { client, peer } = await link();
    proxy.pause();
    const size = 32 * 1024 * 1024;
    client.socket.write(new Uint8Array(size));
    await roundTrip();
    expect(client.socket.writableLength).toBeGreaterThan(0);
    proxy.heal();
    await waitFor(() => proxy.passed.up === size && client.socket.writableLength === 0);
    await waitFor(() => peer.socket.bytesRead === size);
  });

  test('is a dead peer when stalled, even to those that end, and stays it for them when it is healed', async () => {
    const { client, peer } = await link();
    proxy.stall();
    client.socket.write('lost');
    client.socket.destroy();
    await roundTrip();
    proxy.heal();
    const other = await link();
    other.client.socket.write('alive');
    await waitFor(() => other.peer.text === 'alive');
    expect(peer).toMatchObject({ text: '', ended: false, closed: false });
    expect(proxy.connections).toBe(2);
    proxy.reset();
    await waitFor(() => peer.closed);
    expect(proxy.connections).toBe(0);
  });

  test('resets both sides', async () => {
    const { client, peer } = await link();
    proxy.reset();
    await waitFor(() => client.closed && peer.closed);
    expect([client.error, peer.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
  });

  test('ends both sides, behind what it held', async () => {
    const { client, peer } = await link();
    proxy.delay(100_000);
    peer.socket.write('last');
    await roundTrip();
    expect(client.text).toBe('');
    proxy.end();
    await waitFor(() => client.ended && peer.ended);
    expect(client.error).toBeUndefined();
    expect(client.text).toBe('last');
  });

  test('refuses new connections only, and for as long as it is told', async () => {
    const { client, peer } = await link();
    proxy.refuse(true);
    const refused = new Probe(connectTcp({ host: '127.0.0.1', port: proxy.port }));
    open.push(refused);
    await waitFor(() => refused.closed);
    expect(refused.error).toBe('ECONNRESET');
    expect(proxy).toMatchObject({ accepted: 1, refused: 1 });
    client.socket.write('still here');
    await waitFor(() => peer.text === 'still here');
    proxy.refuse(false);
    await link();
    expect(proxy.accepted).toBe(2);
  });

  test.each([0, 1, 5, 9])('cuts after %i bytes from the server', async (bytes) => {
    const { client, peer } = await link();
    proxy.cutAfter({ direction: 'down', bytes });
    peer.socket.write('12345');
    peer.socket.write('6789');
    client.socket.write('not counted');
    await waitFor(() => client.closed && peer.closed);
    expect(client.text).toBe('123456789'.slice(0, bytes));
    expect(client.error).toBe('ECONNRESET');
    const next = await link();
    next.peer.socket.write('whole again');
    await waitFor(() => next.client.text === 'whole again');
  });

  test('delivers nothing behind the cut, also when it is told to end before the reset', async () => {
    const { client, peer } = await link();
    proxy.cutAfter({ direction: 'down', bytes: 2 });
    peer.socket.write('12345');
    await waitFor(() => proxy.passed.down === 2);
    proxy.end();
    await waitFor(() => client.ended || client.closed);
    expect(client.text).toBe('12');
  });

  test('cuts after some bytes from the client', async () => {
    const { client, peer } = await link();
    client.socket.write('before');
    await waitFor(() => peer.text === 'before');
    proxy.cutAfter({ direction: 'up', bytes: 2 });
    client.socket.write('after');
    await waitFor(() => peer.closed);
    expect(peer.text).toBe('beforeaf');
  });

  test('splits into pieces that arrive one by one', async () => {
    const { client, peer } = await link();
    proxy.split(3);
    peer.socket.write('0123456789');
    await waitFor(() => client.text === '0123456789');
    expect(client.chunks.map(String)).toEqual(['012', '345', '678', '9']);
  });

  test('delays bytes, and keeps their order', async () => {
    const { client, peer } = await link();
    proxy.delay(50);
    const started = performance.now();
    client.socket.write('a');
    await roundTrip();
    client.socket.write('b');
    client.socket.end('c');
    await waitFor(() => peer.ended);
    expect(peer.text).toBe('abc');
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
  });
});

describe('waitFor', () => {
  test('gives what the condition gives', async () => {
    let looks = 0;
    await expect(waitFor(() => ++looks > 30 && 'there')).resolves.toBe('there');
  });

  test('names what it waited for, with the last exception as cause', async () => {
    const cause = new Error('not yet');
    const failing = () => {
      throw cause;
    };
    await expect(waitFor(failing, { timeout: 5, what: 'the end' })).rejects.toMatchObject({
      message: 'waited 5 ms in vain for the end',
      cause,
    });
    await expect(waitFor(() => undefined, { timeout: 5 })).rejects.toThrow('waited 5 ms in vain for () => ');
  });
});
