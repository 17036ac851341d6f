/** A broker without sockets and with a clock that stands still, for tests. */

import type { ConnectPacket, Packet, PacketType, ProtocolVersion } from '../../../src/codec/packet';
import { FakeClock } from '../clock';
import { BrokerCore } from '../core';
import { type FaultPlan, Faults } from '../faults';
import { type BrokerOptions, resolveOptions } from '../options';
import { BenchClient } from './client';

/** What a client says in CONNECT, beside what every CONNECT says. */
export type ConnectOptions = Partial<Omit<ConnectPacket, 'type' | 'protocolVersion'>> & {
  version?: ProtocolVersion;
  faults?: FaultPlan;
};

/** The broker and its clients. */
export class Bench {
  readonly clock = new FakeClock();
  readonly core: BrokerCore;
  readonly faults = new Faults();
  /** Errors of the broker itself; a test that expects none asserts that. */
  readonly errors: unknown[] = [];
  #clients = 0;

  /** @param options of the broker; `$SYS` is off unless asked for */
  constructor(options: BrokerOptions = {}) {
    this.core = new BrokerCore(resolveOptions({ sysInterval: 0, clock: this.clock, ...options }));
    this.core.onBreak = (error) => this.errors.push(error);
  }

  /** A network connection on which nothing was sent yet. */
  open(version: ProtocolVersion = 5, faults: FaultPlan = this.faults.take()): BenchClient {
    return new BenchClient(this.core, version, faults);
  }

  /** A client that sent its CONNECT; what came back is not taken yet. */
  dial(options: ConnectOptions = {}): BenchClient {
    const { version = 5, faults, ...rest } = options;
    const client = this.open(version, faults);
    this.#clients += 1;
    const defaults = { clientId: `client${this.#clients}`, clean: true, keepAlive: 0 };
    client.send({ type: 'connect', protocolVersion: version, ...defaults, ...rest });
    return client;
  }

  /** A client whose connection was accepted, its CONNACK taken. */
  connect(options: ConnectOptions = {}): BenchClient {
    const client = this.dial(options);
    const { reasonCode } = client.next('connack');
    if (reasonCode !== 0) throw new Error(`CONNECT was refused with ${reasonCode}`);
    return client;
  }

  /** A client that subscribed to filters with one QoS, its SUBACK taken. */
  subscriber(
    filter: string | readonly string[],
    qos: 0 | 1 | 2 = 2,
    options: ConnectOptions = {},
  ): BenchClient {
    const client = this.connect(options);
    client.subscribe(filter, { qos });
    return client;
  }

  /** Moves the clock. */
  advance(seconds: number): void {
    this.clock.advance(seconds * 1_000);
  }
}

/** A packet of one type. */
export type PacketOf<T extends PacketType, P = Packet> = P extends { type: infer U }
  ? T extends U
    ? P
    : never
  : never;
