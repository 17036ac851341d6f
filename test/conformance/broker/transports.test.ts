/** Network connections: TCP and WebSocket carry the same bytes [v5 4.2, 6, v3 4.2, 6, 7]. */

import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Broker, startBroker } from '../../broker';
import { hex } from '../../broker/bench';

let broker: Broker;
const opened: { destroy(): void }[] = [];

beforeEach(async () => {
  broker = await startBroker({ sysInterval: 0, receiveMaximum: 65_535, topicAliasMaximum: 0 });
});

afterEach(async () => {
  for (const peer of opened.splice(0)) peer.destroy();
  await broker.close();
  expect(broker.errors).toEqual([]);
});

/** A peer that knows bytes only. */
interface Peer {
  send(...pieces: Uint8Array[]): void;
  /** Resolves with the first `count` bytes that came and were not read yet. */
  read(count: number): Promise<string>;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<number>;
}

/** Gathers bytes, and lets a test wait for them. */
class Inbox {
  #bytes = Buffer.alloc(0);
  #arrived: (() => void) | undefined;

  add(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#arrived?.();
  }

  async read(count: number): Promise<string> {
    while (this.#bytes.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken.toString('hex');
  }
}

async function overTcp(): Promise<Peer> {
  const socket: Socket = connectTcp(broker.port, '127.0.0.1');
  opened.push(socket);
  socket.setNoDelay(true);
  const inbox = new Inbox();
  socket.on('data', (chunk: Buffer) => inbox.add(chunk));
  const ended = new Promise<number>((resolve) => socket.on('close', () => resolve(0)));
  await new Promise<void>((resolve) => socket.on('connect', resolve));
  return {
    send: (...pieces) => {
      for (const piece of pieces) socket.write(piece);
    },
    read: (count) => inbox.read(count),
    ended,
  };
}

async function dialWebSocket(
  protocols: string[],
  path = '/mqtt',
): Promise<{ socket: WebSocket; peer: Peer }> {
  const socket = new WebSocket(`ws://127.0.0.1:${broker.wsPort}${path}`, protocols);
  opened.push({ destroy: () => socket.terminate() });
  const inbox = new Inbox();
  socket.on('message', (data, isBinary) => {
    if (!isBinary) throw new Error('a text frame');
    inbox.add(data as Buffer);
  });
  const ended = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  const send = (...pieces: Uint8Array[]) => {
    for (const piece of pieces) socket.send(piece);
  };
  return { socket, peer: { send, read: (count) => inbox.read(count), ended } };
}

const transports = {
  TCP: overTcp,
  WebSocket: async () => (await dialWebSocket(['mqtt'])).peer,
} as const;
const names = ['TCP', 'WebSocket'] as const;

// Written by hand from the specification: CONNECT with a clean session, SUBSCRIBE to "a/b" with QoS 1, PUBLISH "hi".
const session = {
  5: {
    connect: '10 10 0004 4d515454 05 02 0000 00 0003 6d6531',
    connack: '2003000000',
    subscribe: '82 09 000a 00 0003 612f62 01',
    suback: '9004000a0001',
    publish: '32 0a 0003 612f62 000b 00 6869',
    puback: '4002000b',
    delivered: '320a0003612f62' + '0001' + '00' + '6869',
    ack: '40 02 0001',
    disconnect: 'e0 00',
  },
  4: {
    connect: '10 0f 0004 4d515454 04 02 0000 0003 6d6531',
    connack: '20020000',
    subscribe: '82 08 000a 0003 612f62 01',
    suback: '9003000a01',
    publish: '32 09 0003 612f62 000b 6869',
    puback: '4002000b',
    delivered: '32090003612f62' + '0001' + '6869',
    ack: '40 02 0001',
    disconnect: 'e0 00',
  },
} as const;

/** All that the peer sends up to its PUBLISH, in one piece. */
function script(version: 4 | 5): Uint8Array {
  const { connect, subscribe, publish } = session[version];
  return hex(connect + subscribe + publish);
}

/** All that the broker answers to it. */
function answers(version: 4 | 5): string {
  const { connack, suback, puback, delivered } = session[version];
  return connack + suback + puback + delivered;
}

describe.each(names)('%s', (name) => {
  test.each([5, 4] as const)(
    'MQTT %s: a peer of bytes needs nothing but the specification [v3 MQTT-7.0.0-2, v3 MQTT-7.1.1-1, v5 MQTT-4.2.0-1]',
    async (version) => {
      const peer = await transports[name]();
      const { connect, connack, subscribe, suback, publish, puback, delivered, ack, disconnect } =
        session[version];
      peer.send(hex(connect));
      expect(await peer.read(connack.length / 2)).toBe(connack);
      peer.send(hex(subscribe));
      expect(await peer.read(suback.length / 2)).toBe(suback);
      peer.send(hex(publish));
      expect(await peer.read((puback + delivered).length / 2)).toBe(puback + delivered);
      peer.send(hex(ack), hex('c0 00'));
      expect(await peer.read(2)).toBe('d000');
      peer.send(hex(disconnect));
      await peer.ended;
      expect(broker.clients).toEqual([]);
    },
  );

  test.each([5, 4] as const)(
    'MQTT %s: bytes may come in any cut [v5 MQTT-4.2.0-1, v5 MQTT-6.0.0-2, v3 MQTT-6.0.0-2, v3 MQTT-7.1.1-1]',
    async (version) => {
      const bytes = script(version);
      const expected = answers(version);
      for (const size of [1, 2, 3, 7, 16, bytes.length]) {
        const peer = await transports[name]();
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.slice(at * size, (at + 1) * size),
        );
        peer.send(...pieces);
        expect(await peer.read(expected.length / 2)).toBe(expected);
      }
    },
  );

  test('carries large messages in both directions unchanged [v5 MQTT-4.2.0-1, v3 MQTT-7.1.1-1]', async () => {
    const peer = await transports[name]();
    const { connect, connack, subscribe, suback } = session[4];
    peer.send(hex(connect + subscribe));
    await peer.read((connack + suback).length / 2);
    const payload = Buffer.alloc(3_000_000, 'abcdefg');
    const length = [0xc5, 0x8d, 0xb7, 0x01];
    peer.send(new Uint8Array([0x30, ...length, 0, 3, 0x61, 0x2f, 0x62]), payload);
    expect(await peer.read(10)).toBe(Buffer.from([0x30, ...length, 0, 3, 0x61, 0x2f, 0x62]).toString('hex'));
    expect(Buffer.from(await peer.read(payload.length), 'hex').equals(payload)).toBe(true);
  });
});

