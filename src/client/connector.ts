/**
 * Makes connections and makes them again. What comes after an attempt is decided in reconnect-policy.ts.
 *
 * | state          | left by                                                                    |
 * |----------------|----------------------------------------------------------------------------|
 * | `idle`         | `open`                                                                     |
 * | `connecting`   | CONNACK → `connected`; failure → `connecting`, `reconnecting` or `closed`  |
 * | `connected`    | any end → `reconnecting` or `closed`                                       |
 * | `reconnecting` | the delay, or a sign of life of the page or the network → `connecting`     |
 * | `closed`       | `open`                                                                     |
 *
 * `stop` leads from everywhere to `closed`. A state is entered before its event is emitted.
 */

import { packetSize } from '../codec/client-packets';
import type { ConnectPacket } from '../codec/packet';
import { ConnectionError, type MqttError, RefusedError, UsageError } from '../errors';
import type { ProtocolVersion } from '../message';
import type { LinkEnd } from '../session/link-end';
import type { Connected } from '../session/session';
import { parseServerUrl, type Scheme } from '../transport/scheme';
import type { Connection, Transport } from '../transport/transport';
import type { ConnectResult, Status } from './client';
import { now, timeoutFor } from './clock';
import type { Core } from './core';
import { type Deferred, deferred } from './deferred';
import { EnhancedAuthentication } from './enhanced-authentication';
import { isOffline, type PageNews, pageVisited, watchPage } from './page-life';
import { type Outcome, ReconnectPolicy, type Target } from './reconnect-policy';
import { bytes, type ResolvedCredentials, resolveCredentials } from './resolve-options';
import { closedError } from './runner';
import { toMqttError } from './to-mqtt-error';
import { waiting } from './waiting';

/** What the connector needs from the client. */
export interface ConnectorHost extends Core {
  /** Schemes that can be connected to here. */
  readonly schemes: readonly Scheme[];
  transportFor(url: URL): Transport;
  /** The server accepted a connection; its event follows. */
  accepted(): void;
  /** The client is closed from here on: everything that waits has to end. Calls nobody. */
  end(error: MqttError | undefined): void;
  /** A promise while the store is being read, which begins with this; undefined when that is done. */
  ready(): Promise<void> | undefined;
}

/**
 * For how long a sign of life counts, in milliseconds. What fails in that time fails because of what came before it:
 * then the next attempt does not wait. An attempt as old as that when the sign comes is begun anew.
 */
const signCounts = 3_000;

/** The connecting half of a client. */
export class Connector {
  readonly #host: ConnectorHost;
  readonly #targets: readonly Target[];
  #status: Status = { type: 'idle' };
  /** From `open` to `stop`. */
  #policy: ReconnectPolicy | undefined;
  /** Ends the attempt that is under way, until its CONNECT goes out. */
  #abort: AbortController | undefined;
  /** Monotonic time at which it began. */
  #begunAt = 0;
  /** The promise of `open` until it settles. */
  #opening: Deferred<ConnectResult> | undefined;
  /** What the current connection brought. */
  #result: ConnectResult | undefined;
  /** From a connection until `'disconnect'` tells of its end. */
  #isUp = false;
  /** Told of the end of the current link. */
  #ended: ((end: LinkEnd) => void) | undefined;
  /** Ends the wait before the next attempt. */
  #wake: (() => void) | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  /** Monotonic time of CONNACK. */
  #connectedAt = 0;
  /** Monotonic time of the last sign of life that has not shortened a wait. */
  #signAt = -Infinity;
  /** What ended an attempt that is to be begun anew. */
  #away: MqttError | undefined;
  /** Ends the listening to the page. */
  #unwatch: (() => void) | undefined;
  #authentication: EnhancedAuthentication | undefined;

  constructor(host: ConnectorHost, targets: readonly Target[]) {
    this.#host = host;
    this.#targets = targets;
  }

  get status(): Status {
    return this.#status;
  }

  /** Whether the server has accepted a connection since `open`. */
  get hasConnected(): boolean {
    return this.#policy?.hasConnected ?? false;
  }

