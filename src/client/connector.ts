/**
 * Makes connections and makes them again: attempts, time-outs, fallback, redirects, back-off.
 *
 * | state          | left by                                                                    |
 * |----------------|----------------------------------------------------------------------------|
 * | `idle`         | `open`                                                                     |
 * | `connecting`   | CONNACK → `connected`; failure → `connecting`, `reconnecting` or `closed`  |
 * | `connected`    | any end → `connecting`, `reconnecting` or `closed`                         |
 * | `reconnecting` | the delay, or a sign that the network is back → `connecting`               |
 * | `closed`       | `open`                                                                     |
 *
 * `close` leads from everywhere to `closed`.
 */

import type { ConnectPacket } from '../codec/packet';
import { ConnectionError, MqttError, UsageError } from '../errors';
import type { ProtocolVersion } from '../message';
import type { LinkEnd } from '../session/link-end';
import type { Connected } from '../session/session';
import { parseServerUrl, type Scheme } from '../transport/scheme';
import type { Connection, Transport } from '../transport/transport';
import { backoffDelay } from './backoff';
import { checkObject } from './check';
import type { ConnectResult, Status } from './client';
import { type Deferred, deferred, ignoreRejection } from './deferred';
import { EnhancedAuthentication } from './enhanced-authentication';
import type { Credentials } from './options';
import { payloadBytes } from './payload';
import { reactionTo } from './reason-table';
import { redirectedUrl } from './redirect';
import { checkHeaders, type ResolvedOptions } from './resolve-options';
import { closedError, type Runner } from './runner';
import { timeoutFor } from './taker';

/** Redirects in a row that are followed [v5 4.11]. */
const maximumRedirects = 3;

/** A connection of MQTT 3.1.1 that ends sooner than this after CONNACK, in milliseconds, may have been taken over. */
const shortConnection = 5_000;

/** Short connections in a row until the client backs off as far as it can and says so. */
const shortConnectionsToReport = 3;

/** A server as the application named it. */
export interface Target {
  readonly url: URL;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** What the connector needs from the client. */
export interface ConnectorHost {
  readonly runner: Runner;
  readonly options: ResolvedOptions;
  /** Schemes that can be connected to here. */
  readonly schemes: readonly Scheme[];
  transportFor(url: URL): Transport;
  /** The store has been read. @throws StoreError */
  ready(): Promise<void> | undefined;
  statusChanged(status: Status): void;
  connected(result: ConnectResult): void;
  disconnected(error: MqttError, reasonCode: number | undefined, willReconnect: boolean): void;
  reconnecting(attempt: number, delay: number, error: MqttError): void;
  /** Something that needs attention and has no promise to reject. */
  report(error: MqttError): void;
  /** The connector gave up: everything that waits has to end. */
  gaveUp(error: MqttError): void;
}

/** How one attempt, and the connection that it made, ended. */
interface Outcome {
  readonly error: MqttError;
  readonly end: LinkEnd | undefined;
  readonly version: ProtocolVersion;
  readonly url: URL;
  /** For how long it was connected, in milliseconds; undefined if it never was. */
  readonly connectedFor: number | undefined;
}

type Step = { type: 'now' } | { type: 'wait'; delay: number } | { type: 'stop' };

/** State that lasts from `open` to `close`. */
interface Run {
  readonly abort: AbortController;
  /** Servers to try, in turn. */
  targets: readonly Target[];
  /** The server to try next. */
  index: number;
  /** Where the server sent us for the next attempt only. */
  redirectTo: Target | undefined;
  redirects: number;
  /** Attempts since the last stable connection. */
  attempts: number;
  /** Failures since the last stable connection. */
  failures: number;
  /** Servers that failed in the first `connect`. */
  failedTargets: number;
  hasConnected: boolean;
  /** The version of the next attempt, when the last one was refused for its version. */
  fallback: ProtocolVersion | undefined;
  /** Versions that servers accepted, by URL. */
  readonly versions: Map<string, ProtocolVersion>;
  /** Whether fresh credentials were tried since the last connection. */
  freshCredentials: boolean;
  cleanStart: boolean;
  /** The session that we had is lost, although the server was asked for a clean start. */
  sessionLost: boolean;
  shortConnections: number;
  lastError: MqttError | undefined;
}

/** The connecting half of a client. */
export class Connector {
  readonly #host: ConnectorHost;
  readonly #targets: readonly Target[];
  #status: Status = { type: 'idle' };
  #run: Run | undefined;
  /** The promise of `open` until it settles. */
  #opening: Deferred<ConnectResult> | undefined;
  /** What the current connection brought. */
  #result: ConnectResult | undefined;
  /** The end of the current link. */
  #linkEnd: Deferred<LinkEnd> | undefined;
  /** Ends the wait before the next attempt. */
  #wake: (() => void) | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #connectedAt = 0;
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
    return this.#run?.hasConnected ?? false;
  }

