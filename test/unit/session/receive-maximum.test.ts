import { expect, test } from 'vitest';
import { Decoder } from '../../../src/codec/decoder';
import { encode } from '../../../src/codec/encode';
import type { Packet } from '../../../src/codec/packet';
import type { IncomingMessage } from '../../../src/session/incoming-message';
import { Session } from '../../../src/session/session';
import { publish } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const now = { monotonic: 0, wall: 0 };

test.each([1, 2] as const)(
  'delivers the QoS %i message that was one too many when the server sends it again',
  (qos) => {
    const delivered: number[] = [];
    const handles: IncomingMessage[] = [];
    const ends: (number | undefined)[] = [];
    const session = new Session(
      {
        maxMessages: 1,
        maxBytes: 1,
        overflow: 'reject',
        sessionLost: 'resend',
        maxInflight: 1,
        maximumPacketSize: 1_000,
        topicAliases: false,
        recording: false,
      },
      {
        connected() {},
        message(packet, message) {
          delivered.push(packet.packetId ?? 0);
          if (message) handles.push(message);
        },
        subscriptionLost() {},
        settled() {},
        challenged() {},
        authenticated() {},
        slept() {},
        ended({ error }) {
          ends.push(error.reasonCode);
          session.closed();
        },
      },
    );
    const receive = (...packets: Packet[]) => {
      for (const packet of packets) session.receive(encode(packet, 5), now);
    };
    const sent = () => {
      const packets: Packet[] = [];
      const decoder = new Decoder({ protocolVersion: 5, onPacket: (packet) => packets.push(packet) });
      for (let batch = session.takeBatch(); batch; batch = session.takeBatch()) {
        if (!session.committed(batch, now)) continue;
        for (const frame of batch.frames) for (const chunk of frame) decoder.push(chunk);
      }
      return packets;
    };
    const open = (sessionPresent: boolean) => {
      const properties = { receiveMaximum: 2, sessionExpiryInterval: 100 };
      const clean = !sessionPresent;
      session.opened(
        { type: 'connect', protocolVersion: 5, clientId: 'a', clean, keepAlive: 0, properties },
        now,
      );
      sent();
      receive({ type: 'connack', sessionPresent, reasonCode: 0 });
    };
    const publish = (packetId: number, dup: boolean): Packet => ({
      type: 'publish',
      topic: 't',
      payload: new Uint8Array(),
      qos,
      retain: false,
      dup,
      packetId,
    });

    open(false);
    receive(publish(1, false), publish(2, false), publish(3, false));
    expect(ends).toEqual([0x93]);
    expect(delivered).toEqual([1, 2]);
    for (const handle of handles) session.incoming.acknowledge(handle, 0);

    open(true);
    receive(publish(1, true), publish(2, true));
    const ack = qos === 1 ? 'puback' : 'pubrec';
    expect(sent()).toMatchObject([1, 2].map((packetId) => ({ type: ack, packetId })));
    if (qos === 2) receive({ type: 'pubrel', packetId: 1, reasonCode: 0 });
    receive(publish(3, true));
    expect(delivered).toEqual([1, 2, 3]);
    for (const handle of handles) session.incoming.acknowledge(handle, 0);
    expect(sent()).toContainEqual(expect.objectContaining({ type: ack, packetId: 3 }));
    expect(ends).toEqual([0x93]);
  },
);

test.each([1, 2] as const)(
  'gives up the oldest of a server that goes on without sending again what is not acknowledged (QoS %i)',
  (qos) => {
    const bench = new SessionBench();
    const properties = { receiveMaximum: 3, sessionExpiryInterval: 100 };
    bench.connect({}, { clean: true, properties });
    for (let packetId = 1; packetId <= 30; packetId += 1) {
      if (packetId % 2 === 0) {
        bench.cut();
        bench.connect({ sessionPresent: true }, { properties });
        // One that it does send again, and that is no older than the others then.
        bench.receive(publish('a', 1, qos, { dup: true }));
      }
      bench.receive(publish('a', packetId, qos));
    }
    expect(bench.session.counts.unacknowledged).toBe(6);
    expect(bench.delivered.map(({ message }) => message?.isLost)).toEqual([
      false,
      ...Array<boolean>(24).fill(true),
      ...Array<boolean>(5).fill(false),
    ]);
    expect(bench.session.isConnected).toBe(true);
  },
);
