import { expect, onTestFinished, test } from 'vitest';
import { createClient } from '../../../src/index';
import { BaseConnection } from '../../../src/transport/base-connection';
import { turn } from '../../support/fake-server';

/** PUBRELs in a chunk. */
const inChunk = 65_536;

/** With an identifier that nobody knows: each is answered, with as many bytes. */
const releases = new Uint8Array(4 * inChunk).map((_, index) => [0x62, 2, 1, 1][index % 4] ?? 0);

/** A connection to a server that only counts what it is sent. */
class Counting extends BaseConnection {
  written = 0;
  /** Bytes that the server has read; all of them unless a test says otherwise. */
  read = Infinity;
  isOpen = true;

  write(chunks: readonly Uint8Array[]): void {
    for (const { length } of chunks) this.written += length;
  }

  get bufferedAmount(): number {
    return Math.max(0, this.written - this.read);
  }

  feed(...bytes: number[] | [Uint8Array]): void {
    const [chunk] = bytes;
    this.received(chunk instanceof Uint8Array ? chunk : Uint8Array.from(bytes as number[]));
  }

  close(): void {
    this.isOpen = false;
  }

  destroy(): void {
    this.isOpen = false;
  }
}

async function connected() {
  const link = new Counting();
  const transport = { connect: async () => link };
  const client = createClient('ws://fake', { transport, protocolVersion: 4, reconnect: false });
  onTestFinished(() => client.close({ force: true }));
  link.feed(0x20, 2, 0, 0);
  await client.connect();
  return { client, link };
}

test('a server that asks for ever more answers and reads none loses the connection', async () => {
  const { client, link } = await connected();
  link.read = link.written;
  for (let chunk = 0; chunk < 20 && link.isOpen; chunk += 1) {
    link.feed(releases);
    await turn();
  }
  expect(client.status).toMatchObject({ type: 'closed', error: { name: 'ProtocolError' } });
  expect(link.written).toBeLessThan(2.5 * 1_024 * 1_024);
});

test('a server that reads keeps it, however many it asks for and whatever they wait behind', async () => {
  const { client, link } = await connected();
  const size = 4_000_000;
  await client.publish('a', new Uint8Array(size));
  for (let chunk = 0; chunk < 20; chunk += 1) {
    // Never more than two chunks of answers have not been read.
    link.read = Math.max(size / 2, link.written - 2 * releases.length);
    link.feed(releases);
    await turn();
  }
  expect(client.status.type).toBe('connected');
  expect(link.written).toBeGreaterThan(size + 20 * releases.length);
});
