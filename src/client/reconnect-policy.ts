/**
 * Decides between attempts: where to, with which version, when, or not at all. It does no I/O and lasts from `open`
 * to `close`.
 *
 * A connection is stable once it lasted for `stableAfter`. Whatever counts towards an end of patience counts since the
 * last stable connection: a server that accepts and then disconnects could else keep us in a tight loop.
 */

import { ConnectionError, type MqttError, PeerError, UsageError } from '../errors';
import type { ProtocolVersion } from '../message';
import type { LinkEnd } from '../session/link-end';
import { backoffDelay } from './backoff';
import type { Emitter } from './emitter';
import { EnhancedAuthentication } from './enhanced-authentication';
import type { ReconnectOptions } from './options';
import { reactionTo } from './reason-table';
import { redirectedUrl } from './redirect';
import type { ResolvedOptions } from './resolve-options';

/** Redirects in a row that are followed [v5 4.11]. */
const maximumRedirects = 3;

/** A connection of MQTT 3.1.1 that ends sooner than this after CONNACK, in milliseconds, may have been taken over. */
const shortConnection = 5_000;

/** Short connections in a row until the client backs off as far as it can and says so. */
const shortConnectionsToReport = 3;

/** Servers whose version is remembered; a redirect can name ever new ones. */
const maximumVersions = 100;

/** A server as the application named it. */
export interface Target {
  readonly url: URL;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** How one attempt, and the connection that it made, ended. */
export interface Outcome {
  readonly error: MqttError;
  /** Undefined when CONNECT was not sent. */
  readonly end: LinkEnd | undefined;
  readonly version: ProtocolVersion;
  readonly target: Target;
  /** For how long it was connected, in milliseconds; undefined if it never was. */
  readonly connectedFor: number | undefined;
}

/** What follows an outcome: an attempt at once, one after so many milliseconds, or none. */
export type Step = 'now' | number | 'stop';

/** Decides. */
export class ReconnectPolicy {
  /** Attempts since the last stable connection. */
  attempts = 0;
  /** Why the last attempt or connection ended. */
  lastError: MqttError | undefined;
  /** Whether any attempt was accepted. */
  hasConnected = false;
  /** Whether the next attempt has to ask for a clean start: the server has a session that we do not know. */
  cleanStart = false;
  readonly #options: ResolvedOptions;
  /** Hears of what needs attention and has no promise to reject. */
  readonly #emitter: Emitter;
  /** Servers to try, in turn. */
  readonly #targets: Target[];
  /** The server to try next. */
  #index = 0;
  /** The server to try next for once, in place of that. */
  #once: Target | undefined;
  /** The server of the current attempt, before `credentials` had a word. */
  #current: Target | undefined;
  /** The version of the next attempt, when the last one was refused for its version. */
  #fallback: ProtocolVersion | undefined;
  /** Versions that servers accepted. */
  readonly #versions = new Map<string, ProtocolVersion>();
  /** The server of the current attempt, as a key of that. */
  #server = '';
  /** The version of the session that the current attempt could resume. */
  #stored: ProtocolVersion | undefined;
  /** Ends without a stable connection between them. */
  #failures = 0;
  #redirects = 0;
  /** Refusals in a row that would be the same again. */
  #refusals = 0;
  /** Whether the last attempt had no answer: its CONNECT may arrive late, and take the session over from the next one. */
  #mayArriveLate = false;
  /** Whether other credentials were tried already. */
  #freshCredentials = false;
  #shortConnections = 0;

  constructor(options: ResolvedOptions, targets: readonly Target[], emitter: Emitter) {
    this.#options = options;
    this.#targets = [...targets];
    this.#emitter = emitter;
  }

  /** Begins an attempt. @returns the server to try */
  begin(): Target {
    this.attempts += 1;
    const target = this.#once ?? this.#targets[this.#index];
    this.#once = undefined;
    this.#current = target;
    // The client has made sure that there is one.
    return target as Target;
  }

  /** The attempt is begun anew, as if it had never been. @returns what is next */
  again(): Step {
    this.#once = this.#current;
    return 'now';
  }

  /** The version to try; `stored` is that of the session that could be resumed. */
  versionFor(url: URL, stored: ProtocolVersion | undefined): ProtocolVersion {
    const { protocolVersion } = this.#options;
    this.#stored = stored;
    // Without the query, which changes when a URL is signed anew.
    this.#server = `${url.protocol}${url.host}${url.pathname}`;
    if (protocolVersion !== 'auto') return protocolVersion;
    return this.#fallback ?? this.#versions.get(this.#server) ?? stored ?? 5;
  }

  /** The server accepted. */
  accepted(version: ProtocolVersion): void {
    this.hasConnected = true;
    this.cleanStart = false;
    this.#speaks(version);
  }

  #speaks(version: ProtocolVersion): void {
    if (this.#versions.size >= maximumVersions) this.#versions.clear();
    this.#versions.set(this.#server, version);
  }

