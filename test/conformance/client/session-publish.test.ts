/** What a session sends and expects for its own messages: QoS 0, 1 and 2 [v5 4.3, v3 4.3]. */

import { describe, expect, test } from 'vitest';
import { ProtocolError, RefusedError } from '../../../src/errors';
import { puback, pubcomp, publish, pubrec, pubrel, suback } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const versions = [5, 4, 3] as const;

describe.each(versions)('a publish, protocol level %i', (version) => {
  test('of QoS 0 leaves once, with QoS 0 and DUP 0, and never again [v5 MQTT-4.3.1-1, v3 MQTT-4.3.1-1]', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const sent = bench.publish('t', 0, { text: 'hello' });
    bench.expectSent(publish('t', 0, 0, { text: 'hello' }));
    expect(sent.outcome).toBe('acknowledged 0');
    bench.cut();
    bench.resume();
    bench.expectNothingSent();
  });

  test('of QoS 1 has a free identifier and DUP 0, and waits for its PUBACK [v5 MQTT-4.3.2-1, v5 MQTT-4.3.2-2, v5 MQTT-4.3.2-3, v3 MQTT-4.3.2-1]', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const [first, second] = bench.publishAll('a1', 'b1');
    bench.expectSent(publish('a1', 1), publish('b1', 2));
    bench.receive(puback(99));
    expect([first?.outcome, second?.outcome]).toEqual([undefined, undefined]);
    bench.receive(puback(2));
    expect([first?.outcome, second?.outcome]).toEqual([undefined, 'acknowledged 0']);
    bench.cut();
    bench.resume();
    // The identifier is held all the while, and the message goes out again with it.
    bench.expectSent(publish('a1', 1, 1, { dup: true }));
    bench.publish('c', 1);
    bench.expectSent(publish('c', 3));
    bench.receive(puback(1));
    expect(first?.outcome).toBe('acknowledged 0');
    expect(bench.session.counts.inFlight).toBe(1);
  });

  test('of QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP under one identifier [v5 MQTT-4.3.3-1, v5 MQTT-4.3.3-2, v5 MQTT-4.3.3-4, v5 MQTT-2.2.1-5, v3 MQTT-4.3.3-1, v3 MQTT-2.3.1-6]', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const [first, second] = bench.publishAll('a2', 'b2');
    bench.expectSent(publish('a2', 1, 2), publish('b2', 2, 2));
    bench.receive(pubrec(2));
    bench.expectSent(pubrel(2));
    bench.receive(pubrec(1));
    bench.expectSent(pubrel(1));
    bench.receive(pubcomp(1));
    expect([first?.outcome, second?.outcome]).toEqual(['acknowledged 0', undefined]);
    bench.receive(pubcomp(2));
    expect(second?.outcome).toBe('acknowledged 0');
    bench.expectNothingSent();
    expect(bench.session.counts).toMatchObject({ inFlight: 0, queued: 0, queuedBytes: 0 });
  });

  test('answers a PUBREC that comes twice with PUBREL again', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    bench.publish('t', 2);
    bench.receive(pubrec(1), pubrec(1));
    bench.expectSent(publish('t', 1, 2), pubrel(1), pubrel(1));
    bench.receive(pubcomp(1));
    expect(bench.session.counts.inFlight).toBe(0);
  });

  test('ends as a protocol error when it is answered with the wrong kind of acknowledgement', () => {
    const wrong = [
      ['1', () => [pubrec(1)]],
      ['1', () => [pubcomp(1)]],
      ['1', () => [suback(1, 0)]],
      ['2', () => [pubcomp(1)]],
      ['2', () => [pubrec(1), puback(1)]],
    ] as const;
    for (const [qos, answers] of wrong) {
      const bench = new SessionBench({ version });
      bench.connect();
      const sent = bench.publish('t', qos === '1' ? 1 : 2);
      bench.receive(...answers());
      const end = bench.expectClosedBy(0x82);
      expect(end.error).toBeInstanceOf(ProtocolError);
      expect(sent.outcome).toBeUndefined();
    }
  });

  test('is given up when a server without QoS 2 answers it with PUBACK, or it would go out for ever', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const sent = bench.publish('t', 2);
    bench.receive(puback(1));
    bench.expectClosedBy(0x82);
    expect(sent.outcome).toBe('failed protocol-error');
    expect(bench.session.counts.inFlight).toBe(0);
  });

  test('ignores a PUBACK and a PUBCOMP that it knows nothing of', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    bench.receive(puback(5), pubcomp(6), puback(1));
    bench.expectNothingSent();
    expect(bench.session.isConnected).toBe(true);
    // Nor does it take their identifiers from us.
    bench.publishAll('a1', 'b1');
    bench.expectFlow('publish a1 1', 'publish b1 2');
  });

  test('leaves at once, one by one, and in the order of the calls', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    bench.publishAll('a0', 'b1', 'c2', 'd0', 'e1');
    bench.expectFlow('publish a0', 'publish b1 1', 'publish c2 2', 'publish d0', 'publish e1 3');
    expect(bench.writes).toBe(2); // CONNECT, and one frame for the five
  });

  test('waits for the connection, QoS 0 first, and settles once', () => {
    const bench = new SessionBench({ version });
    const all = bench.publishAll('a1', 'b0', 'c2');
    expect(bench.session.counts.queued).toBe(3);
    bench.connect();
    bench.expectFlow('publish b0', 'publish a1 1', 'publish c2 2');
    bench.receive(puback(1), pubrec(2), pubcomp(2));
    expect(all.map(({ outcome }) => outcome)).toEqual(Array(3).fill('acknowledged 0'));
  });
});

