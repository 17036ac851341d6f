/**
 * One network connection: bytes in, packets to the handlers, packets out. No socket, no timer of its own.
 *
 *   opened --CONNECT--> authenticating --AUTH--> connected --> closed
 *   opened --CONNECT--------------------------> connected --> closed
 *
 * Rules:
 * 1. Bad bytes and broken rules never leave this file as exceptions: they end the connection with the reason code that
 *    the specification gives, in CONNACK before and in DISCONNECT after the connection was accepted [v5 4.13].
 * 2. Nothing is handled and nothing is sent after the end was decided [v5 MQTT-3.14.4-1].
 * 3. No packet exceeds the client's Maximum Packet Size [v5 MQTT-3.1.2-24].
 */

import { Output } from '../../src/codec/output';
import type {
  AckPacket,
  ConnackProperties,
  Packet,
  ProtocolVersion,
  PublishPacket,
  WillPacket,
} from '../../src/codec/packet';
import type { PacketDecoder } from '../../src/codec/packet-decoder';
import { packetSize, writePacket } from '../../src/codec/writer';
import { PeerError } from '../../src/errors';
import { InboundAliases, OutboundAliases } from './aliases';
import type { AuthExchange } from './authentication';
import type { Permissions } from './authorization';
import { type ClientLimits, limitsOf } from './client-limits';
import { clientPacketDecoder } from './client-packets';
import type { Timer } from './clock';
import { ConnectHead, returnCodeOf } from './connect-versions';
import type { BrokerCore } from './core';
import { withDiagnostics, withinSize } from './diagnostics';
import { connackCode, disconnectCode } from './error-codes';
import { FaultWire } from './fault-wire';
import type { FaultPlan } from './faults';
import { handlers } from './handlers';
import { KeepAlive } from './keep-alive';
import type { OutboundPort } from './outbound';
import { PacketFaults } from './packet-faults';
import { forVersion } from './packet-versions';
import type { Session } from './session';
import type { Wire, WireEvents } from './wire';

/** See the table above. */
export type ConnectionState = 'opened' | 'authenticating' | 'connected' | 'closed';

/** Bytes that may wait in the socket before QoS 1 and 2 messages wait in the session. */
const highWater = 1_048_576;
/** Bytes that may wait in the socket before QoS 0 messages are dropped. */
const floodMark = 16 * 1_048_576;
/** Bytes of answers that a client may leave unread: one that asks on and on and never listens would fill the memory. */
const answerMark = 1_048_576;

/** One connection of one client. */
export class Connection implements OutboundPort, WireEvents {
  /** Counted from 1. */
  readonly id: number;
  readonly core: BrokerCore;
  readonly wire: FaultWire;
  /** Since when it is there, in milliseconds of the broker's clock. */
  readonly openedAt: number;

  #state: ConnectionState = 'opened';
  readonly #decoder: PacketDecoder;
  /** Packets of the current turn. */
  readonly #out = new Output();
  /** Bytes of packets other than PUBLISH since the network had last taken everything. */
  #answers = 0;
  /** The first bytes, until CONNECT is understood. */
  #head: ConnectHead | undefined = new ConnectHead();

  // Set by CONNECT.
  version: ProtocolVersion = 4;
  clientId = '';
  username: string | undefined;
  limits: ClientLimits = limitsOf(undefined);
  /** The will, until it is published or discarded. */
  will: WillPacket | undefined;
  permissions: Permissions | undefined;
  session: Session | undefined;
  /** Seconds, 0 for none. */
  keepAlive = 0;

  // Enhanced authentication.
  authMethod: string | undefined;
  exchange: AuthExchange | undefined;
  /** Goes on with CONNECT once the exchange succeeded. */
  afterAuth: ((data: Uint8Array | undefined, username: string | undefined) => void) | undefined;

  // Negotiated for this connection only.
  inboundAliases = new InboundAliases(0);
  outboundAliases = new OutboundAliases(0);
  /** Identifiers of PUBLISH packets of this connection that wait for PUBACK or PUBCOMP [v5 MQTT-3.3.4-8]. */
  readonly inFlightFromClient = new Set<number>();

  #connectTimer: Timer | undefined;
  readonly #keepAlive: KeepAlive;
  /** What goes wrong with whole packets; what goes wrong with bytes is the wire's. */
  readonly #faults = new PacketFaults();