  /**
   * Takes an outcome.
   * @param offline whether the machine says that it has no network
   * @returns what is next
   */
  next({ error, end, version, target, connectedFor }: Outcome, offline: boolean): Step {
    const { credentials, reconnect } = this.#options;
    const wasConnected = connectedFor !== undefined;
    const wasStable = wasConnected && connectedFor >= (reconnect ? reconnect.stableAfter : 0);
    if (wasStable) {
      this.attempts = 0;
      this.#failures = 0;
      this.#redirects = 0;
      this.#freshCredentials = false;
    }
    this.lastError = error;
    const fallback = this.#fallback;
    this.#fallback = undefined;
    const hasLostToItself = this.#mayArriveLate && !wasStable && end?.reasonCode === 0x8e;
    this.#mayArriveLate = end?.answered === false;
    if (wasConnected && !reconnect) return 'stop';
    // What follows at once concerns the same server.
    this.#once = this.#current;
    if (end?.cleanStart !== undefined) {
      this.cleanStart = end.cleanStart;
      return 'now';
    }
    const reasonCode = end?.by === 'server' ? end.reasonCode : undefined;
    // A refusal in MQTT 5.0 shows that the server speaks it.
    if (version === 5 && reasonCode !== undefined && reasonCode !== 0x84) this.#speaks(5);
    this.#fallback = this.#otherVersion(version, end, fallback);
    if (this.#fallback !== undefined) return 'now';
    const reaction =
      reasonCode === undefined || hasLostToItself ? 'retry' : reactionTo(reasonCode, wasConnected);
    if (reaction === 'redirect' && this.#redirect(target, end)) return 'now';
    if (reaction === 'credentials' && credentials && !this.#freshCredentials) {
      this.#freshCredentials = true;
      return 'now';
    }
    this.#once = undefined;
    if (wasConnected) this.#freshCredentials = false;
    const cannotHelp =
      reaction === 'stop' ||
      reaction === 'credentials' ||
      // Moved for good, and nobody knows where to.
      (reasonCode === 0x9d && this.#targets.length === 1) ||
      error instanceof UsageError ||
      EnhancedAuthentication.isFailure(error) ||
      // Before MQTT 5.0 our limit cannot be announced: the server would send the same packet again.
      (error.code === 'packet-too-large' && version < 5);
    // Another server may accept what this one refuses.
    const isRefusal = cannotHelp && reasonCode !== undefined && !wasConnected;
    this.#refusals = isRefusal ? this.#refusals + 1 : 0;
    if (cannotHelp && (!isRefusal || this.#refusals >= this.#targets.length)) return 'stop';

    // No more of this chain of redirects: what follows is bounded otherwise.
    this.#redirects = 0;
    const isFirst = !this.hasConnected && !(reconnect !== false && reconnect.initial);
    // Without a network an attempt shows nothing: it does not count, and the network's return ends the wait.
    if (isFirst || !offline) this.#failures += 1;
    // After a stable connection the same server comes first: it has the session.
    if (!wasStable) this.#index = (this.#index + 1) % this.#targets.length;
    if (isFirst) return this.#failures < this.#targets.length ? 'now' : 'stop';
    if (!reconnect || this.#failures > reconnect.maxAttempts) return 'stop';
    if (!this.#mayRetry(reconnect.retry, error)) return 'stop';
    if (offline || this.#isTakenOver(version, end, connectedFor)) return reconnect.maxDelay;
    return backoffDelay(reconnect, this.#failures, Math.random());
  }

  /** Whether the application wants it so. */
  #mayRetry(retry: ReconnectOptions['retry'], error: MqttError): boolean {
    try {
      return retry?.(error, this.#failures) !== false;
    } catch (cause) {
      this.#emitter.failure(cause);
      return true;
    }
  }

  /** The version to try at once after this one; `fallback` says that this one was such a try. */
  #otherVersion(
    version: ProtocolVersion,
    end: LinkEnd | undefined,
    fallback: ProtocolVersion | undefined,
  ): ProtocolVersion | undefined {
    if (this.#options.protocolVersion !== 'auto' || !end || end.wasConnected) return undefined;
    const isRefused = end.reasonCode === 0x84;
    if (version === 5) {
      if (this.#versions.get(this.#server) === 5) return undefined;
      // A text frame is an answer, too. Who made a session of MQTT 5.0 speaks it, and another version would end that.
      const isSilent =
        end.by === 'network' && !end.answered && !(end.error instanceof PeerError) && this.#stored !== 5;
      return isRefused || isSilent ? 4 : undefined;
    }
    // It spoke this version once, and may speak 5.0 by now.
    if (!isRefused || fallback !== undefined) return undefined;
    this.#versions.delete(this.#server);
    return 5;
  }

  /** Goes where the server sends us. @returns false when we do not go there */
  #redirect(from: Target, end: LinkEnd | undefined): boolean {
    if (this.#options.redirect === 'refuse' || !end?.serverReference) return false;
    const url = redirectedUrl(from.url, end.serverReference);
    if (!url || this.#redirects >= maximumRedirects) return false;
    this.#redirects += 1;
    this.#once = { ...from, url };
    // 0x9C: for now; 0x9D: from now on [v5 4.11]
    if (end.reasonCode === 0x9d) this.#targets[this.#index] = this.#once;
    return true;
  }

  /** Before MQTT 5.0 a server just closes the connection that another client takes over. */
  #isTakenOver(version: ProtocolVersion, end: LinkEnd | undefined, connectedFor = Infinity): boolean {
    const isShort = version < 5 && end?.by === 'network' && connectedFor < shortConnection;
    this.#shortConnections = isShort ? this.#shortConnections + 1 : 0;
    if (this.#shortConnections === shortConnectionsToReport) {
      this.#emitter.emit(
        'error',
        new ConnectionError(
          'lost',
          `The server closed ${shortConnectionsToReport} connections in a row right after accepting them: is the client identifier in use by another client?`,
        ),
      );
    }
    return this.#shortConnections >= shortConnectionsToReport;
  }
}
