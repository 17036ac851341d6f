/** All that is around a session: an application, a store, a transport, a clock and a server, played by a script. */

import { encode, type Packet } from '../../src/codec/index';
import { ConnectionError, MqttError, StoreError } from '../../src/errors';
import type { IncomingMessage } from '../../src/session/incoming-message';
import type { LinkEnd } from '../../src/session/link-end';
import type { OutgoingMessage } from '../../src/session/outgoing-message';
import type { StoreOperation, StoreRecord } from '../../src/session/records';
import { Session, type SessionPort } from '../../src/session/session';
import type { SubscriptionRequest } from '../../src/session/subscriptions';
import type { Batch } from '../../src/session/turn';
import { cutAt } from './bytes';
import { authenticationMethod, ScriptServer } from './script-server';
import { payloadOf, ServerEye } from './server-eye';
import type { Script, Step } from './session-script';
import { must } from './target';

/** A publish of the application. */
interface Publish {
  readonly number: number;
  readonly qos: number;
  handle: OutgoingMessage | undefined;
  accepted: boolean;
  /** How often it ended. */
  ends: number;
  withdrawn: boolean;
  /** The page that made it is gone; its message may live on in the store. */
  orphan: 'no' | 'stored' | 'lost';
}

/** A SUBSCRIBE or UNSUBSCRIBE of the application. */
interface Request {
  handle: SubscriptionRequest | undefined;
  ends: number;
  withdrawn: boolean;
}

/** Bounds of the queue and of what we take, in bytes. */
const maxBytes = 20_000;
const maximumPacketSize = 100_000;

/** Rounds of answers after which a good server has nothing left to say. */
const mostRounds = 500;

/** Connections after which everything must have ended. */
const mostConnections = 8;

/** See the head of this file. */
export class SessionWorld {
  readonly eye: ServerEye;
  readonly #script: Script;
  readonly #server: ScriptServer;
  /** Whether what the server sends comes byte by byte. */
  readonly #bytewise: boolean;
  #session: Session;
  /** What the store holds for certain. */
  readonly #durable = new Map<string, StoreRecord>();
  /** Batches in order that wait for the store, or for those before them. */
  #waiting: Batch[] = [];
  /** How many of them the write under way is for. */
  #writing = 0;
  #monotonic = 1_000;
  #wall = 1_700_000_000_000;
  /** `ending`: only the last bytes are missing. */
  #wire: 'open' | 'ending' | 'closed' = 'closed';
  #connectedBefore = false;
  /** The session asked for a clean start. */
  #cleanNext = false;
  #opened = 0;
  #ended = 0;
  /** The accepting CONNACK that the client read last. */
  #connack: Extract<Packet, { type: 'connack' }> | undefined;
  #confirm = false;
  #number = 0;
  readonly #publishes: Publish[] = [];
  #requests: Request[] = [];
  #incoming: IncomingMessage[] = [];