  /** Connects, or joins the attempt that is under way. */
  open(): Promise<ConnectResult> {
    if (this.#result) return Promise.resolve(this.#result);
    this.#opening ??= deferred();
    const opening = this.#opening;
    if (!this.#policy) {
      const { options, emitter, runner } = this.#host;
      const policy = new ReconnectPolicy(options, this.#targets, emitter);
      this.#policy = policy;
      runner.start();
      this.#unwatch = watchPage((news) => this.#told(news));
      this.#loop(policy).catch((error: unknown) => {
        if (this.#policy === policy) this.stop(toMqttError(error));
      });
    }
    return opening.promise;
  }

  /** Stops for good; the caller has ended the link, or this drops it. */
  stop(error?: MqttError, reasonCode?: number): void {
    const { runner, emitter, end } = this.#host;
    const opening = this.#opening;
    const abort = this.#abort;
    const { type, error: lost = error }: { type: string; error?: MqttError } = this.#status;
    const wasUp = this.#isUp;
    const status: Status = Object.freeze(error ? { type: 'closed', error } : { type: 'closed' });
    this.#policy = undefined;
    this.#opening = undefined;
    this.#isUp = false;
    // Before code of the application is called: it may close the client once more.
    if (type !== 'closed') this.#status = status;
    this.#unwatch?.();
    this.#wake?.();
    runner.detach(false);
    end(error);
    if (type !== 'closed') {
      emitter.emit('status', status);
      if (wasUp) emitter.emit('disconnect', { error: lost, reasonCode, willReconnect: false });
      emitter.emit('close', { error });
    }
    // Last: who hears of it may connect anew.
    abort?.abort(closedError());
    opening?.reject(error ?? closedError());
  }

  /** See `Client.reauthenticate`. */
  async reauthenticate(): Promise<void> {
    const { authenticate, connectTimeout: timeout } = this.#host.options;
    if (!authenticate) {
      throw new UsageError('reauthenticate: needs the option authenticate', 'unsupported');
    }
    if (!this.#authentication || !this.#result) {
      throw new ConnectionError('closed', 'reauthenticate: there is no connection');
    }
    // The server may never answer this, and all the while answer everything else.
    const giveUp = (reason: unknown) => this.#giveUp(reason as MqttError);
    await waiting(this.#authentication.again(), { timeout }, giveUp, 'reauthenticate');
  }

  // --- from the page

  #told(news: PageNews): void {
    const { runner, options } = this.#host;
    const { session } = runner;
    if (news !== 'gone') {
      if (news === 'alive') this.woke();
      session.probe(now());
    } else if (options.clean) {
      // Nobody comes back for the session; its will has to tell that nobody is there [v5 3.14.2.1].
      const reasonCode = options.connect.will ? 4 : 0;
      session.disconnect(reasonCode, { sessionExpiryInterval: 0 }, closedError());
    }
    runner.touch();
  }

  /** The page or the machine is back, from wherever it was: tries now instead of later. */
  woke(): void {
    const time = performance.now();
    if (this.#wake) this.#wake();
    else this.#signAt = time;
    if (this.#status.type === 'connecting' && time - this.#begunAt > signCounts) {
      this.#away = new ConnectionError('timeout', 'The page was away');
      this.#giveUp(this.#away);
    }
  }

  /** Ends the attempt that is under way, or its connection. */
  #giveUp(error: MqttError): void {
    const { runner } = this.#host;
    this.#abort?.abort(error);
    runner.session.drop(error);
    runner.touch();
  }

  // --- from the session

  /** The server accepted. */
  sessionConnected(connected: Connected): void {
    const policy = this.#policy;
    if (!policy || this.#status.type !== 'connecting') return;
    this.#connectTimer = void clearTimeout(this.#connectTimer);
    const result = { ...connected, sessionLost: connected.sessionLost || policy.cleanStart };
    policy.accepted(connected.protocolVersion);
    this.#result = result;
    this.#isUp = true;
    this.#connectedAt = performance.now();
    this.#host.accepted();
    // Who hears of messages that are given up may have closed the client.
    if (this.#policy !== policy) return;
    const { url } = this.#status;
    this.#setStatus({ type: 'connected', url, since: Date.now(), sessionPresent: result.sessionPresent });
    // A listener may have closed the client.
    if (this.#result === result) this.#host.emitter.emit('connect', result);
    this.#opening?.resolve(result);
    this.#opening = undefined;
  }

  /** The link is over. */
  sessionEnded(end: LinkEnd): void {
    this.#result = undefined;
    clearTimeout(this.#connectTimer);
    this.#host.runner.detach(end.flush);
    this.#authentication?.end(end.error);
    this.#authentication = undefined;
    this.#ended?.(end);
  }

  /** The server goes on with enhanced authentication. */
  challenged(data: Uint8Array | undefined): void {
    this.#authentication?.challenged(data);
  }

  /** The server accepted the authentication. */
  authenticated(data: Uint8Array | undefined): void {
    this.#authentication?.succeeded(data);
  }

  // --- the loop

  async #loop(policy: ReconnectPolicy): Promise<void> {
    while (this.#policy === policy) {
      const { ended } = await this.#attempt(policy);
      const outcome = await ended;
      if (this.#policy !== policy) return;
      let step = outcome.error === this.#away ? policy.again() : policy.next(outcome, isOffline());
      // The application was asked, and may have closed the client.
      if (this.#policy !== policy) return;
      const isFresh = performance.now() - this.#signAt < signCounts;
      if (isFresh && step !== 'stop' && outcome.end?.by !== 'server') {
        this.#signAt = -Infinity;
        step = 'now';
      }
      if (step === 'stop') this.stop(outcome.error, outcome.end?.reasonCode);
      else if (step !== 'now' || this.#status.type === 'connected') await this.#wait(policy, step, outcome);
    }
  }

  /**
   * One attempt. It is over once CONNECT is out, so that nothing of it stays for as long as the connection.
   * @returns in an object, which is not waited for, how it ends, or the connection that it made
   */
  async #attempt(policy: ReconnectPolicy): Promise<{ readonly ended: Outcome | Promise<Outcome> }> {
    const { options, runner, ready, schemes } = this.#host;
    const { connectTimeout, authenticate, clean } = options;
    const abort = new AbortController();
    const { signal } = abort;
    this.#abort = abort;
    let target = policy.begin();
    let version: ProtocolVersion = 5;
    this.#begunAt = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      this.#connecting(policy, target, signal);
      const visited = pageVisited();
      if (visited) await untilAborted(visited, signal);
      timer = timeoutFor(connectTimeout, () => {
        const words = `No connection to ${target.url.host} within ${connectTimeout} ms; check scheme, host and port of the URL, and the network`;
        this.#giveUp(new ConnectionError('timeout', words));
      });
      this.#connectTimer = timer;
      await untilAborted(ready(), signal);
      signal.throwIfAborted();
      const credentials = await this.#credentials(policy, target, signal);
      signal.throwIfAborted();
      if (credentials?.url !== undefined) {
        target = parseServerUrl(credentials.url, 'credentials.url', schemes);
        this.#connecting(policy, target, signal);
      }
      const stored = clean ? undefined : runner.session.record?.protocolVersion;
      version = policy.versionFor(target.url, stored);
      const authentication = authenticate && new EnhancedAuthentication(authenticate, runner);
      const data = await untilAborted(authentication?.start(), signal);
      const connect = this.#connectPacket(policy, target, version, credentials, data);
      const connection = await this.#connection(target, version, credentials, signal);
      // What waits leaves before CONNECT; a store may call whatever it likes.
      runner.flush();
      if (signal.aborted) {
        // Too late for the transport to notice: it had opened.
        connection.destroy();
        throw signal.reason;
      }
      this.#abort = undefined;
      this.#authentication = authentication;
      const ended = new Promise<LinkEnd>((resolve) => {
        this.#ended = resolve;
      });
      runner.attach(connection, connect, connect.clean && !this.#startsClean(policy, version));
      const outcome = ended.then((end) => {
        const connectedFor = end.wasConnected ? performance.now() - this.#connectedAt : undefined;
        return { error: this.#explained(end), end, version, target, connectedFor };
      });
      return { ended: outcome };
    } catch (error) {
      clearTimeout(timer);
      if (this.#policy === policy) runner.detach(false);
      const failure = { error: toMqttError(error), end: undefined, version, target, connectedFor: undefined };
      return { ended: failure };
    }
  }

  /** What kept us from an earlier version is worth a word when the server knows no later one. */
  #explained({ error, reasonCode, wasConnected }: LinkEnd): MqttError {
    const { onlyMqtt5 } = this.#host.options;
    if (reasonCode !== 0x84 || wasConnected || !onlyMqtt5) return error;
    return new RefusedError(0x84, `The server does not speak MQTT 5.0, which options.${onlyMqtt5} needs`, {
      cause: error,
    });
  }

  /** The connection is lost, or could not be made: announces the next attempt and waits for its time. */
  async #wait(policy: ReconnectPolicy, step: 'now' | number, { error, end }: Outcome): Promise<void> {
    const { emitter } = this.#host;
    const delay = step === 'now' ? 0 : step;
    const attempt = policy.attempts + 1;
    this.#setStatus({ type: 'reconnecting', attempt, delay, nextAttemptAt: Date.now() + delay, error });
    // Any listener may close the client.
    if (this.#policy === policy && this.#isUp) {
      this.#isUp = false;
      emitter.emit('disconnect', { error, reasonCode: end?.reasonCode, willReconnect: true });
    }
    if (this.#policy === policy) emitter.emit('reconnecting', { attempt, delay, error });
    if (this.#policy !== policy || step === 'now') return;
    await new Promise<void>((resolve) => {
      const cancel = this.#host.options.clock(resolve, delay);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }

  // --- the parts of an attempt

  async #credentials(
    { attempts, lastError }: ReconnectPolicy,
    { url }: Target,
    signal: AbortSignal,
  ): Promise<ResolvedCredentials | undefined> {
    const { credentials, connectTimeout } = this.#host.options;
    if (!credentials) return undefined;
    const attempt = { attempt: attempts, url: new URL(url), lastError, signal };
    // A signer that hangs must not look like a server that does; it is told that nobody waits for it any more.
    const given = Promise.resolve(credentials(attempt));
    const limits = { signal, timeout: connectTimeout / 2 };
    const giveUp = (reason: unknown) => this.#abort?.abort(reason);
    return resolveCredentials(await waiting(given, limits, giveUp, 'credentials'));
  }

  /** @throws UsageError when this version cannot carry it */
  #connectPacket(
    policy: ReconnectPolicy,
    target: Target,
    protocolVersion: ProtocolVersion,
    credentials: ResolvedCredentials | undefined,
    authenticationData: Uint8Array | undefined,
  ): ConnectPacket {
    const { options, runner } = this.#host;
    const { record, needsCleanStart } = runner.session;
    const { connect } = options;
    const isV5 = protocolVersion === 5;
    const authenticationMethod = options.authenticate?.method;
    const packet: ConnectPacket = {
      ...connect,
      protocolVersion,
      clientId: credentials?.clientId ?? connect.clientId,
      clean:
        this.#startsClean(policy, protocolVersion) ||
        policy.cleanStart ||
        needsCleanStart ||
        // A session is resumed only with the version that made it.
        (record !== undefined && record.protocolVersion !== protocolVersion),
      username: credentials?.username ?? connect.username ?? target.username,
      password: credentials?.password ?? connect.password ?? bytes(target.password, 'url'),
      properties: isV5 ? { authenticationMethod, authenticationData, ...connect.properties } : undefined,
    };
    packetSize(packet, protocolVersion);
    return packet;
  }

  /** MQTT 5.0 starts anew once and then resumes; before it a clean session is clean on every connect. */
  #startsClean({ hasConnected }: ReconnectPolicy, version: ProtocolVersion): boolean {
    return this.#host.options.clean && !(version === 5 && hasConnected);
  }

  async #connection(
    { url }: Target,
    version: ProtocolVersion,
    credentials: ResolvedCredentials | undefined,
    signal: AbortSignal,
  ): Promise<Connection> {
    const { transport = this.#host.transportFor(url), webSocket, connect } = this.#host.options;
    const protocols = webSocket.protocols ?? [version === 3 ? 'mqttv3.1' : 'mqtt'];
    const headers = credentials?.headers ?? webSocket.headers;
    const maximumPacketSize = connect.properties?.maximumPacketSize;
    const opening = transport.connect(new URL(url), { signal, protocols, maximumPacketSize, headers });
    try {
      const connection = await untilAborted(opening, signal);
      if (!connection?.write) throw new UsageError('transport: connect gave no Connection');
      return connection;
    } catch (error) {
      // A transport that did not heed the signal may still open: no socket stays behind.
      if (signal.aborted) opening.then((late) => late.destroy()).catch(() => {});
      throw error;
    }
  }

  /** @throws the signal's reason when a listener ends the attempt */
  #connecting({ attempts }: ReconnectPolicy, { url: { href: url } }: Target, signal: AbortSignal): void {
    if (this.#status.type === 'connecting' && this.#status.attempt === attempts && this.#status.url === url)
      return;
    this.#setStatus({ type: 'connecting', attempt: attempts, url });
    signal.throwIfAborted();
  }

  #setStatus(status: Status): void {
    this.#status = Object.freeze(status);
    this.#host.emitter.emit('status', status);
  }
}

/** Settles as the value does, or rejects when the signal is aborted before. */
function untilAborted<Value>(value: Value | PromiseLike<Value>, signal: AbortSignal): Promise<Value> {
  return waiting(Promise.resolve(value), { signal });
}
