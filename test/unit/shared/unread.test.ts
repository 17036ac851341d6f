import { describe, expect, test } from 'vitest';
import type { Delivery } from '../../../src/shared/delivery';
import { Unread } from '../../../src/shared/unread';

/** A message that waits, as far as its line looks at it. */
function message(name: string, qos: 0 | 1 = 0, isStray = false) {
  const delivery = { id: name, isStray, message: { qos } } as unknown as Delivery;
  return { delivery, params: {} };
}

const names = (deliveries: readonly (Delivery | undefined)[]) => deliveries.map((one) => one?.id);

describe('unread messages', () => {
  test('come in the order of their arrival, whatever their QoS', () => {
    const unread = new Unread();
    unread.push(message('a'), 10);
    unread.push(message('b', 1), 10);
    expect(unread.shift()?.delivery.id).toBe('a');
    unread.push(message('c'), 10);
    unread.push(message('d', 1), 10);
    expect(unread.shift()?.delivery.id).toBe('b');
    unread.push(message('e'), 10);
    expect(names(unread.clear())).toEqual(['c', 'd', 'e']);
    expect(unread.shift()).toBeUndefined();
  });

  test('with QoS 0 are bounded: the oldest of them goes', () => {
    const unread = new Unread();
    const dropped = ['a', 'b', 'c', 'd'].map((name) => unread.push(message(name, name === 'a' ? 1 : 0), 2));
    expect(names(dropped)).toEqual([undefined, undefined, undefined, 'b']);
    unread.shift();
    expect(unread.push(message('e', 1), 2)).toBeUndefined();
    expect(names(unread.clear())).toEqual(['c', 'd', 'e']);
  });

  test('of lost sessions are bounded, those that are none stay in their place', () => {
    const unread = new Unread();
    for (const name of ['a', 'b', 'c', 'd']) unread.push(message(name, 1, name !== 'b'), 0);
    expect(names(unread.dropStrays(2))).toEqual(['a']);
    expect(names(unread.clear())).toEqual(['b', 'c', 'd']);
  });

  test('may be hundreds of thousands: none is moved for another one', () => {
    // A move of all that wait for each of them would take longer than a test may.
    const unread = new Unread();
    for (let count = 0; count < 20_000; count += 1) unread.push(message('first', 1), 100_000);
    for (let count = 0; count < 110_000; count += 1) unread.push(message('later'), 100_000);
    let taken = 0;
    while (unread.shift()) taken += 1;
    expect(taken).toBe(120_000);
  });
});
