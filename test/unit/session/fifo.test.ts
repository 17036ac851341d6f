import { describe, expect, test } from 'vitest';
import { Fifo } from '../../../src/session/fifo';
import { collectGarbage, memoryInUse } from '../../support/memory';

test('a queue gives back a million items, whatever waits behind them', () => {
  const fifo = new Fifo<number>();
  for (let count = 0; count < 1_000_000; count += 1) fifo.push(count);
  // A move of all that wait for each of them would take longer than a test may.
  let next = 0;
  for (let item = fifo.shift(); item !== undefined; item = fifo.shift()) {
    if (item !== next) expect.unreachable();
    next += 1;
  }
  expect(next).toBe(1_000_000);
});

describe('a queue that is never empty', () => {
  test('gives back the room of what has left', () => {
    const fifo = new Fifo<number>();
    fifo.push(0);
    const before = memoryInUse();
    for (let count = 1; count <= 1_000_000; count += 1) {
      fifo.push(count);
      if (fifo.shift() !== count - 1) expect.unreachable();
    }
    // Places that stayed would take 8 MB.
    expect(memoryInUse() - before).toBeLessThan(2_000_000);
    expect([...fifo]).toEqual([1_000_000]);
  });

  test('lets go of what has left at once', async () => {
    const fifo = new Fifo<object>();
    fifo.push({});
    fifo.push({});
    const gone = new WeakRef(fifo.shift() as object);
    // A WeakRef holds on until the end of the task.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(gone.deref()).toBeUndefined();
    expect(fifo).toHaveLength(1);
  });
});
