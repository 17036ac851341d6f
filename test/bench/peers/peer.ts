/** What the benches ask of every client, so that each does the same work. */

export type QoS = 0 | 1 | 2;

/** A client under measurement. */
export interface Peer {
  readonly name: string;
  /** Opens one connection, MQTT 3.1.1 unless the peer says so, clean session, no keep alive in the way. */
  connect(url: string): Promise<void>;
  /**
   * Publishes so many messages in one turn of the event loop.
   * Resolves when each is done: handed to the socket at QoS 0, acknowledged at QoS 1 and 2.
   */
  publish(topic: string, payload: Uint8Array, qos: QoS, count: number): Promise<void>;
  /** Calls back for every message of a topic, whose payloads are `length` bytes long, with the length that it sees. */
  subscribe(topic: string, qos: QoS, length: number, onMessage: (length: number) => void): Promise<void>;
  close(): Promise<void>;
}

/** What a peer cannot do, and why; its cell in the table says so. */
export class CannotDo extends Error {}