describe('WebSocket', () => {
  test.each([[['mqtt']], [['other', 'mqtt']], [['mqttv3.1', 'mqtt']]])(
    'selects the subprotocol mqtt of %s [v5 MQTT-6.0.0-4, v3 MQTT-6.0.0-4]',
    async (offered) => {
      const { socket } = await dialWebSocket(offered);
      expect(socket.protocol).toBe('mqtt');
    },
  );

  test('selects mqttv3.1 when only that is offered', async () => {
    const { socket } = await dialWebSocket(['mqttv3.1']);
    expect(socket.protocol).toBe('mqttv3.1');
  });

  test.each([[[]], [['other']]])('refuses the handshake when only %s is offered', async (offered) => {
    await expect(dialWebSocket(offered)).rejects.toThrow('400');
    expect(broker.core.connectionCount).toBe(0);
  });

  test('is accepted on any path', async () => {
    for (const path of ['/', '/mqtt', '/some/where?x=1']) {
      const { peer } = await dialWebSocket(['mqtt'], path);
      peer.send(hex(session[5].connect));
      expect(await peer.read(5)).toBe(session[5].connack);
    }
  });

  test.each([5, 4] as const)(
    'MQTT %s: a text frame closes the connection, binary frames do not [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]',
    async (version) => {
      const { socket, peer } = await dialWebSocket(['mqtt']);
      const { connect, connack } = session[version];
      peer.send(hex(connect));
      expect(await peer.read(connack.length / 2)).toBe(connack);
      socket.send(Buffer.from('c000', 'hex').toString('latin1'), { binary: false });
      expect(await peer.ended).toBe(1003);
    },
  );

  test('a fragmented message is one [v5 MQTT-6.0.0-2, v3 MQTT-6.0.0-2]', async () => {
    const { socket, peer } = await dialWebSocket(['mqtt']);
    const bytes = script(5);
    for (let at = 0; at < bytes.length; at += 1)
      socket.send(bytes.slice(at, at + 1), { fin: at === bytes.length - 1 });
    const expected = answers(5);
    expect(await peer.read(expected.length / 2)).toBe(expected);
  });

  test('plain HTTP is told to upgrade', async () => {
    const response = await fetch(`http://127.0.0.1:${broker.wsPort}/`);
    expect(response.status).toBe(426);
  });
});

describe('a client that goes away while it reads nothing', () => {
  test('is gone at once: its will is published [v5 MQTT-3.1.2-8, v3 MQTT-3.1.2-8]', async () => {
    const [deaf, watcher] = [connectTcp(broker.port, '127.0.0.1'), await overTcp()];
    opened.push(deaf);
    deaf.on('error', () => {});
    // CONNECT with the will "bye" for "w", SUBSCRIBE to "a/b" with QoS 0.
    deaf.write(hex('10 18 0004 4d515454 05 06 0000 00 0002 6d31 00 0001 77 0003 627965'));
    deaf.write(hex('82 09 000a 00 0003 612f62 00'));
    await broker.log.waitFor(({ packet, clientId }) => packet.type === 'suback' && clientId === 'm1');
    deaf.pause();
    watcher.send(hex('10 0f 0004 4d515454 05 02 0000 00 0002 6d32'), hex('82 07 000a 00 0001 77 00'));
    await watcher.read(5 + 6);

    const wire = broker.connection('m1').wire;
    while (wire.bufferedAmount === 0) {
      broker.publish('a/b', new Uint8Array(1_000_000));
      // The kernel takes what it has room for.
      await new Promise((resolve) => setImmediate(resolve));
    }
    deaf.end();
    expect(await watcher.read(9)).toBe('300700017700627965');
  });
});
