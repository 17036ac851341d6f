import { describe, expect, test } from 'vitest';
import { PacketIds } from '../../../src/session/packet-ids';

const flow = (name: string) => ({ name });

describe('packet identifiers', () => {
  test('go round, and pass by those in use [v5 MQTT-2.2.1-3, v3 MQTT-2.3.1-2]', () => {
    const ids = new PacketIds();
    const kept = [1, 256, 257, 40_000, 65_535];
    for (const packetId of kept) ids.claim(packetId, flow('kept'));
    const taken = new Set<number>();
    for (let count = 0; count < 2 * 65_535; count += 1) {
      const packetId = ids.take(flow('taken'));
      taken.add(packetId);
      ids.free(packetId);
    }
    expect(kept.filter((packetId) => taken.has(packetId))).toEqual([]);
    expect(taken.size).toBe(65_535 - kept.length);
    expect([...ids].map(([packetId]) => packetId)).toEqual(kept);
  });

  test('can all be in use, and are counted', () => {
    const ids = new PacketIds();
    let count = 0;
    for (; ids.hasForSubscribe && count <= 65_535; count += 1) ids.take(flow('taken'));
    expect(count).toBe(65_535);
    expect([ids.hasForPublish, ids.hasForSubscribe]).toEqual([false, false]);
    for (let packetId = 1; packetId <= 65_535; packetId += 1) ids.free(packetId);
    expect([...ids]).toEqual([]);
    expect(ids.hasForPublish).toBe(true);
  });

  test('are not free again before the end of their flow is durable', () => {
    const ids = new PacketIds();
    const packetId = ids.take(flow('first'));
    ids.end(packetId);
    expect(ids.get(packetId)).toBeNull();
    expect([...ids]).toEqual([]);
    const others = Array.from({ length: 65_534 }, () => ids.take(flow('other')));
    expect(others).not.toContain(packetId);
    expect(ids.hasForSubscribe).toBe(false);
    ids.release(packetId);
    expect(ids.get(packetId)).toBeUndefined();
    expect(ids.take(flow('next'))).toBe(packetId);
  });

  test('given to another flow by a new session are not released for the old one', () => {
    const ids = new PacketIds();
    const packetId = ids.take(flow('old'));
    ids.end(packetId);
    ids.clear();
    const next = flow('new');
    ids.claim(packetId, next);
    ids.release(packetId);
    expect(ids.get(packetId)).toBe(next);
  });
});
