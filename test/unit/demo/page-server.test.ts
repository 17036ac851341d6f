import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import getPort from 'get-port';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PageServer, servePage } from '../../../demo/page-server';
import { Tunnels } from '../../../demo/tunnel';

/** What is to be closed after each test. */
let cleanup: (() => unknown)[] = [];
let port: number;
let page: PageServer;
let tunnels: Tunnels;
let upstream: Server;
/** The broker's side of each tunnel, in the order in which they arrived. */
let arrived: Peer[];
let onArrival: () => void;
let commanded: string[];

beforeEach(async () => {
  arrived = [];
  commanded = [];
  onArrival = () => {};
  upstream = createServer((socket) => {
    arrived.push(new Peer(socket));
    onArrival();
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const address = upstream.address() as AddressInfo;
  tunnels = new Tunnels({ host: '127.0.0.1', port: address.port, path: '/broker' });
  port = await getPort({ host: '127.0.0.1' });
  page = await servePage({
    host: '127.0.0.1',
    port,
    files: new Map([['/', { type: 'text/html', body: '<p>page</p>' }]]),
    tunnels,
    commands: new Map([
      [
        '/do',
        (query) => {
          if (query.has('bad')) throw new Error('it is bad');
          commanded.push(query.toString());
        },
      ],
    ]),
    about: () => ({ answer: 42 }),
  });
  cleanup = [
    () => page.close(),
    () => upstream.close(),
    () => {
      for (const peer of arrived) peer.socket.destroy();
    },
  ];
});

afterEach(async () => {
  for (const close of cleanup) await close();
});

describe('the page server', () => {
  test('serves the page under a policy that allows no foreign and no inline code', async () => {
    const answer = await ask('GET', '/');
    expect(answer.body).toBe('<p>page</p>');
    expect(answer.policy).toContain("default-src 'self'");
    expect(answer.policy).toContain("connect-src 'self' ws: wss:;");
    expect(answer.policy).not.toContain('unsafe');
    expect((await ask('GET', '/demo.json')).body).toBe('{"answer":42}');
    expect((await ask('GET', '/../package.json')).status).toBe(404);
  });

  test.each(['//', '//[', 'http://[', '/%', '*'])('lives on after a request for %s', async (path) => {
    expect((await ask('GET', path)).status).toBe(404);
    expect((await ask('POST', path)).status).toBe(404);
    expect((await ask('GET', '/', { Host: '[' })).status).toBe(403);
    expect((await ask('GET', '/')).status).toBe(200);
  });

  test('answers no host name but those of loopback, so that no other site can be pointed at it', async () => {
    expect((await ask('GET', '/', { Host: 'evil.example' })).status).toBe(403);
    expect((await ask('GET', '/', { Host: `localhost:${port}` })).status).toBe(200);
  });

  test('takes commands from its own page only', async () => {
    const own = { Origin: `http://127.0.0.1:${port}` };
    expect((await ask('POST', '/do?a=1')).status).toBe(403);
    expect((await ask('POST', '/do?a=1', { Origin: 'http://evil.example' })).status).toBe(403);
    expect(commanded).toEqual([]);
    expect((await ask('POST', '/do?a=1', own)).status).toBe(204);
    expect(commanded).toEqual(['a=1']);
    expect(await ask('POST', '/do?bad', own)).toMatchObject({ status: 400, body: 'it is bad\n' });
    expect((await ask('POST', '/else', own)).status).toBe(404);
  });

  test('carries no WebSocket of another page', async () => {
    const client = dial('one', 'http://evil.example');
    await client.ended;
    expect(client.text).toContain('403');
    expect(arrived).toEqual([]);
  });

  test.each(['//', '/mqtt'])(
    'lives on after a WebSocket to %s that is refused and torn down',
    async (path) => {
      const failures: unknown[] = [];
      const note = (error: unknown) => failures.push(error);
      process.on('uncaughtException', note);
      cleanup.push(() => process.off('uncaughtException', note));
      const { socket } = dial('one', 'http://evil.example', path);
      await once(socket, 'data');
      socket.resetAndDestroy();
      // Another connection shows that the end of this one had time to arrive.
      await roundTrip('two');
      expect(failures).toEqual([]);
    },
  );
});

describe('a tunnel', () => {
  test('carries the handshake on with the path of the broker, and everything after it both ways', async () => {
    const client = dial('one');
    const broker = await nextArrival();
    await broker.has('\r\n\r\n');
    expect(broker.text).toMatch(/^GET \/broker HTTP\/1\.1\r\n/);
    expect(broker.text).toContain('Sec-WebSocket-Key: abc');
    client.socket.write('up');
    await broker.has('up');
    broker.socket.write('down');
    await client.has('down');
  });

  test('ends on both sides when one side ends', async () => {
    const first = dial('one');
    const broker = await nextArrival();
    broker.socket.end('bye');
    await first.ended;
    expect(first.text).toBe('bye');

    const second = dial('one');
    const again = await nextArrival();
    second.socket.end();
    await again.ended;
  });

  test('holds bytes both ways in silence, and delivers them in order when it is mended', async () => {
    const client = dial('one');
    const broker = await nextArrival();
    await broker.has('\r\n\r\n');
    tunnels.cut('one', 60_000, 'silence');
    client.socket.write('[held 1]');
    broker.socket.write('1');
    // Another link shows that bytes had time to arrive.
    await roundTrip('two');
    expect(broker.text).not.toContain('[held');
    client.socket.write('[held 2]');
    await roundTrip('two');
    expect(client.text).toBe('');
    tunnels.mend('one');
    await broker.has('[held 1][held 2]');
    await client.has('1');
  });

  test('is mended by itself when the time is over', async () => {
    const client = dial('one');
    const broker = await nextArrival();
    await broker.has('\r\n\r\n');
    tunnels.cut('one', 20, 'silence');
    client.socket.write('late');
    await broker.has('late');
  });

  test('loses what a client sent that gave up meanwhile, and tells the broker only then', async () => {
    const client = dial('one');
    const broker = await nextArrival();
    await broker.has('\r\n\r\n');
    tunnels.cut('one', 60_000, 'silence');
    client.socket.write('lost');
    client.socket.destroy();
    await roundTrip('two');
    expect(broker.socket.readyState).toBe('open');
    tunnels.mend('one');
    await broker.ended;
    expect(broker.text).not.toContain('lost');
  });

  test('lets a new attempt wait in silence, and only the newest one through', async () => {
    tunnels.cut('one', 60_000, 'silence');
    const abandoned = dial('one');
    await roundTrip('two');
    const waiting = dial('one');
    await roundTrip('two');
    const before = arrived.length;
    tunnels.mend('one');
    const broker = await nextArrival();
    expect(arrived.length).toBe(before + 1);
    await abandoned.ended;
    broker.socket.write('hello');
    await waiting.has('hello');
  });

  test('is torn down by a reset, which refuses new attempts until it is over', async () => {
    const client = dial('one');
    const broker = await nextArrival();
    tunnels.cut('one', 60_000, 'reset');
    await Promise.all([client.ended, broker.ended]);
    await dial('one').ended;
    expect(arrived).toHaveLength(1);
    tunnels.mend('one');
    dial('one');
    await nextArrival();
  });
});

/** One end of a connection, with what it has received. */
class Peer {
  readonly socket: Socket;
  text = '';
  readonly ended: Promise<void>;
  #onText = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#onText();
    });
  }

  /** Resolves when the text has been received. */
  has(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onText = () => {
        if (this.text.includes(text)) resolve();
      };
      this.#onText();
    });
  }
}

