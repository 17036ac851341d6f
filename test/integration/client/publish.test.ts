import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Decoder } from '../../../src/codec/decoder';
import { encode } from '../../../src/codec/encode';
import type { Packet } from '../../../src/codec/packet';
import type { ClientOptions } from '../../../src/index';
import { connect } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/index';
import { connack, puback } from '../../support/packet-makers';
import { waitFor } from '../../support/wait-for';

let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({ authorization: { publish: { deny: ['forbidden/#'] } } });
});

afterAll(() => broker.close());

/** A client, closed when the test is over. */
async function client(url: string, options: ClientOptions = {}) {
  const connected = await connect(url, { reconnect: { minDelay: 1, maxDelay: 10 }, ...options });
  onTestFinished(() => connected.close({ force: true }));
  return connected;
}

/** What the broker got from a client. */
const got = (clientId: string) =>
  broker.log
    .filter((entry) => entry.clientId === clientId && entry.direction === 'in')
    .map(({ packet }) => packet);

describe.each(['tcp', 'ws'] as const)('over %s', (kind) => {
  const url = () => (kind === 'ws' ? broker.wsUrl : broker.url);

  describe.each([5, 4, 3] as const)('with version %i', (protocolVersion) => {
    test('each QoS arrives once, and the promise says so', async () => {
      const sender = await client(url(), { protocolVersion });
      const receiver = await client(url(), { protocolVersion });
      const topic = `once/${kind}/${protocolVersion}`;
      const texts: string[] = [];
      await receiver.subscribe(
        topic,
        { qos: 2 },
        (message) => void texts.push(`${message.qos} ${message.text()}`),
      );
      for (const qos of [0, 1, 2] as const) {
        const result = await sender.publish(topic, `to you ${qos}`, { qos });
        expect(result).toEqual({ reasonCode: 0 });
      }
      await waitFor(() => texts.length >= 3);
      expect(texts).toEqual(['0 to you 0', '1 to you 1', '2 to you 2']);
    });
  });

  test('ten thousand messages without a pause arrive in order [v3 MQTT-7.1.2-1]', async () => {
    const sender = await client(url());
    const receiver = await client(url());
    const topic = `many/${kind}`;
    const numbers: number[] = [];
    await receiver.subscribe(topic, { qos: 1 }, (message) => void numbers.push(Number(message.text())));
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => sender.publish(topic, `${n}`, { qos: 1 })));
    await waitFor(() => numbers.length >= 10_000, { timeout: 10_000 });
    expect(numbers).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
    expect(sender.stats).toMatchObject({ messagesSent: 10_000, inFlight: 0, queued: 0 });
  });

  test('a large array may be used again as soon as its promise settles', async () => {
    const sender = await client(url());
    const receiver = await client(url());
    const topic = `large/${kind}`;
    const payloads: Uint8Array[] = [];
    await receiver.subscribe(topic, (message) => void payloads.push(message.payload));
    const array = new Uint8Array(1_000_000);
    for (let n = 0; n < 20; n += 1) {
      array.fill(n);
      await sender.publish(topic, array);
    }
    await waitFor(() => payloads.length >= 20, { timeout: 10_000 });
    for (const [n, payload] of payloads.entries()) {
      expect(payload).toHaveLength(1_000_000);
      expect(payload.every((byte) => byte === n)).toBe(true);
    }
  });

  test('a refusal of the server rejects', async () => {
    const sender = await client(url());
    const publish = sender.publish('forbidden/x', '', { qos: 1 });
    await expect(publish).rejects.toMatchObject({ name: 'RefusedError', code: 'not-authorized' });
  });

  test('nobody subscribed is a success, with 0x10', async () => {
    const sender = await client(url());
    expect(await sender.publish(`nobody/${kind}`, '', { qos: 1 })).toMatchObject({ reasonCode: 0x10 });
  });

  test('QoS 2 arrives once although the connection is cut in each step', async () => {
    const receiver = await client(url());
    const texts: string[] = [];
    const topic = `cut/${kind}`;
    await receiver.subscribe(topic, { qos: 2 }, (message) => void texts.push(message.text()));
    const clientId = `cut-${kind}`;
    const sender = await client(url(), { clientId });
    for (const type of ['pubrec', 'pubcomp'] as const) {
      broker.fault(clientId, { dropBefore: { type } });
      // After a lost PUBCOMP the server does not know the identifier any more, which is as good.
      const { reasonCode } = await sender.publish(topic, type, { qos: 2 });
      expect(reasonCode).toBe(type === 'pubrec' ? 0 : 0x92);
    }
    expect(sender.stats.connections).toBe(3);
    await sender.publish(topic, 'last', { qos: 2 });
    await waitFor(() => texts.includes('last'));
    expect(texts).toEqual(['pubrec', 'pubcomp', 'last']);
    const dups = got(clientId).filter((packet) => packet.type === 'publish' && packet.dup);
    expect(dups).toHaveLength(1);
  });

  test('properties arrive as they were sent', async () => {
    const sender = await client(url());
    const receiver = await client(url());
    const properties = {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 100,
      contentType: 'application/json',
      responseTopic: 'answers/here',
      correlationData: Uint8Array.of(1, 2, 3),
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
    } as const;
    const topic = `properties/${kind}`;
    const subscription = await receiver.subscribe(topic, { qos: 1 });
    await sender.publish(topic, '{}', { qos: 1, retain: true, properties });
    for await (const message of subscription) {
      expect(message.properties).toMatchObject({ ...properties, messageExpiryInterval: expect.any(Number) });
      expect(message.retain).toBe(false);
      break;
    }
    await sender.publish(topic, '', { retain: true });
  });

  test('the queue of a closed server goes out when it is back', async () => {
    const own = await startBroker();
    onTestFinished(() => own.close());
    const sender = await client(kind === 'ws' ? own.wsUrl : own.url);
    await own.stop();
    await waitFor(() => sender.status.type !== 'connected');
    const publishes = Promise.all(['1', '2', '3'].map((text) => sender.publish('a', text, { qos: 1 })));
    await own.restart();
    expect(await publishes).toHaveLength(3);
    const sent = own.log.packets('in', 'publish');
    expect(sent).toHaveLength(3);
  });
});

test('acknowledgements that the TCP of a server holds back are drawn out by a PINGREQ', async () => {
  const server = createServer((socket) => {
    const held: Uint8Array[] = [];
    const send = (packet: Packet) => socket.write(encode(packet, 4));
    const decoder = new Decoder({
      protocolVersion: 4,
      onPacket: (packet) => {
        if (packet.type === 'connect') send(connack());
        if (packet.type === 'publish' && packet.packetId !== undefined) {
          const ack = encode(puback(packet.packetId), 4);
          // As with Nagle's algorithm: the first is confirmed by whatever comes next.
          if (packet.packetId === 1) socket.write(ack);
          else held.push(ack);
        }
        if (packet.type === 'pingreq') for (const ack of held.splice(0)) socket.write(ack);
      },
    });
    socket.on('data', (chunk) => decoder.push(new Uint8Array(chunk)));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const sender = await client(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 });
  const sent = [1, 2, 3].map(() => sender.publish('t', 'x', { qos: 1 }));
  await expect(Promise.all(sent)).resolves.toHaveLength(3);
});
