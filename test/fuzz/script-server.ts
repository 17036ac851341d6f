/** The server's side of a script: answers as a server does, or as none should. */

import type { Packet, ProtocolVersion } from '../../src/codec/index';
import type { ServerEye } from './server-eye';
import type { Connack, Step } from './session-script';

/** Name of the method of enhanced authentication that both sides use, if any. */
export const authenticationMethod = 'METHOD';

/** Reason codes that each acknowledgement may carry [v5 2.4]; others become 0. */
const ackCodes: Readonly<Record<'puback' | 'pubrec' | 'pubrel' | 'pubcomp', readonly number[]>> = {
  puback: [0, 0x10, 0x80, 0x97],
  pubrec: [0, 0x10, 0x80, 0x97],
  pubrel: [0, 0x92],
  pubcomp: [0, 0x92],
};

/** See the head of this file. */
export class ScriptServer {
  /** Whether it has a session of the client. */
  hasSession = false;
  readonly #eye: ServerEye;
  readonly #authenticates: boolean;
  readonly #send: (packet: Packet) => void;

  /** @param send brings a packet to the client, on the current connection */
  constructor(eye: ServerEye, authenticates: boolean, send: (packet: Packet) => void) {
    this.#eye = eye;
    this.#authenticates = authenticates;
    this.#send = send;
  }

  /** Answers CONNECT, also a second time: then the client has to end it. */
  accept({ truthful, forgets, reasonCode, properties }: Connack): void {
    const { connect } = this.#eye;
    // Until CONNECT is there the server knows of nobody.
    if (!this.#eye.hasConnect || connect === undefined) return;
    const version = connect.protocolVersion;
    if (forgets || connect.clean) this.hasSession = false;
    const sessionPresent = this.hasSession === truthful && version > 3 && reasonCode === 0;
    if (reasonCode === 0) {
      this.hasSession = version === 5 ? (connect.properties?.sessionExpiryInterval ?? 0) > 0 : !connect.clean;
    }
    const authenticates = this.#authenticates && version === 5;
    if (authenticates) this.#send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod } });
    this.#send({
      type: 'connack',
      sessionPresent,
      reasonCode: version === 5 || reasonCode < 6 ? reasonCode : 5,
      properties:
        version === 5
          ? { ...properties, authenticationMethod: authenticates ? authenticationMethod : undefined }
          : undefined,
    });
  }

  /** Answers one packet of the client; false when none waits. */
  answer(pick: number, refuse: boolean): boolean {
    const { unanswered } = this.#eye;
    const [packet] = unanswered.splice(pick % Math.max(1, unanswered.length), 1);
    if (packet === undefined) return false;
    const answer = this.#answerTo(packet, refuse);
    if (answer !== undefined) this.#send(answer);
    return true;
  }

  #answerTo(packet: Packet, refuse: boolean): Packet | undefined {
    const version = this.#version;
    const reasonCode = refuse && version === 5 ? 0x97 : 0;
    switch (packet.type) {
      case 'publish':
        if (packet.packetId === undefined) return undefined;
        return { type: packet.qos === 1 ? 'puback' : 'pubrec', packetId: packet.packetId, reasonCode };
      case 'pubrec':
        return { type: 'pubrel', packetId: packet.packetId, reasonCode: 0 };
      case 'pubrel':
        return { type: 'pubcomp', packetId: packet.packetId, reasonCode: refuse && version === 5 ? 0x92 : 0 };
      case 'subscribe': {
        const reasonCodes = packet.subscriptions.map(({ qos }) => (refuse && version > 3 ? 0x80 : qos));
        return { type: 'suback', packetId: packet.packetId, reasonCodes };
      }
      case 'unsubscribe': {
        const reasonCodes = version === 5 ? packet.filters.map(() => (refuse ? 0x80 : 0)) : [];
        return { type: 'unsuback', packetId: packet.packetId, reasonCodes };
      }
      case 'auth':
        // What answers our own challenge is followed by CONNACK, which comes by itself.
        if (packet.reasonCode !== 0x19) return undefined;
        return { type: 'auth', reasonCode: 0, properties: { authenticationMethod } };
      case 'pingreq':
        return { type: 'pingresp' };
      default:
        return undefined;
    }
  }

  /** Sends a message of its own. */
  publish({ qos, id, dup, topic, alias }: Extract<Step, { do: 'send' }>): void {
    if (!this.#eye.hasConnect) return;
    const modern = this.#version === 5;
    this.#send({
      type: 'publish',
      // Only with an alias may a topic be empty.
      topic: topic === '' && (alias === 0 || !modern) ? 'x' : topic,
      payload: Uint8Array.of(id & 0xff),
      qos,
      retain: false,
      dup: dup && qos > 0,
      packetId: qos > 0 ? id : undefined,
      properties: modern && alias > 0 ? { topicAlias: alias } : undefined,
    });
  }

  /** Sends an acknowledgement that may answer nothing. */
  acknowledge({ type, id, reasonCode }: Extract<Step, { do: 'ack' }>): void {
    if (!this.#eye.hasConnect) return;
    const modern = this.#version === 5;
    if (type === 'suback' || type === 'unsuback') {
      this.#send({ type, packetId: id, reasonCodes: type === 'suback' || modern ? [0] : [] });
      return;
    }
    this.#send({
      type,
      packetId: id,
      reasonCode: modern && ackCodes[type].includes(reasonCode) ? reasonCode : 0,
    });
  }

  /** Of the current connection. */
  get #version(): ProtocolVersion {
    return this.#eye.connect?.protocolVersion ?? 5;
  }
}
