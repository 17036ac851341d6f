import { describe, expect, test } from 'vitest';
import { Bench } from '../../broker/bench';
import { figures, SysTopics } from '../../broker/sys-topics';

/** What a subscriber of `$SYS` has got, by topic. */
function seen(messages: string[]): Record<string, string> {
  return Object.fromEntries(
    messages.map((message) => message.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
}

describe('$SYS', () => {
  test('is retained from the start, and published again when it changes', () => {
    const bench = new Bench({ sysInterval: 10 });
    const sys = new SysTopics(bench.core);
    sys.start();
    const watcher = bench.subscriber('$SYS/broker/#', 0);
    const first = seen(watcher.messages());
    expect(first).toMatchObject({
      '$SYS/broker/uptime': '0',
      '$SYS/broker/clients/connected': '0',
      '$SYS/broker/subscriptions/count': '0',
      '$SYS/broker/retained messages/count': '0',
      '$SYS/broker/packets/unsubscribe/received': '0',
      '$SYS/broker/packets/unsuback/sent': '0',
    });
    expect(first['$SYS/broker/version']).toMatch(/mqtide/);
    bench.connect().publish('t', 'kept', { retain: true });
    bench.advance(10);
    const second = seen(watcher.messages());
    expect(second).toMatchObject({
      '$SYS/broker/uptime': '10',
      '$SYS/broker/clients/connected': '2',
      '$SYS/broker/clients/total': '2',
      '$SYS/broker/subscriptions/count': '1',
      '$SYS/broker/retained messages/count': '1',
      '$SYS/broker/publish/messages/received': '1',
      '$SYS/broker/publish/bytes/received': '4',
      '$SYS/broker/packets/connect/received': '2',
    });
    expect(Object.keys(second)).not.toContain('$SYS/broker/version');
    sys.stop();
    bench.advance(100);
    expect(watcher.messages()).toEqual([]);
  });

  test('counts clients that are away, and bytes and packets both ways', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 1, {
      clientId: 'x',
      clean: false,
      properties: { sessionExpiryInterval: 60 },
    });
    client.drop();
    bench.connect().publish('t', 'waits', { qos: 1 });
    const counted = Object.fromEntries(figures(bench.core));
    expect(counted).toMatchObject({
      'clients/connected': 1,
      'clients/disconnected': 1,
      'clients/total': 2,
      'clients/maximum': 2,
      'messages/stored': 1,
      'messages/received': 4,
      'messages/sent': 4,
      'packets/suback/sent': 1,
    });
    expect(counted['bytes/received']).toBeGreaterThan(50);
    expect(counted['bytes/sent']).toBeGreaterThan(15);
  });

  test('forgets what has expired', () => {
    const bench = new Bench({ sysInterval: 10 });
    new SysTopics(bench.core).start();
    bench.connect().publish('t', 'x', { retain: true, properties: { messageExpiryInterval: 1 } });
    expect(bench.core.retained.ordinarySize).toBe(1);
    bench.advance(10);
    expect(bench.core.retained.ordinarySize).toBe(0);
  });
});