describe('a publish, MQTT 5.0', () => {
  test('is refused by PUBACK of 0x80 or above, settled and not sent again [v5 MQTT-4.4.0-2]', () => {
    const bench = new SessionBench();
    bench.connect();
    const refused = bench.publish('t', 1);
    bench.receive(puback(1, 0x87, { reasonString: 'not you' }));
    expect(refused.outcome).toBe('failed not-authorized');
    expect(refused.error).toBeInstanceOf(RefusedError);
    expect(refused.error?.message).toContain('not you');
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectNothingSent();
  });

  test.each([
    [0x80, 'unspecified-error'],
    [0x97, 'quota-exceeded'],
  ] as const)(
    'is refused by PUBREC of 0x80 or above: no PUBREL, settled, not sent again: %i [v5 MQTT-4.3.3-4, v5 MQTT-4.4.0-2]',
    (reasonCode, name) => {
      const bench = new SessionBench();
      bench.connect();
      const refused = bench.publish('t', 2);
      bench.take();
      bench.receive(pubrec(1, reasonCode));
      bench.expectNothingSent();
      expect(refused.outcome).toBe(`failed ${name}`);
      bench.cut();
      bench.resume();
      bench.expectNothingSent();
    },
  );

  test('with PUBACK or PUBREC of 0x10 is acknowledged: nobody subscribed', () => {
    const bench = new SessionBench();
    bench.connect();
    const [one, two] = bench.publishAll('a1', 'b2');
    bench.receive(puback(1, 0x10), pubrec(2, 0x10), pubcomp(2));
    expect([one?.outcome, two?.outcome]).toEqual(['acknowledged 16', 'acknowledged 0']);
  });

  test('is acknowledged by PUBCOMP whatever its code: after PUBREC the server owns the message', () => {
    const bench = new SessionBench();
    bench.connect();
    const sent = bench.publish('t', 2);
    bench.receive(pubrec(1), pubcomp(1, 0x92));
    expect(sent.outcome).toBe('acknowledged 146');
  });

  test('answers a PUBREC for an identifier that nobody knows with PUBREL 0x92, but not a refusing one [v5 MQTT-4.3.3-4]', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(pubrec(9));
    bench.expectSent(pubrel(9, 0x92));
    bench.receive(pubrec(9, 0x80), pubrec(9, 0x91));
    bench.expectNothingSent();
    expect(bench.session.isConnected).toBe(true);
  });

  test('does not answer a refusing PUBREC for a message that is released already', () => {
    const bench = new SessionBench();
    bench.connect();
    const sent = bench.publish('t', 2);
    bench.receive(pubrec(1));
    bench.take();
    bench.receive(pubrec(1, 0x80), pubrec(1, 0x91));
    bench.expectNothingSent();
    bench.receive(pubcomp(1));
    expect(sent.outcome).toBe('acknowledged 0');
  });
});

describe('a publish, MQTT 3.1.1', () => {
  test('answers a PUBREC for an identifier that nobody knows with PUBREL', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    bench.receive(pubrec(9));
    bench.expectSent(pubrel(9));
  });
});
