import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { encode } from '../../../src/codec/encode';
import type { ConnectPacket, Packet } from '../../../src/codec/packet';
import { type Broker, type BrokerOptions, startBroker } from '../../broker';
import { hex } from '../../broker/bench';
import { certificates } from '../../support/certificates';

const running: Broker[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const broker of running.splice(0)) await broker.close();
});

async function start(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await startBroker({ sysInterval: 0, ...options });
  running.push(broker);
  return broker;
}

/** A socket that has sent packets; the broker's log says what became of them. */
function dial(port: number, packets: Packet[], socket: Socket = connectTcp(port, '127.0.0.1')): Socket {
  sockets.push(socket);
  socket.on('error', () => {});
  socket.resume();
  for (const packet of packets) socket.write(encode(packet, 5));
  return socket;
}

function connectPacket(clientId: string, rest: Partial<ConnectPacket> = {}): ConnectPacket {
  return { type: 'connect', protocolVersion: 5, clientId, clean: true, keepAlive: 0, ...rest };
}

const subscribe = (filter: string): Packet => ({
  type: 'subscribe',
  packetId: 1,
  subscriptions: [{ filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
});

/** Waits until the broker has sent a packet of this type to a client. */
const sent = (broker: Broker, clientId: string, type: Packet['type'], fresh = false) =>
  broker.log.waitFor(
    (entry) => entry.clientId === clientId && entry.direction === 'out' && entry.packet.type === type,
    { fresh },
  );

describe('a broker', () => {
  test('listens on free ports, over TCP, WebSocket and TLS', async () => {
    const { server, ca } = await certificates();
    const broker = await start({ tls: server });
    expect(new Set([broker.port, broker.wsPort, broker.tlsPort, broker.wssPort]).size).toBe(4);
    expect([broker.url, broker.wsUrl]).toEqual([
      `mqtt://127.0.0.1:${broker.port}`,
      `ws://127.0.0.1:${broker.wsPort}/mqtt`,
    ]);
    dial(broker.port, [connectPacket('tcp')]);
    const secure = connectTls({ host: '127.0.0.1', port: broker.tlsPort, ca: ca.cert });
    dial(0, [connectPacket('tls')], secure);
    const webSocket = new WebSocket(broker.wssUrl, ['mqtt'], { ca: ca.cert });
    webSocket.on('open', () => webSocket.send(encode(connectPacket('wss'), 5)));
    await Promise.all(['tcp', 'tls', 'wss'].map((clientId) => sent(broker, clientId, 'connack')));
    expect(['tcp', 'tls', 'wss'].map((clientId) => broker.connection(clientId).wire.kind)).toEqual([
      'tcp',
      'tls',
      'wss',
    ]);
    webSocket.terminate();
  });

  test('has only the ports that it is told to have', async () => {
    const broker = await start({ wsPort: false });
    expect(broker.port).toBeGreaterThan(0);
    expect(() => broker.wsPort).toThrow('no wsPort');
    expect(() => broker.tlsPort).toThrow('no tlsPort');
  });

  test('says so when a port is taken, and leaves none open', async () => {
    const broker = await start();
    await expect(startBroker({ wsPort: broker.port })).rejects.toThrow('EADDRINUSE');
  });

  test('publishes, disconnects, kills and forgets by order', async () => {
    const broker = await start();
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
    const socket = dial(broker.port, [connectPacket('a', kept), subscribe('t')]);
    await sent(broker, 'a', 'suback');
    broker.publish('t', 'hello', { qos: 1, properties: { contentType: 'x' } });
    expect((await sent(broker, 'a', 'publish')).packet).toMatchObject({
      topic: 't',
      properties: { contentType: 'x' },
    });
    broker.disconnect('a', 0x9c, 'there');
    await once(socket, 'close');
    expect(broker.log.packets('out', 'disconnect')).toMatchObject([
      { reasonCode: 0x9c, properties: { serverReference: 'there' } },
    ]);
    expect(broker.sessions.has('a')).toBe(true);

    const again = dial(broker.port, [connectPacket('a', kept)]);
    await sent(broker, 'a', 'connack', true);
    const gone = broker.gone('a');
    broker.kill('a');
    await Promise.all([gone, once(again, 'close')]);
    expect(broker.clients).toEqual([]);
    await broker.gone('a');
    broker.forgetSession('a');
    expect(broker.sessions.size).toBe(0);
    expect(() => broker.kill('a')).toThrow('not connected');
  });

  test('sends any packet and any bytes', async () => {
    const broker = await start();
    const socket = connectTcp(broker.port, '127.0.0.1');
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    sockets.push(socket);
    socket.write(encode(connectPacket('a', { protocolVersion: 4 }), 4));
    await sent(broker, 'a', 'connack');
    broker.send('a', { type: 'suback', packetId: 9, reasonCodes: [1] });
    broker.inject('a', hex('ff ff'));
    broker.kill('a');
    await once(socket, 'close');
    expect(Buffer.concat(received).toString('hex')).toBe('20020000' + '9003000901' + 'ffff');
  });

  test('restarts on its ports, with or without its sessions', async () => {
    const broker = await start();
    const { port } = broker;
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
    const socket = dial(port, [connectPacket('a', kept)]);
    await sent(broker, 'a', 'connack');
    broker.publish('t', 'kept', { retain: true });
    await Promise.all([broker.restart(), once(socket, 'close')]);
    expect(broker.port).toBe(port);
    expect([...broker.sessions.keys(), broker.retained.size]).toEqual(['a', 1]);
    dial(port, [connectPacket('a', kept)]);
    expect((await sent(broker, 'a', 'connack', true)).packet).toMatchObject({ sessionPresent: true });
    await broker.restart({ sessions: 'drop', retained: 'drop' });
    expect([...broker.sessions.keys(), broker.retained.size]).toEqual([0]);
  });

  test('can be away for a while', async () => {
    const broker = await start();
    await broker.stop();
    const refused = connectTcp(broker.port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    await broker.start();
    dial(broker.port, [connectPacket('a')]);
    await sent(broker, 'a', 'connack');
  });

  test('takes leave of its clients when it closes, and leaves no timer behind', async () => {
    const broker = await startBroker({ connectTimeout: 60_000 });
    const silent = connectTcp(broker.port, '127.0.0.1');
    sockets.push(silent);
    const socket = dial(broker.port, [
      connectPacket('a', { keepAlive: 30, properties: { sessionExpiryInterval: 600 } }),
    ]);
    await sent(broker, 'a', 'connack');
    await Promise.all([broker.close(), once(socket, 'close')]);
    expect(broker.log.packets('out', 'disconnect')).toMatchObject([{ reasonCode: 0x8b }]);
  });

  test('lets the last packet arrive although the client goes on sending', async () => {
    const broker = await start({ maximumPacketSize: 100 });
    const socket = connectTcp(broker.port, '127.0.0.1');
    sockets.push(socket);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.write(encode(connectPacket('a'), 5));
    await sent(broker, 'a', 'connack');
    socket.write(hex('30 ff 7f'));
    for (let at = 0; at < 200; at += 1) socket.write(new Uint8Array(10_000));
    await once(socket, 'end');
    expect(Buffer.concat(received).toString('hex').endsWith('e00195')).toBe(true);
  });
});

describe('the WebSocket faults', () => {
  const open = async (broker: Broker) => {
    const socket = new WebSocket(broker.wsUrl, ['mqtt']);
    socket.on('error', () => {});
    return socket;
  };

  test('select a wrong subprotocol, or none', async () => {
    const broker = await start();
    for (const subprotocol of ['other', null]) {
      broker.faults.next({ subprotocol });
      const socket = await open(broker);
      const [error] = (await once(socket, 'error')) as [Error];
      expect(error.message).toMatch(/subprotocol/);
    }
    const good = await open(broker);
    await once(good, 'open');
    good.terminate();
  });

  test('send text', async () => {
    const broker = await start();
    const socket = await open(broker);
    await once(socket, 'open');
    socket.send(encode(connectPacket('a'), 5));
    await sent(broker, 'a', 'connack');
    const surprise = new Promise((resolve) => {
      socket.on('message', (data, isBinary) => {
        if (!isBinary) resolve(String(data));
      });
    });
    broker.sendText('a', 'surprise');
    expect(await surprise).toBe('surprise');
    socket.terminate();
  });

  test('split output into frames', async () => {
    const broker = await start();
    broker.faults.next({ chunk: 2 });
    const socket = await open(broker);
    const sizes: number[] = [];
    socket.on('message', (data) => sizes.push((data as Buffer).length));
    await once(socket, 'open');
    socket.send(encode(connectPacket('a', { protocolVersion: 4 }), 4));
    await sent(broker, 'a', 'connack');
    broker.kill('a');
    await once(socket, 'close');
    expect(sizes).toEqual([2, 2]);
  });

  test('let a client in without a subprotocol where that is optional', async () => {
    const broker = await start({ subprotocol: 'optional' });
    const socket = new WebSocket(broker.wsUrl);
    await once(socket, 'open');
    expect(socket.protocol).toBe('');
    socket.terminate();
  });
});

describe('the packet log', () => {
  test('waits for what comes, and says what it saw instead', async () => {
    const broker = await start({ logSize: 2 });
    const waiting = broker.log.waitFor(({ packet }) => packet.type === 'pingresp');
    dial(broker.port, [connectPacket('a'), { type: 'pingreq' }]);
    expect(await waiting).toMatchObject({ clientId: 'a', direction: 'out', connection: 1 });
    await expect(broker.log.waitFor(({ packet }) => packet.type === 'auth', { timeout: 1 })).rejects.toThrow(
      '#1 a out {"type":"pingresp"}',
    );
    expect(broker.log.length).toBeLessThan(5);
    broker.log.clear();
    expect([...broker.log]).toEqual([]);
  });
});

describe('the command line', () => {
  const script = fileURLToPath(new URL('../../broker/cli.ts', import.meta.url));
  const run = (...args: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

  async function output(stream: NodeJS.ReadableStream): Promise<string> {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  }

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'prints one line when it listens, and ends on %s',
    async (signal) => {
      const child = run('--host', '127.0.0.1', '--port', '0', '--ws-port', '0');
      const exit = once(child, 'exit');
      const errors = output(child.stderr);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const ports =
        /^mqtide broker listening on mqtt:\/\/127\.0\.0\.1:(\d+) and ws:\/\/127\.0\.0\.1:(\d+)\/mqtt\n$/.exec(
          line.toString(),
        );
      expect(ports).not.toBeNull();
      const socket = connectTcp(Number(ports?.[1]), '127.0.0.1');
      sockets.push(socket);
      socket.write(encode(connectPacket('a', { protocolVersion: 4 }), 4));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString('hex')).toBe('20020000');
      child.kill(signal);
      expect(await exit).toEqual([0, null]);
      expect(await errors).toBe('');
    },
  );

  test('ends when npm does', async () => {
    const child = spawn('npm', ['run', '--silent', 'broker', '--', '--port', '0', '--ws-port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const line = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data) => resolve(String(data))),
    );
    const port = Number(/:(\d+) and/.exec(line)?.[1]);
    const socket = connectTcp(port, '127.0.0.1');
    sockets.push(socket);
    // A client that has connected is not closed for its silence.
    socket.write(encode(connectPacket('a'), 5));
    await once(socket, 'data');
    const closed = once(socket.resume(), 'close');
    child.kill('SIGTERM');
    await closed;
  });

  test.each([
    [['--port', 'x'], 'not a port: "x"'],
    [['--port', ''], 'not a port: ""'],
    [['--prot', '1'], 'Usage: npm run broker'],
    [['--config', '/nowhere.json'], 'nowhere.json'],
    [['--nonsense'], 'nonsense'],
  ])('refuses %s', async (args, message) => {
    const child = run(...args);
    const errors = output(child.stderr);
    const [code] = await once(child, 'exit');
    expect(code).toBe(1);
    expect(await errors).toContain(message);
  });

  test('says what to do about a port that is taken', async () => {
    const other = await start();
    const child = run('--port', String(other.port), '--ws-port', '0');
    expect(await output(child.stderr)).toContain('choose others with --port and --ws-port');
  });
});