  constructor(script: Script, bytewise: boolean) {
    this.#script = script;
    this.#bytewise = bytewise;
    this.eye = new ServerEye(
      script.recording
        ? {
            packetIdOf: (message) => this.#publishRecord(message)?.packetId,
            isReleased: (message) => {
              const record = this.#publishRecord(message);
              return record !== undefined && this.#durable.has(`release ${record.id}`);
            },
            isIncoming: (packetId) => this.#durable.has(`incoming ${packetId}`),
          }
        : undefined,
    );
    this.#server = new ScriptServer(this.eye, script.authentication, (packet) =>
      this.#receive(encode(packet, script.protocolVersion)),
    );
    this.#session = this.#start();
  }

  /** Plays the whole script. */
  play(): void {
    for (const step of this.#script.steps) {
      this.#perform(step);
      this.#flush();
    }
  }

  /** Plays a good server until nothing is left to do, and checks that everything came to an end. */
  end(): void {
    this.#incoming = this.#incoming.filter((message) => this.#acknowledge(message, 0));
    this.#commit(Number.POSITIVE_INFINITY);
    this.#close(true);
    for (let round = 0; round < mostConnections && this.#isBusy(); round++) {
      this.#open();
      if (!this.#script.endResumed) this.#server.hasSession = false;
      this.#server.accept({ truthful: true, forgets: false, reasonCode: 0, properties: {} });
      this.#exhaust();
      // Only a connection that the session ended, to start anew, may leave something.
      must(
        !this.#session.isConnected || !this.#isBusy(),
        'the server answered everything, yet something waits',
      );
      this.#close(true);
    }
    const { queued, queuedBytes, inFlight } = this.#session.counts;
    must(queued === 0 && queuedBytes === 0, `${queued} messages (${queuedBytes} bytes) stay in the queue`);
    must(inFlight === 0, `${inFlight} messages stay in flight`);
    for (const publish of this.#publishes) this.#mustHaveEnded(publish);
    for (const { ends, withdrawn } of this.#requests) {
      must(withdrawn ? ends === 0 : ends === 1, `a request ended ${ends} times`);
    }
    must(this.#opened === this.#ended, `${this.#opened} connections, ${this.#ended} ends`);
    const closed = new ConnectionError('closed', 'closed');
    this.#session.abandon(() => closed, closed, false);
    this.#flush();
    this.#commit(Number.POSITIVE_INFINITY);
    must(this.#durable.size === 0, () => `left in the store: ${[...this.#durable.keys()]}`);
  }

  #mustHaveEnded({ number, ends, withdrawn, orphan, qos }: Publish): void {
    const what = `message ${number} (QoS ${qos})`;
    if (orphan === 'lost') return;
    if (orphan === 'stored') must(ends >= 1, `${what} of an earlier page never ended`);
    else must(withdrawn ? ends === 0 : ends === 1, `${what} ended ${ends} times`);
  }

  // --- steps

  #perform(step: Step): void {
    switch (step.do) {
      case 'publish':
        this.#publish(step);
        return;
      case 'publishNow':
        this.#publishNow(step.topic);
        return;
      case 'withdraw': {
        const publish = pickFrom(
          this.#publishes,
          step.pick,
          ({ handle, ends }) => handle !== undefined && ends === 0,
        );
        if (publish?.handle === undefined) return;
        // Once it was sent it stays, and its listener too.
        publish.withdrawn = this.#session.outgoing.withdraw(publish.handle);
        return;
      }
      case 'subscribe':
      case 'unsubscribe':
        this.#request(step);
        return;
      case 'withdrawRequest': {
        const request = pickFrom(this.#requests, step.pick, ({ ends }) => ends === 0);
        if (request?.handle === undefined) return;
        this.#session.subscriptions.withdraw(request.handle);
        request.withdrawn = true;
        return;
      }
      case 'acknowledge': {
        const message = pickFrom(this.#incoming, step.pick, () => true);
        if (message === undefined) return;
        this.#incoming = this.#incoming.filter((other) => other !== message);
        this.#acknowledge(message, step.reasonCode);
        return;
      }
      case 'disconnect':
        this.#session.disconnect(0, undefined, new ConnectionError('closed', 'asked for'));
        return;
      case 'reauthenticate':
        if (this.#script.authentication && this.#session.isConnected) {
          this.#session.authenticate(undefined, true);
        }
        return;
      case 'close':
        this.#close(step.orderly);
        return;
      case 'commit':
        this.#commit(step.count);
        return;
      case 'failCommit':
        this.#failCommit();
        return;
      case 'crash':
        this.#crash();
        return;
      case 'tick':
        this.#monotonic += step.monotonic;
        this.#wall += step.wall;
        this.#session.tick(this.#now());
        return;
      case 'connack':
        this.#open();
        this.#server.accept(step.connack);
        return;
      case 'answer':
        this.#ensureConnected();
        for (let count = step.count; count > 0; count--) {
          if (!this.#server.answer(step.inOrder ? 0 : step.pick, step.refuse)) return;
          this.#flush();
        }
        return;
      case 'send':
        this.#ensureConnected();
        this.#server.publish(step);
        return;
      case 'ack':
        this.#ensureConnected();
        this.#server.acknowledge(step);
        return;
      case 'bytes':
        this.#ensureConnected();
        this.#receive(step.bytes);
        return;
    }
  }

  #publish(step: Extract<Step, { do: 'publish' }>): void {
    const number = ++this.#number;
    const { qos, topic, retain, expiry } = step;
    const publish: Publish = {
      number,
      qos,
      handle: undefined,
      accepted: false,
      ends: 0,
      withdrawn: false,
      orphan: 'no',
    };
    this.#publishes.push(publish);
    const payload = payloadOf(number, topic, step.size);
    const properties = expiry === undefined ? undefined : { messageExpiryInterval: expiry };
    const end = () => {
      must(!publish.withdrawn, `message ${number} ends although it was withdrawn`);
      must(publish.orphan === 'no', `message ${number} tells a page that is gone`);
      publish.ends += 1;
    };
    const listener = {
      accepted: () => {
        must(!publish.accepted, `message ${number} is accepted twice`);
        publish.accepted = true;
      },
      acknowledged: end,
      failed: () => {
        this.eye.removed(number);
        end();
      },
    };
    const content = { topic, payload, qos, retain, properties, key: String(number) };
    publish.handle = this.#session.outgoing.publish(content, listener, this.#now());
  }

  #publishNow(topic: string): void {
    try {
      this.#session.outgoing.publishNow(topic, payloadOf(0, topic, 0), false, undefined);
    } catch (error) {
      if (!(error instanceof MqttError)) throw error;
    }
  }

  #request(step: Extract<Step, { do: 'subscribe' | 'unsubscribe' }>): void {
    const request: Request = { handle: undefined, ends: 0, withdrawn: false };
    this.#requests.push(request);
    const filters = [...new Set(step.filters)];
    const listener = (outcomes: readonly unknown[]) => {
      must(!request.withdrawn, 'a withdrawn request ends');
      must(outcomes.length === filters.length, `${outcomes.length} outcomes for ${filters.length} filters`);
      request.ends += 1;
    };
    if (step.do === 'unsubscribe') {
      request.handle = this.#session.subscriptions.unsubscribe(filters, listener);
      return;
    }
    const options = { qos: step.qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const entries = filters.map((filter) => ({ filter, ...options }));
    request.handle = this.#session.subscriptions.subscribe(entries, listener);
  }

  /** Returns false: the message is no longer with its takers. */
  #acknowledge(message: IncomingMessage, reasonCode: number): false {
    this.#session.incoming.acknowledge(message, reasonCode);
    return false;
  }

  // --- connections

  #start(): Session {
    const { maxInflight, topicAliases, recording, maxMessages, overflow, sessionLost } = this.#script;
    const options = {
      maxInflight,
      topicAliases,
      recording,
      maxMessages,
      maxBytes,
      overflow,
      sessionLost,
      maximumPacketSize,
    };
    const session: Session = new Session(options, this.#port());
    session.tap((direction, packet) => {
      if (direction === 'out') return;
      if (packet.type === 'connack') this.#connack = packet;
      this.eye.received(packet);
    });
    return session;
  }

  #port(): SessionPort {
    return {
      connected: ({ sessionPresent }) => {
        const connack = this.#connack;
        must(connack?.reasonCode === 0, 'connected without CONNACK');
        if (this.#script.protocolVersion > 3) {
          must(
            sessionPresent === connack.sessionPresent,
            'connected with another session than the server says',
          );
        }
        this.#connectedBefore = true;
        this.#cleanNext = false;
        this.eye.connected(sessionPresent, connack);
      },
      message: (packet, message) => {
        this.eye.delivered(packet);
        must((message !== undefined) === packet.qos > 0, 'a handle is for QoS 1 and 2');
        if (message === undefined) return;
        if (this.#script.handledAtOnce) this.#session.incoming.acknowledge(message, 0);
        else this.#incoming.push(message);
      },
      subscriptionLost: () => {},
      slept: () => {},
      settled: (key, error) => {
        const publish = this.#publishes.find(({ number }) => String(number) === key);
        must(publish !== undefined, `an unknown message ${key} ended`);
        publish.ends += 1;
        if (error) this.eye.removed(publish.number);
      },
      challenged: () => this.#session.authenticate(undefined, false),
      authenticated: () => {
        this.#confirm = !this.#session.isConnected;
      },
      ended: (end) => this.#detach(end),
    };
  }

  #open(): void {
    if (this.#wire === 'open') return;
    // What waits leaves first: CONNECT must not wait for the store together with it.
    this.#flush();
    const { protocolVersion, authentication, receiveMaximum } = this.#script;
    this.#wire = 'open';
    this.#opened += 1;
    this.#connack = undefined;
    this.#confirm = false;
    this.eye.opened();
    this.#session.opened(
      {
        type: 'connect',
        protocolVersion,
        clientId: 'client',
        clean: this.#asksForClean(),
        keepAlive: 60,
        properties:
          protocolVersion === 5
            ? {
                receiveMaximum,
                topicAliasMaximum: 3,
                sessionExpiryInterval: 1_000,
                maximumPacketSize,
                authenticationMethod: authentication ? authenticationMethod : undefined,
              }
            : undefined,
      },
      this.#now(),
    );
    this.#flush();
  }

  #asksForClean(): boolean {
    const { clean } = this.#script;
    if (this.#session.needsCleanStart || this.#cleanNext) return true;
    return clean === 'always' || (clean === 'first' && !this.#connectedBefore);
  }

  /** The session ended its link. */
  #detach(end: LinkEnd): void {
    this.#ended += 1;
    must(this.#ended === this.#opened, 'a connection ended twice');
    // The session ends the connection for its own faults too, and for those of its port.
    if (end.error.message.includes('internal fault')) throw end.error.cause;
    this.eye.ended(end.flush);
    this.#cleanNext ||= end.cleanStart ?? false;
    this.#confirm = false;
    this.#wire = 'ending';
    const waiting = this.#waiting.length;
    if (end.flush) this.#flush();
    // The last bytes may wait for the store.
    if (!end.flush || this.#waiting.length === waiting) this.#hangUp();
  }

  #hangUp(): void {
    if (this.#wire === 'closed') return;
    this.#wire = 'closed';
    this.eye.closed();
    this.#session.closed();
  }

  /** The transport ends. */
  #close(orderly: boolean): void {
    if (this.#wire !== 'open') return;
    this.#wire = 'closed';
    this.eye.closed();
    this.#session.closed(orderly ? undefined : new Error('reset'));
    this.#flush();
  }

  #ensureConnected(): void {
    if (this.#wire !== 'open') this.#open();
    if (this.#session.isConnected) return;
    this.#server.accept({ truthful: true, forgets: false, reasonCode: 0, properties: {} });
  }

  // --- the server

  #receive(bytes: Uint8Array): void {
    // CONNECT may still wait for the store; until it is there the server knows of nobody.
    if (!this.eye.hasConnect) return;
    const chunks = this.#bytewise ? cutAt(bytes, [...bytes.keys()]) : [bytes.slice()];
    for (const chunk of chunks) {
      if (this.#wire !== 'open') return;
      this.#session.receive(chunk, this.#now());
      if (!this.#confirm) continue;
      this.#confirm = false;
      this.#session.confirm(this.#now());
    }
    this.#flush();
  }

  /** Answers, handles and commits until nothing is left to do. */
  #exhaust(): void {
    for (let round = 0; round < mostRounds; round++) {
      this.#flush();
      this.#commit(Number.POSITIVE_INFINITY);
      for (const message of this.#incoming.splice(0)) this.#acknowledge(message, 0);
      this.#flush();
      this.#commit(Number.POSITIVE_INFINITY);
      if (!this.#server.answer(0, false)) return;
    }
    must(false, `the client still writes after ${mostRounds} answers`);
  }

  #isBusy(): boolean {
    const { queued, inFlight } = this.#session.counts;
    return (
      queued > 0 || inFlight > 0 || this.#requests.some(({ ends, withdrawn }) => ends === 0 && !withdrawn)
    );
  }

  // --- the store

  #flush(): void {
    for (let batch = this.#session.takeBatch(); batch; batch = this.#session.takeBatch()) {
      if (batch.operations.length === 0 && (!batch.ordered || this.#waiting.length === 0)) {
        this.#release(batch);
      } else {
        this.#waiting.push(batch);
        if (this.#writing === 0) this.#write();
      }
    }
  }

  /** Begins to write all that waits, in one call; a store that is quick is done at once. */
  #write(): void {
    this.#writing = this.#waiting.length;
    if (!this.#script.slowStore || this.#waiting.every(({ operations }) => operations.length === 0))
      this.#written();
  }

  /** The write under way is durable. */
  #written(): void {
    const written = this.#waiting.splice(0, this.#writing);
    this.#writing = 0;
    for (const { operations } of written) this.#apply(operations);
    for (const batch of written) this.#release(batch);
    if (this.#waiting.length > 0) this.#write();
    else if (this.#wire === 'ending') this.#hangUp();
  }

  #commit(count: number): void {
    for (let left = count; left > 0 && this.#writing > 0; left--) {
      this.#written();
      this.#flush();
    }
  }

  /** The write under way fails; what came after it was not written either. */
  #failCommit(): void {
    if (this.#writing === 0) return;
    this.#flush();
    this.#writing = 0;
    const error = new StoreError('store-failed', 'the disk is full');
    // In order, as the runner does.
    this.#session.commitFailed(this.#waiting.splice(0), error);
    if (this.#waiting.length === 0 && this.#wire === 'ending') this.#hangUp();
  }

  #release(batch: Batch): void {
    const mayWrite = this.#session.committed(batch, this.#now());
    if (!mayWrite || this.#wire === 'closed') return;
    for (const frame of batch.frames) this.eye.wrote(frame);
  }

  #apply(operations: readonly StoreOperation[]): void {
    must(
      this.#script.recording || operations.length === 0,
      'a session that records nothing writes to the store',
    );
    for (const operation of operations) {
      if (operation.type === 'delete') this.#durable.delete(`${operation.kind} ${operation.id}`);
      else
        this.#durable.set(
          `${operation.record.kind} ${operation.record.id}`,
          structuredClone(operation.record),
        );
    }
  }

  /** The page dies, and a new one comes up with what the store holds. */
  #crash(): void {
    if (!this.#script.recording) return;
    const stored = new Set<number>();
    for (const record of this.#durable.values())
      if (record.kind === 'publish') stored.add(Number(record.key));
    for (const publish of this.#publishes) {
      const { number, accepted, ends, withdrawn, orphan } = publish;
      const isStored = stored.has(number);
      if (accepted && ends === 0 && !withdrawn) must(isStored, `message ${number} was accepted, and is lost`);
      if (orphan === 'no' && ends === 0) publish.orphan = isStored ? 'stored' : 'lost';
      else if (orphan === 'no') publish.orphan = 'lost';
      publish.handle = undefined;
    }
    if (this.#wire === 'open') this.#ended += 1;
    this.#wire = 'closed';
    this.#requests = [];
    this.#incoming = [];
    this.#waiting = [];
    this.#writing = 0;
    this.eye.crashed(stored);
    // Nothing durable says that an identifier can only be freed by a clean start, so the new page is told here.
    this.#cleanNext ||= this.#session.needsCleanStart;
    this.#session = this.#start();
    this.#session.restore([...this.#durable.values()].map((record) => structuredClone(record)));
  }

  #publishRecord(message: number): Extract<StoreRecord, { kind: 'publish' }> | undefined {
    for (const record of this.#durable.values()) {
      if (record.kind === 'publish' && record.key === String(message)) return record;
    }
    return undefined;
  }

  #now(): { monotonic: number; wall: number } {
    return { monotonic: this.#monotonic, wall: this.#wall };
  }
}

function pickFrom<T>(list: readonly T[], pick: number, wanted: (item: T) => boolean): T | undefined {
  const possible = list.filter(wanted);
  return possible[pick % Math.max(1, possible.length)];
}
