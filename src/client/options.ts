/** The options of a client, as an application gives them. */

import type { WillProperties } from '../codec/packet';
import type { MqttError } from '../errors';
import type { PublishProperties, QoS, UserProperties } from '../message';
import type { Completion, SessionStore } from '../store/store';
import type { TlsOptions } from '../transport/tls-options';
import type { Transport } from '../transport/transport';
import type { WebSocketConstructor } from '../transport/websocket';
import type { Clock } from './clock';

/**
 * One server, or several that are tried in turn. Those should share their sessions, as the nodes of a cluster do: one
 * that has an older session of its own resumes that, with the subscriptions and messages of then.
 */
export type ServerUrls = string | URL | readonly (string | URL)[];

/** What can be published: text is sent as UTF-8. */
export type Payload = string | ArrayBuffer | ArrayBufferView;

/** Message that the server publishes when this client is gone without a DISCONNECT [v5 3.1.2.5]. */
export interface Will {
  /** Topic name. */
  topic: string;
  /** @default empty */
  payload?: Payload | undefined;
  /** @default 0 */
  qos?: QoS | undefined;
  /** @default false */
  retain?: boolean | undefined;
  /** MQTT 5.0 only; `willDelayInterval` and `messageExpiryInterval` are seconds. */
  properties?: WillProperties | undefined;
}

/** Properties of CONNECT that have no option of their own [v5 3.1.2.11]. */
export interface ConnectProperties {
  /** QoS 1 and 2 messages that the server may have on their way to us, 1 to 65,535. @default 256 */
  receiveMaximum?: number | undefined;
  /** Largest packet that we take, in bytes; announced in MQTT 5.0, enforced in all. @default 16_777_216 */
  maximumPacketSize?: number | undefined;
  /** Topic aliases that the server may use, 0 to 65,535. @default 64 */
  topicAliasMaximum?: number | undefined;
  /** Asks for `server.responseInformation`. @default false */
  requestResponseInformation?: boolean | undefined;
  /** Lets the server send reason strings with failures. @default true */
  requestProblemInformation?: boolean | undefined;
  userProperties?: UserProperties | undefined;
}

/** How to come back after a lost connection. Delays have full jitter: between 0 and a bound that doubles. */
export interface ReconnectOptions {
  /** Bound of the first delay, in milliseconds. @default 1_000 */
  minDelay?: number | undefined;
  /** Highest bound of a delay, in milliseconds. @default 30_000, or `minDelay` when that is more */
  maxDelay?: number | undefined;
  /** A connection that lasted this long, in milliseconds, starts the delays over. @default 30_000 */
  stableAfter?: number | undefined;
  /** Attempts in a row to come back until the client closes. @default Infinity */
  maxAttempts?: number | undefined;
  /** True keeps trying also when the first `connect()` fails. @default false */
  initial?: boolean | undefined;
  /**
   * Asked before each try to come back: false closes the client. `attempt` counts from 1. It is not asked where the
   * client stops anyway, as for refused credentials, a takeover or the end of `maxAttempts`. An exception goes to the
   * event `'error'`, and the client tries again; so it does for a promise, which is not waited for.
   */
  retry?: ((error: MqttError, attempt: number) => boolean) | undefined;
}

/** What may wait while there is no connection, or while the server is slow. */
export interface QueueOptions {
  /** @default 10_000 */
  maxMessages?: number | undefined;
  /** Bytes of payloads and topics, and 64 more for each message. @default 16_777_216 */
  maxBytes?: number | undefined;
  /** QoS 0 messages while a lost connection is restored: `'drop'` rejects them. @default 'drop' */
  qos0?: 'drop' | 'queue' | undefined;
  /** What gives way in a full queue: the new message is rejected, or the oldest is. @default 'reject' */
  overflow?: 'reject' | 'drop-oldest' | undefined;
  /**
   * Messages that wait for a handler or an iterator. QoS 0, per Subscription: beyond it the oldest is dropped. QoS 1 and
   * 2 with `ack: 'received'`, per client: beyond it they are acknowledged only as earlier ones are done with, so that
   * the server waits. With any other `ack` Receive Maximum bounds them. Those of sessions that the server lost, per
   * Subscription: beyond the higher of the two the oldest is dropped.
   * @default 1_000
   */
  maxUnread?: number | undefined;
}

/** The attempt that `credentials` is asked for. */
export interface ConnectAttempt {
  /** Counts from 1 since the last stable connection. */
  readonly attempt: number;
  /** The server that is tried. */
  readonly url: URL;
  /** Why the last attempt or connection ended. */
  readonly lastError?: MqttError | undefined;
  /** Aborted when the attempt is. */
  readonly signal: AbortSignal;
}