/** Opens a WebSocket handshake, as far as the tunnel is concerned. */
function dial(link: string, origin = `http://127.0.0.1:${port}`, path = '/mqtt'): Peer {
  const peer = new Peer(connect(port, '127.0.0.1'));
  cleanup.push(() => peer.socket.destroy());
  peer.socket.write(
    `GET ${path}?link=${link} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${origin}\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n',
  );
  return peer;
}

/** The broker's side of the next tunnel that arrives, or of one that has arrived and was not asked for. */
let taken = 0;
beforeEach(() => {
  taken = 0;
});
function nextArrival(): Promise<Peer> {
  return new Promise((resolve) => {
    onArrival = () => {
      const peer = arrived[taken];
      if (peer === undefined) return;
      taken += 1;
      onArrival = () => {};
      resolve(peer);
    };
    onArrival();
  });
}

/** Sends bytes through a new tunnel to the broker and back. */
async function roundTrip(link: string): Promise<void> {
  const client = dial(link);
  const broker = await nextArrival();
  await broker.has('\r\n\r\n');
  broker.socket.write('pong');
  await client.has('pong');
  client.socket.destroy();
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly policy: string;
}

async function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, method, path, headers });
  sent.end();
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, body, policy: String(response.headers['content-security-policy']) };
}
