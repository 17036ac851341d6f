import { expect, onTestFinished, test, vi } from 'vitest';
import { BaseConnection } from '../../../src/transport/base-connection';
import { PacedConnection } from '../../../src/transport/paced-connection';
import { memoryInUse } from '../../support/memory';

/** A socket that takes bytes away when the test says so. */
class Socket extends BaseConnection {
  bufferedAmount = 0;
  readonly written: number[] = [];
  readonly ends: ('close' | 'destroy')[] = [];

  /** @param keep whether a test looks at what is written */
  constructor(private readonly keep = true) {
    super();
  }

  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      if (this.keep) this.written.push(...chunk);
      this.bufferedAmount += chunk.length;
    }
  }

  close(): Promise<void> {
    this.ends.push('close');
    return Promise.resolve();
  }

  destroy(): void {
    this.ends.push('destroy');
    this.silenced();
  }

  /** Bytes leave. */
  passes(count: number, tell = true): void {
    this.bufferedAmount -= count;
    if (tell) this.drained();
  }

  /** The peer ends it. */
  isEnded(error?: Error): void {
    this.ended(error);
  }
}

const portion = 65_536;

function paced(mayCut = true, socket = new Socket()) {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return { socket, connection: new PacedConnection(socket, mayCut) };
}

/** Bytes that differ where they are neighbours. */
const some = (length: number) => Uint8Array.from({ length }, (_, index) => index);

test('a paced connection gives its socket a portion at a time, in order, and counts what waits', () => {
  const { socket, connection } = paced();
  const drains: number[] = [];
  connection.onDrain = () => drains.push(connection.bufferedAmount);
  const all = some(3 * portion + 10);
  connection.write([all.subarray(0, 5), all.subarray(5, -5)]);
  connection.write([all.subarray(-5)]);
  expect([socket.written.length, connection.bufferedAmount]).toEqual([portion, all.length]);
  for (let left = all.length; left > 0; left -= portion) socket.passes(Math.min(left, portion));
  expect(Uint8Array.from(socket.written)).toEqual(all);
  expect(drains).toEqual([2 * portion + 10, portion + 10, 10, 0]);
});

test('a paced connection hands small writes over at once', () => {
  const { socket, connection } = paced();
  for (const byte of [1, 2, 3]) connection.write([Uint8Array.of(byte)]);
  expect(socket.written).toEqual([1, 2, 3]);
});

test('a paced connection lets no small write overtake what waits, though its socket has room', () => {
  const { socket, connection } = paced();
  const all = some(portion + 2);
  connection.write([all.subarray(0, -1)]);
  socket.passes(portion, false);
  connection.write([all.subarray(-1)]);
  expect([socket.written.length, socket.written.slice(-2)]).toEqual([portion + 2, [0, 1]]);
});

test('a paced connection that may not cut writes gives one after the other, whole', () => {
  const { socket, connection } = paced(false);
  connection.write([some(2 * portion), some(1)]);
  connection.write([some(3)]);
  connection.write([some(portion)]);
  connection.write([some(5)]);
  expect([socket.written.length, connection.bufferedAmount]).toEqual([2 * portion + 1, 3 * portion + 9]);
  socket.passes(portion + 1);
  expect(socket.written).toHaveLength(2 * portion + 1);
  socket.passes(portion);
  expect(socket.written).toHaveLength(3 * portion + 4);
  socket.passes(portion + 3);
  expect([socket.written.length, connection.bufferedAmount]).toEqual([3 * portion + 9, 5]);
});

test('a paced connection keeps nothing of what its socket has, though it never has all', () => {
  const { socket, connection } = paced(true, new Socket(false));
  const write = () => connection.write([new Uint8Array(portion)]);
  write();
  write();
  const before = memoryInUse();
  for (let count = 0; count < 1_000; count += 1) {
    write();
    socket.passes(portion);
  }
  expect(connection.bufferedAmount).toBe(2 * portion);
  expect(memoryInUse() - before).toBeLessThan(100 * portion);
});

test('a paced connection looks by itself at a socket that does not tell', () => {
  const { socket, connection } = paced();
  connection.write([some(portion + 1)]);
  socket.passes(portion, false);
  vi.advanceTimersByTime(10);
  expect(socket.written).toHaveLength(portion + 1);
  expect(vi.getTimerCount()).toBe(0);
});

test('a paced connection sends what waits before close() ends it, and nothing that comes later', async () => {
  const { socket, connection } = paced();
  connection.write([some(portion + 1)]);
  const closed = connection.close();
  connection.write([some(1)]);
  expect(socket.ends).toEqual([]);
  socket.passes(portion);
  expect([socket.written.length, socket.ends]).toEqual([portion + 1, ['close']]);
  await closed;
});

test('a paced connection that is closed twice is closed once, and both calls settle', async () => {
  const { socket, connection } = paced();
  connection.write([some(portion + 1)]);
  const closed = [connection.close(), connection.close()];
  socket.passes(portion);
  await Promise.all(closed);
  expect(socket.ends).toEqual(['close']);
});

test.each(['delayedAcks', 'coarse', 'zeroCopy'] as const)(
  'a paced connection says of itself what its socket does: %s',
  (trait) => {
    const traits = { delayedAcks: false, coarse: false, zeroCopy: false };
    expect(paced().connection).toMatchObject(traits);
    const { connection } = paced(true, Object.assign(new Socket(), { [trait]: true }));
    expect(connection).toMatchObject({ ...traits, [trait]: true });
  },
);

test.each(['destroy', 'peer'] as const)(
  'a paced connection that has nobody to send to lets go: %s',
  async (by) => {
    const { socket, connection } = paced();
    const closes: unknown[] = [];
    connection.onClose = (error) => closes.push(error);
    connection.write([some(3 * portion)]);
    const closed = connection.close();
    if (by === 'destroy') connection.destroy();
    else socket.isEnded();
    await closed;
    expect(closes).toEqual(by === 'peer' ? [undefined] : []);
    expect([connection.bufferedAmount, vi.getTimerCount()]).toEqual([portion, 0]);
  },
);
