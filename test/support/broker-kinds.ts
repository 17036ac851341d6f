/** The brokers that the same tests run against, and how each is told the same thing. */

import { startBroker } from '../broker/index';
import type { PacketLog } from '../broker/packet-log';
import { findMosquitto, howToGetMosquitto, startMosquitto } from './mosquitto';

/** What MQTT goes over. */
export type TransportName = 'TCP' | 'WebSocket';

/** What a test may ask of any broker. */
export interface BrokerSettings {
  /** Passwords by user name; nobody else is let in then. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** QoS 1 and 2 messages that it takes and sends at a time. */
  readonly receiveMaximum?: number | undefined;
  /** Largest packet it takes, in bytes. */
  readonly maximumPacketSize?: number | undefined;
}

/** A broker that runs. */
export interface RunningBroker {
  port(transport: TransportName): number;
  /** Every packet, where the broker tells. */
  readonly log?: PacketLog | undefined;
  close(): Promise<void>;
}

/** A broker that tests may start. */
export interface BrokerKind {
  readonly name: 'in-repo' | 'Mosquitto';
  /** Why it cannot be started here, and what to do about it. */
  readonly missing: string | undefined;
  /** Whether it sends more QoS 1 and 2 messages at a time than a client takes. */
  readonly exceedsReceiveMaximum: boolean;
  start(settings?: BrokerSettings): Promise<RunningBroker>;
}

const inRepo: BrokerKind = {
  name: 'in-repo',
  missing: undefined,
  exceedsReceiveMaximum: false,
  async start({ users, receiveMaximum, maximumPacketSize } = {}) {
    const broker = await startBroker({
      users: users && Object.entries(users).map(([username, password]) => ({ username, password })),
      receiveMaximum,
      maximumPacketSize,
    });
    return {
      port: (transport) => (transport === 'TCP' ? broker.port : broker.wsPort),
      log: broker.log,
      async close() {
        await broker.close();
        const [error] = broker.errors;
        if (error !== undefined) throw new Error('The broker broke', { cause: error });
      },
    };
  },
};

const mosquitto: BrokerKind = {
  name: 'Mosquitto',
  missing: findMosquitto() === undefined ? howToGetMosquitto : undefined,
  // Up to 2.0.12 it sends two messages for each PUBACK (eclipse-mosquitto/mosquitto#2306).
  exceedsReceiveMaximum: true,
  async start({ users, receiveMaximum, maximumPacketSize } = {}) {
    const config = [
      // Its default of 1,000 is less than what tests leave for clients that are away.
      'max_queued_messages 100000',
      // 0 is no limit. Up to 2.0.12 a limit, 20 by default, stops QoS 2 before MQTT 5.0 for good once it is reached
      // (eclipse-mosquitto/mosquitto#2306).
      `max_inflight_messages ${receiveMaximum ?? 0}`,
      ...(maximumPacketSize === undefined ? [] : [`max_packet_size ${maximumPacketSize}`]),
    ];
    const { port, wsPort, close } = await startMosquitto({ users, config, awake: true });
    return { port: (transport) => (transport === 'TCP' ? port : wsPort), close };
  },
};

/** The brokers of all three versions of MQTT, the one that is always there first. */
export const brokerKinds: readonly BrokerKind[] = [inRepo, mosquitto];

/** URL of a port of 127.0.0.1: a broker's, or that of a proxy in front of it. */
export function urlOf(transport: TransportName, port: number, path = '/mqtt'): string {
  return transport === 'TCP' ? `mqtt://127.0.0.1:${port}` : `ws://127.0.0.1:${port}${path}`;
}