  constructor(id: number, core: BrokerCore, wire: Wire, plan: FaultPlan) {
    this.id = id;
    this.core = core;
    this.wire = new FaultWire(wire, core.clock, plan);
    this.openedAt = core.clock.now();
    this.#keepAlive = new KeepAlive(core.clock, () => this.disconnect(0x8d, 'keep alive timeout'));
    const { maximumPacketSize, connectTimeout } = core.settings;
    this.#decoder = clientPacketDecoder({ maximumPacketSize, onPacket: (packet) => this.#received(packet) });
    this.#connectTimer = core.clock.schedule(connectTimeout, () => {
      if (this.faults.silent !== true) this.close();
    });
    if (plan.greeting !== undefined) this.wire.write([plan.greeting]);
    if (plan.closeOnAccept === true) this.close();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What goes wrong on this connection; may be replaced while it is open. */
  get faults(): FaultPlan {
    return this.wire.plan;
  }

  get receiveMaximum(): number {
    return this.limits.receiveMaximum;
  }

  get writable(): boolean {
    return this.#state === 'connected' && this.wire.bufferedAmount + this.#out.length < highWater;
  }

  now(): number {
    return this.core.clock.now();
  }

  // From the network: nothing that goes wrong in here reaches the listener.

  received(chunk: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#turn(() => this.#take(chunk));
  }

  drained(): void {
    if (this.writable) this.#turn(() => this.session?.outbound.pump());
  }

  violated(): void {
    // What is no MQTT at all gets no MQTT in answer.
    this.#turn(() => this.close());
  }

  closed(): void {
    if (this.#state !== 'closed') this.#turn(() => this.#ended());
  }

  // To the network.

  /** Sends a packet, unless a fault says otherwise. */
  send(packet: Packet): void {
    if (this.#state === 'closed') return;
    for (const one of this.#faults.replaced(this.faults, packet)) this.#sendFaulty(one);
  }

  /**
   * Sends a PUBLISH with an alias where the client allows one; false when it is too large [v5 MQTT-3.1.2-25], or when it
   * waited for a client that is not allowed to have it.
   */
  publish(packet: PublishPacket): boolean {
    if (this.permissions?.mayReceive(packet.topic) === false) return false;
    const alias = this.version === 5 ? this.outboundAliases.take(packet.topic) : undefined;
    let sent = packet;
    if (alias !== undefined) {
      const properties = { ...packet.properties, topicAlias: alias.alias };
      sent = { ...packet, topic: alias.known ? '' : packet.topic, properties };
    }
    // Without the alias it may be small enough.
    if (this.#exceeds(sent)) sent = packet;
    if (this.#exceeds(sent)) return false;
    if (alias !== undefined && sent !== packet && !alias.known)
      this.outboundAliases.set(packet.topic, alias.alias);
    this.send(sent);
    return true;
  }

  /** Sends a QoS 0 message, or drops it when the client reads too slowly. */
  publishQoS0(packet: PublishPacket): void {
    if (this.wire.bufferedAmount + this.#out.length < floodMark) this.publish(packet);
    else this.core.statistics.publishDropped += 1;
  }

  sendPubrel(packetId: number, reasonCode: number): void {
    const packet: AckPacket = { type: 'pubrel', packetId, reasonCode };
    const { settings } = this.core;
    const explain = reasonCode >= 0x80 || settings.diagnostics === 'full';
    const why = reasonCode === 0 ? 'go on' : 'packet identifier not found';
    this.send(explain ? withDiagnostics(packet, why, settings, this.limits) : packet);
  }

  /** Sends bytes as they are, around the codec and the log. */
  sendRaw(bytes: Uint8Array): void {
    this.flush();
    this.wire.write([bytes]);
  }

  /** Sends what a fault plan held back, in reverse when asked. */
  release(order: 'kept' | 'reversed' = 'kept'): void {
    for (const packet of this.#faults.release(order)) this.#write(packet);
    this.core.flush();
  }

  /** Hands what was sent in this turn to the network. */
  flush(): void {
    if (this.wire.bufferedAmount === 0) this.#answers = 0;
    else if (this.#answers > answerMark) return this.kill();
    while (this.#out.length > 0) {
      this.core.statistics.bytesSent += this.#out.length;
      for (const frame of this.#out.take()) this.wire.write(frame);
      // What waited for room may go on at once where the network took it all; else `drained` goes on.
      if (this.writable && this.session?.outbound.stalled === true) this.session.outbound.pump();
    }
  }

  // Its life.

  /** CONNECT was understood. */
  understood(): void {
    this.#head = undefined;
  }

  /** The client waits for the authentication to go on. */
  authenticating(): void {
    this.#state = 'authenticating';
  }

  /** CONNECT is accepted. */
  accepted(): void {
    this.#state = 'connected';
    this.#connectTimer?.cancel();
    this.#keepAlive.start(this.keepAlive);
  }

  /** Answers CONNECT with a refusal and closes [v5 MQTT-3.2.2-7, v3 MQTT-3.2.2-5]. */
  refuse(reasonCode: number, why: string, properties: ConnackProperties = {}): void {
    if (this.#state === 'closed') return;
    const code = this.version === 5 ? connackCode(reasonCode) : returnCodeOf(reasonCode);
    if (code !== undefined) {
      const packet: Packet = { type: 'connack', sessionPresent: false, reasonCode: code, properties };
      this.send(withDiagnostics(packet, why, this.core.settings, this.limits));
    }
    this.close();
  }

  /** Ends the connection because of what the client did [v5 4.13, v3 4.8]. */
  fail(reasonCode: number, why: string): void {
    if (this.#state === 'connected') return this.disconnect(reasonCode, why);
    // MQTT 3.1.1 closes without a CONNACK [v3 MQTT-3.1.4-1].
    if (this.version === 5) this.refuse(reasonCode, why);
    else this.close();
  }

  /** Ends the connection by the server's own will. */
  disconnect(reasonCode: number, why: string, serverReference?: string): void {
    if (this.#state === 'connected' && this.version === 5) {
      const properties = serverReference === undefined ? {} : { serverReference };
      const packet: Packet = { type: 'disconnect', reasonCode: disconnectCode(reasonCode), properties };
      this.send(withDiagnostics(packet, why, this.core.settings, this.limits));
    }
    this.close();
  }

  /** Closes in an orderly way, once what was sent has left. */
  close(): void {
    if (this.#state === 'closed') return;
    this.flush();
    this.#ended();
    this.wire.end();
  }

  /** Drops the connection at once. */
  kill(): void {
    if (this.#state !== 'closed') this.#ended();
    this.wire.destroy();
  }

  #ended(): void {
    this.#state = 'closed';
    this.#decoder.stop();
    this.#connectTimer?.cancel();
    this.#keepAlive.stop();
    this.core.ended(this);
  }

  #turn(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.core.broke(error);
      this.kill();
    }
    this.core.flush();
  }

  #take(chunk: Uint8Array): void {
    const seen = this.wire.incoming(chunk);
    if (seen === undefined) return;
    this.core.statistics.bytesReceived += seen.length;
    this.#head?.add(seen);
    try {
      if (seen.length > 0) this.#decoder.push(seen);
    } catch (error) {
      this.#failed(error);
    }
    if (this.wire.inputExhausted) this.kill();
  }

  #received(packet: Packet): void {
    if (this.#state === 'closed') return;
    try {
      this.#keepAlive.received();
      this.core.statistics.received(packet);
      const { type } = packet;
      if (type === 'connect' && this.#state === 'opened') this.clientId = packet.clientId;
      this.core.logged(this, 'in', packet);
      const fate = this.#faults.incoming(this.faults, packet, this.#state === 'connected');
      if (fate.type === 'drop') return this.kill();
      if (fate.type === 'pass') for (const one of fate.packets) handlers[one.type](this, one);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#head !== undefined) {
      const head = this.#head.version();
      this.version = head?.version ?? 4;
      if (head?.supported === false) return this.refuse(0x84, 'protocol version not supported');
    }
    if (error instanceof PeerError) return this.fail(error.reasonCode ?? 0x82, error.message);
    // A fault of the broker itself ends this connection and nothing else [v3 MQTT-4.8.0-2].
    this.core.broke(error);
    this.fail(0x83, 'internal error');
  }

  #sendFaulty(packet: Packet): void {
    const fate = this.#faults.outgoing(this.faults, packet);
    if (fate.type === 'raw') this.sendRaw(fate.bytes);
    else if (fate.type === 'drop') this.close();
    else for (const one of fate.packets) this.#write(one);
  }

  #write(asked: Packet): void {
    if (this.#state === 'closed') return;
    const packet = withinSize(forVersion(asked, this.version), this.version, this.limits.maximumPacketSize);
    if (packet === undefined) return this.#cannotAnswer(asked);
    const before = this.#out.length;
    writePacket(this.#out, packet, this.version);
    if (packet.type !== 'publish') this.#answers += this.#out.length - before;
    this.core.sent(this, packet);
    if (this.#faults.endsAfter(this.faults, packet)) return this.close();
    const ends = packet.type === 'pubrec' && packet.reasonCode >= 0x80;
    if (packet.type === 'puback' || packet.type === 'pubcomp' || ends) {
      this.inFlightFromClient.delete(packet.packetId);
    }
  }

  /** What the client must have is too large for it. */
  #cannotAnswer({ type }: Packet): void {
    if (type === 'connack') this.close();
    else if (type !== 'publish' && type !== 'disconnect') this.disconnect(0x95, 'too large for the client');
  }

  #exceeds(packet: PublishPacket): boolean {
    const { maximumPacketSize } = this.limits;
    return (
      maximumPacketSize !== Number.POSITIVE_INFINITY && packetSize(packet, this.version) > maximumPacketSize
    );
  }
}