/** What `credentials` gives; each member replaces the option of its name, for this attempt only. */
export interface Credentials {
  /** Where this attempt goes; user name and password in it count as those of the options' URL do. */
  url?: string | URL | undefined;
  clientId?: string | undefined;
  username?: string | undefined;
  password?: string | Uint8Array | undefined;
  /** Headers of the WebSocket handshake; Node only. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** Authentication data, or a promise of it; undefined sends none. */
export type AuthenticationData = Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * A method of enhanced authentication [v5 4.12]. `start` is called for each connection and each re-authentication and
 * forgets any earlier exchange. What any of these throws or rejects with ends the connection.
 */
export interface EnhancedAuth {
  /** Name of the method, e.g. `'SCRAM-SHA-256'`. */
  readonly method: string;
  /** Begins an exchange: the data of CONNECT, or of the AUTH that starts a re-authentication. */
  start(): AuthenticationData;
  /** Answers data of the server. */
  challenge(data?: Uint8Array): AuthenticationData;
  /** Takes the data that came with the server's acceptance; throws or rejects to refuse the server. */
  success?(data?: Uint8Array): Completion;
}

/** WebSocket options. */
export interface WebSocketOptions {
  /** A constructor to use instead of the environment's. */
  readonly constructor?: WebSocketConstructor | typeof Object.prototype.constructor | undefined;
  /**
   * Subprotocols to offer, one of which the server must select; an empty list offers none.
   * @default `['mqtt']`, for MQTT 3.1 `['mqttv3.1']`
   */
  readonly protocols?: readonly string[] | undefined;
  /** Headers of the handshake; Node only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Options of {@link connect} and {@link createClient}. They are read once and never written to. */
export interface ClientOptions {
  /**
   * 5 is MQTT 5.0, 4 is 3.1.1, 3 is 3.1; `'auto'` tries 5.0 and falls back to 3.1.1 when the server does not know it.
   * @default 'auto'
   */
  protocolVersion?: 'auto' | 5 | 4 | 3 | undefined;
  /** Required with `clean: false`. @default `'mqtide'` and 17 random letters and digits, new per client */
  clientId?: string | undefined;
  /** True starts a new session at the server, false resumes one and keeps it at `close()`. @default true */
  clean?: boolean | undefined;
  /**
   * Seconds for which the server keeps the session after a lost connection, MQTT 5.0: 0 to 4,294,967,295, which is for
   * ever; 0 not with `clean: false`.
   * @default 300 with `clean: true`, so that a dropped link resumes; 604_800 with `clean: false`
   */
  sessionExpiryInterval?: number | undefined;
  /**
   * Seconds, 0 to 65,535; 0 turns it off. Let it be longer than the largest message takes on a slow network: the server's
   * answer waits behind it, and a browser shows nothing of it before it is whole. Else it comes after some connections
   * that are taken for dead, each given more time than the one before, and at QoS 0 not at all.
   * @default 60
   */
  keepAlive?: number | undefined;
  /** Stronger than the user name in the URL. @default none */
  username?: string | undefined;
  /** Text is sent as UTF-8. Stronger than the password in the URL. @default none */
  password?: string | Uint8Array | undefined;
  /**
   * Asked before every attempt, for what changes: tokens, signatures, servers. It has half of `connectTimeout`; its
   * `signal` is aborted when the time is over. Where it throws or rejects, the attempt has failed, as `'unreachable'`. When the
   * server refuses what it gave, it is asked once more at once, with `lastError`; refused again, the client stops.
   */
  credentials?: ((attempt: ConnectAttempt) => Credentials | Promise<Credentials>) | undefined;
  /** What the server publishes when this client is gone without a DISCONNECT. @default nothing */
  will?: Will | undefined;
  /**
   * Milliseconds for one attempt: credentials, name lookup, TLS, WebSocket open and CONNACK together; Infinity for no limit.
   * @default 30_000
   */
  connectTimeout?: number | undefined;
  /** False closes the client when the connection is lost. */
  reconnect?: false | ReconnectOptions | undefined;
  /** What may wait, and what gives way. */
  queue?: QueueOptions | undefined;
  /** QoS 1 and 2 messages in flight, 1 to 65,535; the server's Receive Maximum counts when it is lower. @default 1_000 */
  maxInflight?: number | undefined;
  /**
   * What happens to a QoS 2 message that the server may have delivered in a session which it lost: sent again as new
   * (`resent: true`) or rejected. @default 'resend'
   */
  sessionLost?: 'resend' | 'reject' | undefined;
  /** Whether to go where the server sends us [v5 4.11]. @default 'follow' */
  redirect?: 'follow' | 'refuse' | undefined;
  /** More of what CONNECT says. */
  properties?: ConnectProperties | undefined;
  /** Shortens repeated topics when the server takes aliases, MQTT 5.0. @default 'auto' */
  topicAliases?: 'auto' | 'off' | undefined;
  /** Enhanced authentication, MQTT 5.0. */
  authenticate?: EnhancedAuth | undefined;
  /** Where the session is kept. @default memoryStore() */
  store?: SessionStore | undefined;
  /**
   * When a message is acknowledged: after its takers have settled, on receipt (while fewer than `queue.maxUnread` wait
   * for their takers), or by `message.ack()`.
   * @default 'handled'
   */
  ack?: 'handled' | 'received' | 'manual' | undefined;
  /** Milliseconds after which a handler that does not settle counts as failed; Infinity for never. @default 60_000 */
  handlerTimeout?: number | undefined;
  /** Milliseconds for which a QoS 1 or 2 message that nobody takes is held; Infinity for ever. @default 10_000 */
  unclaimedTimeout?: number | undefined;
  /**
   * Times keep alive and reconnecting. A hidden tab's own timers fire once a minute at worst, which holds a keep alive
   * of 60 seconds; for a shorter one there is `workerClock` of `mqtide/clock`.
   * @default the environment's timers
   */
  clock?: Clock | undefined;
  /** Used for every scheme; the URL's is one of `ws:` `wss:` `mqtt:` `mqtts:` `tcp:` `tls:` all the same. */
  transport?: Transport | undefined;
  /** For `ws:` and `wss:`. */
  webSocket?: WebSocketOptions | undefined;
  /** Authorities, certificates and keys for `mqtts:`, `tls:` and `wss:`; Node only. */
  tls?: TlsOptions | undefined;
}

/** Ends the wait for a promise; see each method for what that means for its effect. */
export interface WaitOptions {
  /** Rejects with `signal.reason` when aborted; a publish that is on its way already with `'still-stored'`. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds after which it rejects with ConnectionError `'timeout'`; a publish that is on its way already with
   * `'still-stored'`. @default none
   */
  timeout?: number | undefined;
}

/** Options of `publish`. */
export interface PublishOptions extends WaitOptions {
  /** @default 0 */
  qos?: QoS | undefined;
  /** @default false */
  retain?: boolean | undefined;
  /** MQTT 5.0 only; `messageExpiryInterval` is seconds and counts in the queue too. */
  properties?: PublishProperties | undefined;
  /**
   * `'stored'` resolves once the message is in the store, and the event `'settled'` tells when it fails later;
   * `'acknowledged'` when the server has it. @default 'acknowledged'
   */
  until?: 'stored' | 'acknowledged' | undefined;
  /** Names the message, QoS 1 and 2: the same key again joins it instead of sending a second one. */
  key?: string | undefined;
}

/** Options of `subscribe`. */
export interface SubscribeOptions extends WaitOptions {
  /** Highest QoS with which messages are wanted. @default 0 */
  qos?: QoS | undefined;
  /** Not what this client itself publishes, MQTT 5.0. @default false */
  noLocal?: boolean | undefined;
  /** RETAIN as the publisher set it, MQTT 5.0. @default false */
  retainAsPublished?: boolean | undefined;
  /** Retained messages: 0 send them, 1 only when the subscription is new, 2 do not; MQTT 5.0. @default 0 */
  retainHandling?: 0 | 1 | 2 | undefined;
  /** MQTT 5.0 only; a Subscription Identifier is mqtide's own. */
  properties?: { userProperties?: UserProperties | undefined } | undefined;
}

/** Options of `close`. */
export interface CloseOptions {
  /** Skips the wait for acknowledgements and handlers. @default false */
  force?: boolean | undefined;
  /** Milliseconds for that wait; a handler or a loop that itself awaits `close()` is waited for to the end of it. @default 5_000 */
  timeout?: number | undefined;
  /**
   * Reason code of DISCONNECT: 0, or 4 to have the will published. Before MQTT 5.0, which brought reason codes, any but
   * 0 closes without a DISCONNECT, to the same effect. @default 0
   */
  reasonCode?: number | undefined;
  /** Properties of DISCONNECT, MQTT 5.0. */
  properties?:
    | {
        sessionExpiryInterval?: number | undefined;
        reasonString?: string | undefined;
        userProperties?: UserProperties | undefined;
      }
    | undefined;
}
