/** A server that keeps one session and does what MQTT says, no more: the other side of the model test. */

import type { ConnectPacket, Packet, PublishPacket } from '../../../src/codec/packet';
import type { ProtocolVersion } from '../../../src/message';

/** A message of the server on its way to the client. */
interface Outgoing {
  readonly number: number;
  readonly qos: 1 | 2;
  packetId: number;
  state: 'queued' | 'sent' | 'released';
}

/** What survives a connection. */
interface State {
  /** QoS 2 identifiers of the client whose PUBREL has not come. */
  readonly received: Set<number>;
  outgoing: Outgoing[];
  /** Nothing shows yet that the client knows of it. */
  isFresh: boolean;
}

/** See the head of this file. */
export class ModelServer {
  /** Numbers of the messages it took from the client, as often as it took them, by topic and QoS. */
  readonly taken: { number: number; topic: string; qos: number }[] = [];
  /** Numbers of messages that were lost with a session. */
  readonly lost = new Set<number>();
  /** Packets on their way to the client. */
  wire: Packet[] = [];
  readonly #version: ProtocolVersion;
  #state: State | undefined;
  #connected = false;
  #quota = 0;
  #lastId = 0;

  constructor(version: ProtocolVersion) {
    this.#version = version;
  }

  /** Whether nothing of the server's waits for the client. */
  get isDone(): boolean {
    return (this.#state?.outgoing.length ?? 0) === 0;
  }

  /** The server loses the session, and what it had for the client. */
  forget(): void {
    for (const { number } of this.#state?.outgoing ?? []) this.lost.add(number);
    this.#state = undefined;
  }

  /**
   * The connection is gone, with all that was on its way. A session whose CONNACK may not have arrived goes with it:
   * the client would take it for the one before, which MQTT cannot tell apart.
   */
  cut(): void {
    this.#connected = false;
    this.wire = [];
    if (this.#state?.isFresh) this.forget();
  }

  /** A message for the client. @returns false when there is no session to keep it in */
  publish(number: number, qos: 1 | 2): boolean {
    if (!this.#state) return false;
    this.#state.outgoing.push({ number, qos, packetId: 0, state: 'queued' });
    this.#pump();
    return true;
  }

  /** A packet of the client arrives. */
  handle(packet: Packet): void {
    if (packet.type === 'connect') {
      this.#connect(packet);
      return;
    }
    const state = this.#state;
    if (!state || !this.#connected) return;
    state.isFresh = false;
    const modern = this.#version === 5;
    switch (packet.type) {
      case 'publish':
        this.#publish(packet, state);
        return;
      case 'pubrel': {
        const known = state.received.delete(packet.packetId);
        this.#send({ type: 'pubcomp', packetId: packet.packetId, reasonCode: known || !modern ? 0 : 0x92 });
        return;
      }
      case 'puback':
      case 'pubcomp':
        state.outgoing = state.outgoing.filter(
          ({ packetId, state: at }) => packetId !== packet.packetId || at === 'queued',
        );
        this.#quota += 1;
        this.#pump();
        return;
      case 'pubrec': {
        const message = state.outgoing.find(({ packetId }) => packetId === packet.packetId);
        if (message) message.state = 'released';
        this.#send({ type: 'pubrel', packetId: packet.packetId, reasonCode: message || !modern ? 0 : 0x92 });
        return;
      }
      case 'subscribe':
        this.#send({
          type: 'suback',
          packetId: packet.packetId,
          reasonCodes: packet.subscriptions.map(({ qos }) => qos),
        });
        return;
      case 'unsubscribe':
        this.#send({
          type: 'unsuback',
          packetId: packet.packetId,
          reasonCodes: modern ? packet.filters.map(() => 0) : [],
        });
        return;
      case 'pingreq':
        this.#send({ type: 'pingresp' });
        return;
      case 'disconnect':
        this.cut();
        return;
      default:
        throw new Error(`a client sends ${packet.type}`);
    }
  }

  #connect(packet: ConnectPacket): void {
    if (packet.clean) this.forget();
    const sessionPresent = this.#state !== undefined;
    this.#state ??= { received: new Set(), outgoing: [], isFresh: true };
    this.#connected = true;
    this.#quota = packet.properties?.receiveMaximum ?? 10;
    this.#send({
      type: 'connack',
      sessionPresent,
      reasonCode: 0,
      properties: this.#version === 5 ? { receiveMaximum: 3 } : undefined,
    });
    // [v5 MQTT-4.4.0-1] what was on its way goes out again, in order
    for (const message of this.#state.outgoing) {
      if (message.state === 'queued') continue;
      this.#quota -= 1;
      if (message.state === 'released') {
        this.#send({ type: 'pubrel', packetId: message.packetId, reasonCode: 0 });
      } else this.#sendPublish(message, true);
    }
    this.#pump();
  }

  #publish(packet: PublishPacket, state: State): void {
    const { packetId, qos, topic, payload } = packet;
    const number = Number(new TextDecoder().decode(payload));
    const isKnown = packetId !== undefined && qos === 2 && state.received.has(packetId);
    if (!isKnown) this.taken.push({ number, topic, qos });
    if (packetId === undefined) return;
    if (qos === 2) state.received.add(packetId);
    this.#send({ type: qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode: 0 });
  }

  #pump(): void {
    if (!this.#connected) return;
    for (const message of this.#state?.outgoing ?? []) {
      if (this.#quota <= 0) return;
      if (message.state !== 'queued') continue;
      this.#lastId = (this.#lastId % 20) + 1;
      while (this.#state?.outgoing.some(({ packetId }) => packetId === this.#lastId)) {
        this.#lastId = (this.#lastId % 20) + 1;
      }
      message.packetId = this.#lastId;
      message.state = 'sent';
      this.#quota -= 1;
      this.#sendPublish(message, false);
    }
  }

  #sendPublish({ number, qos, packetId }: Outgoing, dup: boolean): void {
    const payload = new TextEncoder().encode(String(number));
    this.#send({ type: 'publish', topic: `in/${qos}`, payload, qos, retain: false, dup, packetId });
  }

  #send(packet: Packet): void {
    this.wire.push(packet);
  }
}