  /** Connects, or joins the attempt that is under way. */
  open(): Promise<ConnectResult> {
    if (this.#result) return Promise.resolve(this.#result);
    if (!this.#run) {
      const run: Run = {
        abort: new AbortController(),
        targets: this.#targets,
        index: 0,
        redirectTo: undefined,
        redirects: 0,
        attempts: 0,
        failures: 0,
        failedTargets: 0,
        hasConnected: false,
        fallback: undefined,
        versions: new Map(),
        freshCredentials: false,
        cleanStart: false,
        sessionLost: false,
        shortConnections: 0,
        lastError: undefined,
      };
      this.#run = run;
      this.#opening = deferred();
      // A client may be opened and watched by its events alone.
      ignoreRejection(this.#opening.promise);
      this.#loop(run).catch((error: unknown) => this.#giveUp(run, toMqttError(error)));
    }
    this.#opening ??= deferred();
    return this.#opening.promise;
  }

  /** Stops for good; the caller has ended the link, or this drops it. */
  stop(error?: MqttError): void {
    const run = this.#run;
    this.#run = undefined;
    run?.abort.abort(closedError());
    this.#wake?.();
    clearTimeout(this.#connectTimer);
    this.#host.runner.detach(false);
    this.#result = undefined;
    this.#authentication?.end(error ?? closedError());
    const opening = this.#opening;
    this.#opening = undefined;
    if (this.#status.type !== 'closed')
      this.#setStatus(error ? { type: 'closed', error } : { type: 'closed' });
    opening?.reject(error ?? closedError());
  }

  /** The network may be back: tries now instead of later. */
  tryNow(): void {
    this.#wake?.();
  }

  /** See `Client.reauthenticate`. */
  async reauthenticate(): Promise<void> {
    if (!this.#host.options.authenticate) {
      throw new UsageError('reauthenticate: needs the option authenticate', 'unsupported');
    }
    if (!this.#authentication || this.#status.type !== 'connected') {
      throw new ConnectionError('closed', 'reauthenticate: there is no connection');
    }
    await this.#authentication.again();
  }

  // --- from the session

  /** The server accepted. */
  sessionConnected({ sessionPresent, sessionLost, server, protocolVersion }: Connected): void {
    const run = this.#run;
    if (!run || this.#status.type !== 'connecting') return;
    clearTimeout(this.#connectTimer);
    run.versions.set(this.#status.url, protocolVersion);
    run.hasConnected = true;
    run.freshCredentials = false;
    run.redirects = 0;
    run.cleanStart = false;
    const result = { sessionPresent, sessionLost: sessionLost || run.sessionLost, server, protocolVersion };
    run.sessionLost = false;
    this.#result = result;
    this.#connectedAt = performance.now();
    const { url } = this.#status;
    const opening = this.#opening;
    this.#opening = undefined;
    this.#setStatus({ type: 'connected', url, since: Date.now(), sessionPresent });
    this.#host.connected(result);
    opening?.resolve(result);
  }

  /** The link is over. */
  sessionEnded(end: LinkEnd): void {
    clearTimeout(this.#connectTimer);
    this.#result = undefined;
    this.#host.runner.detach(end.flush);
    this.#authentication?.end(end.error);
    this.#authentication = undefined;
    const linkEnd = this.#linkEnd;
    this.#linkEnd = undefined;
    linkEnd?.resolve(end);
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

  async #loop(run: Run): Promise<void> {
    await this.#host.ready();
    while (this.#run === run) {
      run.attempts += 1;
      const outcome = await this.#attempt(run);
      if (this.#run !== run) return;
      const step = this.#nextStep(run, outcome);
      run.lastError = outcome.error;
      const willReconnect = step.type !== 'stop';
      if (outcome.connectedFor !== undefined) {
        this.#host.disconnected(outcome.error, outcome.end?.reasonCode, willReconnect);
        if (this.#run !== run) return;
      }
      if (step.type === 'stop') {
        this.#giveUp(run, outcome.error);
        return;
      }
      if (step.type === 'wait') await this.#wait(run, step.delay, outcome.error);
    }
  }

  /** One attempt, and the connection that it makes until its end. */
  async #attempt(run: Run): Promise<Outcome> {
    const { options, runner } = this.#host;
    const attempt = new AbortController();
    const onClose = () => attempt.abort(run.abort.signal.reason);
    run.abort.signal.addEventListener('abort', onClose);
    const first = run.redirectTo ?? run.targets[run.index];
    if (!first) throw new UsageError('url: there is no server to connect to');
    let target = first;
    run.redirectTo = undefined;
    let version: ProtocolVersion = 5;
    this.#setStatus({ type: 'connecting', attempt: run.attempts, url: target.url.href });
    this.#connectTimer = timeoutFor(options.connectTimeout, () => {
      const error = new ConnectionError(
        'timeout',
        `No connection to ${target.url.host} within ${options.connectTimeout} ms`,
      );
      attempt.abort(error);
      runner.session.drop(error);
      runner.touch();
    });
    try {
      const credentials = await this.#credentials(run, target, attempt.signal);
      if (credentials?.url !== undefined) {
        target = parseTarget(credentials.url, 'credentials.url', this.#host.schemes);
        this.#setStatus({ type: 'connecting', attempt: run.attempts, url: target.url.href });
      }
      version = this.#version(run, target);
      const authentication =
        options.authenticate && version === 5
          ? new EnhancedAuthentication(options.authenticate, runner)
          : undefined;
      const data = await untilAborted(authentication?.start(), attempt.signal);
      const connect = this.#connectPacket(run, target, version, credentials, authentication, data);
      const connection = await this.#connection(target, version, credentials, attempt.signal);
      this.#authentication = authentication;
      const linkEnd = deferred<LinkEnd>();
      this.#linkEnd = linkEnd;
      runner.attach(connection, connect);
      const end = await linkEnd.promise;
      const connectedFor = end.wasConnected ? performance.now() - this.#connectedAt : undefined;
      return { error: end.error, end, version, url: target.url, connectedFor };
    } catch (error) {
      return { error: toMqttError(error), end: undefined, version, url: target.url, connectedFor: undefined };
    } finally {
      clearTimeout(this.#connectTimer);
      run.abort.signal.removeEventListener('abort', onClose);
    }
  }

  #nextStep(run: Run, { error, end, version, url, connectedFor }: Outcome): Step {
    const { options } = this.#host;
    const wasConnected = connectedFor !== undefined;
    if (wasConnected && connectedFor >= (options.reconnect?.stableAfter ?? 0)) {
      run.failures = 0;
      run.attempts = 0;
    }
    run.fallback = undefined;
    if (error instanceof UsageError) return { type: 'stop' };
    if (end?.cleanStart && !run.cleanStart) {
      run.cleanStart = true;
      run.sessionLost = true;
      return { type: 'now' };
    }
    if (this.#mayFallBack(run, version, url, end)) {
      run.fallback = 4;
      return { type: 'now' };
    }
    const reaction =
      end?.by === 'server' && end.reasonCode !== undefined
        ? reactionTo(end.reasonCode, wasConnected)
        : 'retry';
    if (reaction === 'redirect' && end) {
      const redirected = this.#redirect(run, url, end);
      return { type: redirected ? 'now' : 'stop' };
    }
    if (reaction === 'credentials') {
      if (!options.credentials || run.freshCredentials) return { type: 'stop' };
      run.freshCredentials = true;
      return { type: 'now' };
    }
    if (reaction === 'stop' || EnhancedAuthentication.isFailure(error)) return { type: 'stop' };
    // Before MQTT 5.0 our limit cannot be announced: the server would send the same packet again.
    if (error.code === 'packet-too-large' && version !== 5) return { type: 'stop' };

    run.failures += 1;
    run.index = (run.index + 1) % run.targets.length;
    if (!run.hasConnected) {
      run.failedTargets += 1;
      if (!options.reconnect?.initial)
        return { type: run.failedTargets < run.targets.length ? 'now' : 'stop' };
    }
    const { reconnect } = options;
    if (!reconnect || run.failures >= reconnect.maxAttempts || !this.#mayRetry(error, run.failures))
      return { type: 'stop' };
    return { type: 'wait', delay: this.#delay(run, version, end, connectedFor) };
  }

  #mayRetry(error: MqttError, failures: number): boolean {
    const { retry } = this.#host.options.reconnect ?? {};
    return retry === undefined || retry(error, failures);
  }

  #delay(
    run: Run,
    version: ProtocolVersion,
    end: LinkEnd | undefined,
    connectedFor: number | undefined,
  ): number {
    const { reconnect } = this.#host.options;
    if (!reconnect) return 0;
    const isShort =
      version !== 5 && end?.by === 'network' && connectedFor !== undefined && connectedFor < shortConnection;
    run.shortConnections = isShort ? run.shortConnections + 1 : 0;
    if (run.shortConnections >= shortConnectionsToReport) {
      if (run.shortConnections === shortConnectionsToReport) {
        this.#host.report(
          new ConnectionError(
            'lost',
            `The server closed ${shortConnectionsToReport} connections in a row right after accepting them: is the client identifier in use by another client?`,
          ),
        );
      }
      return reconnect.maxDelay;
    }
    return backoffDelay(reconnect, run.failures, Math.random());
  }

  #mayFallBack(run: Run, version: ProtocolVersion, url: URL, end: LinkEnd | undefined): boolean {
    const { protocolVersion, needsMqtt5 } = this.#host.options;
    if (protocolVersion !== 'auto' || needsMqtt5 || version !== 5 || !end || end.wasConnected) return false;
    if (run.versions.get(url.href) === 5) return false;
    return end.reasonCode === 0x84 || (end.by === 'network' && !end.answered);
  }

  /** Where the server sends us, if we go there. */
  #redirect(run: Run, from: URL, end: LinkEnd): boolean {
    if (this.#host.options.redirect === 'refuse' || !end.serverReference) return false;
    run.redirects += 1;
    if (run.redirects > maximumRedirects) return false;
    const url = redirectedUrl(from, end.serverReference);
    if (!url) return false;
    const current = run.targets[run.index];
    const target = { url, username: current?.username, password: current?.password };
    // 0x9C: for now; 0x9D: from now on [v5 4.11]
    if (end.reasonCode === 0x9d)
      run.targets = run.targets.map((one, index) => (index === run.index ? target : one));
    else run.redirectTo = target;
    return true;
  }

  #wait(run: Run, delay: number, error: MqttError): Promise<void> {
    const attempt = run.attempts + 1;
    this.#setStatus({ type: 'reconnecting', attempt, delay, nextAttemptAt: Date.now() + delay, error });
    this.#host.reconnecting(attempt, delay, error);
    if (this.#run !== run) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), delay);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #giveUp(run: Run, error: MqttError): void {
    if (this.#run !== run) return;
    this.stop(error);
    this.#host.gaveUp(error);
  }

  // --- the parts of an attempt

  async #credentials(run: Run, target: Target, signal: AbortSignal): Promise<Credentials | undefined> {
    const { credentials } = this.#host.options;
    if (!credentials) return undefined;
    const given = await untilAborted(
      credentials({ attempt: run.attempts, url: new URL(target.url), lastError: run.lastError, signal }),
      signal,
    );
    checkObject(given, 'credentials');
    return given;
  }

  #version(run: Run, target: Target): ProtocolVersion {
    const { protocolVersion } = this.#host.options;
    if (protocolVersion !== 'auto') return protocolVersion;
    const { record } = this.#host.runner.session;
    return run.fallback ?? run.versions.get(target.url.href) ?? record?.protocolVersion ?? 5;
  }

  #connectPacket(
    run: Run,
    target: Target,
    protocolVersion: ProtocolVersion,
    credentials: Credentials | undefined,
    authentication: EnhancedAuthentication | undefined,
    data: Uint8Array | undefined,
  ): ConnectPacket {
    const { options, runner } = this.#host;
    const { record, needsCleanStart } = runner.session;
    const password = credentials?.password ?? options.password ?? target.password;
    const isV5 = protocolVersion === 5;
    // MQTT 5.0 starts anew once and then resumes; before it a clean session is clean on every connect.
    const clean = isV5 ? options.clean && !record : options.clean;
    const properties = authentication
      ? { ...options.properties, authenticationMethod: authentication.method, authenticationData: data }
      : options.properties;
    return {
      type: 'connect',
      protocolVersion,
      clientId: credentials?.clientId ?? options.clientId,
      // A session is resumed only with the version that made it.
      clean:
        clean ||
        run.cleanStart ||
        needsCleanStart ||
        (record !== undefined && record.protocolVersion !== protocolVersion),
      keepAlive: options.keepAlive,
      username: credentials?.username ?? options.username ?? target.username,
      password: password === undefined ? undefined : payloadBytes(password, 'credentials.password'),
      will: options.will,
      properties: isV5 ? properties : undefined,
    };
  }

  async #connection(
    target: Target,
    version: ProtocolVersion,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Connection> {
    const { options } = this.#host;
    const transport = options.transport ?? this.#host.transportFor(target.url);
    const protocols = options.webSocketProtocols ?? [version === 3 ? 'mqttv3.1' : 'mqtt'];
    const headers = checkHeaders(credentials?.headers, 'credentials.headers') ?? options.webSocketHeaders;
    const opening = transport.connect(new URL(target.url), { signal, protocols, headers });
    try {
      return await untilAborted(opening, signal);
    } catch (error) {
      // A transport that did not heed the signal may still open: no socket stays behind.
      if (signal.aborted) opening.then((late) => late.destroy()).catch(() => {});
      throw error;
    }
  }

  #setStatus(status: Status): void {
    this.#status = Object.freeze(status);
    this.#host.statusChanged(status);
  }
}

/** Takes a server URL apart: credentials move out of it. */
export function parseTarget(url: string | URL, argument: string, schemes: readonly Scheme[]): Target {
  const parsed = parseServerUrl(url, argument, schemes);
  return { url: parsed.url, username: parsed.username, password: parsed.password };
}

function toMqttError(error: unknown): MqttError {
  if (error instanceof MqttError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new ConnectionError('unreachable', `The attempt to connect failed: ${words}`, { cause: error });
}

/** Settles as the promise does, or rejects when the signal is aborted before. */
function untilAborted<Value>(value: Value | PromiseLike<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise<Value>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    Promise.resolve(value)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
