/// <reference lib="esnext.disposable" preserve="true" />

import type { AckProperties, Packet } from '../codec/packet';
import type { MqttError, RefusedError } from '../errors';
import type { Message, QoS } from '../message';
import type { ServerLimits } from '../session/server-limits';
import type { ParamsOf } from '../topic/params';
import type { CloseOptions, Payload, PublishOptions, SubscribeOptions, WaitOptions } from './options';

/** Where a client stands; a new object only when it changes. */
export type Status =
  /** Nothing was opened yet. */
  | { readonly type: 'idle' }
  /** An attempt is under way; `attempt` counts from 1 since the last stable connection. */
  | { readonly type: 'connecting'; readonly attempt: number; readonly url: string }
  /** The server accepted; `since` is milliseconds since 1970. */
  | {
      readonly type: 'connected';
      readonly url: string;
      readonly since: number;
      readonly sessionPresent: boolean;
    }
  /** The connection is lost; the next attempt comes after `delay` milliseconds, at `nextAttemptAt` (since 1970). */
  | {
      readonly type: 'reconnecting';
      readonly attempt: number;
      readonly delay: number;
      readonly nextAttemptAt: number;
      readonly error: MqttError;
    }
  /** Closed: by `close()`, or by the error. `connect()` opens it again. */
  | { readonly type: 'closed'; readonly error?: MqttError };

/** What a connection brought. */
export interface ConnectResult {
  /** The server resumed the session [v5 3.2.2.1.1]. */
  readonly sessionPresent: boolean;
  /** There was a session, and it is gone: the server has lost it, or it had to be made anew. */
  readonly sessionLost: boolean;
  readonly server: ServerLimits;
  readonly protocolVersion: 3 | 4 | 5;
}

/** How a publish ended. */
export interface PublishResult {
  /** Reason code of PUBACK or PUBCOMP; 0x10: nobody is subscribed [v5 3.4.2.1]. 0 for QoS 0 and before MQTT 5.0. */
  readonly reasonCode: number;
  readonly properties?: AckProperties | undefined;
  /** True when a QoS 2 message was sent anew although a session which the server lost may have delivered it. */
  readonly resent?: boolean | undefined;
}

/** Counters since the client was created, and what waits now. */
export interface ClientStats {
  /** Messages that the server got, each once: QoS 0 counts when it is written, QoS 1 and 2 when it is acknowledged. */
  readonly messagesSent: number;
  /** Messages from the server. */
  readonly messagesReceived: number;
  /** On the wire, all packets together. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Publishes that failed; not those whose message stays and will be sent (`'still-stored'`). */
  readonly publishesFailed: number;
  /** Unread messages that were dropped (`queue.maxUnread`): of QoS 0, and of QoS 1 and 2 that lost sessions left. */
  readonly unreadDropped: number;
  /** Connections that the server accepted. */
  readonly connections: number;
  /** Messages that wait for their first send, and their bytes. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** QoS 1 and 2 messages between first send and acknowledgement. */
  readonly inFlight: number;
  /** QoS 1 and 2 messages that were received and not acknowledged yet. */
  readonly unacknowledged: number;
}

/** Events of a client and what their listeners get. */
export interface ClientEvents {
  status: Status;
  connect: ConnectResult;
  /** A connection ended. */
  disconnect: {
    readonly error?: MqttError | undefined;
    readonly reasonCode?: number | undefined;
    readonly willReconnect: boolean;
  };
  reconnecting: { readonly attempt: number; readonly delay: number; readonly error: MqttError };
  /** Every message, whatever it was subscribed with. A promise that the listener returns is waited for. */
  message: Message;
  /** A QoS 1 or 2 message that nobody took; it was acknowledged. */
  unclaimed: Message;
  /**
   * A message of an earlier page came to its end, or one of this page failed whose callers had given up, or were content
   * with `until: 'stored'`. What came before anybody listened is told to the first listener. Of messages that end with
   * the client, because it was closed and its session is not kept, `'close'` tells alone. `resent`: see
   * {@link PublishResult}.
   */
  settled: {
    readonly key: string | undefined;
    readonly error?: Error | undefined;
    readonly resent?: boolean | undefined;
  };
  /**
   * What has no promise to reject: handlers that fail, Subscriptions that end. And each UsageError of a publish, whose
   * promise rejects with the same: nobody may have looked at it. Not what becomes of connections: `'disconnect'`,
   * `'reconnecting'` and `'close'` tell that.
   */
  error: Error;
  /** Every packet, for tools; passwords and authentication data are masked. */
  packet: { readonly direction: 'in' | 'out'; readonly packet: Packet };
  /** The client is closed for good, once: by `close()`, or by the error, when trying again cannot help or is not wanted. */
  close: { readonly error?: MqttError | undefined };
}

/** Listener of one event. */
export type Listener<Name extends keyof ClientEvents> = (event: ClientEvents[Name]) => unknown;

/**
 * Handler of a Subscription; the message is acknowledged when what it returns has settled. The next message of the
 * Subscription comes then, whatever its QoS: a handler that waits for an answer which comes by the same Subscription waits
 * for `handlerTimeout`, and one that returns nothing takes them as they come. Other Subscriptions go on meanwhile.
 */
export type Handler<Pattern extends string> = (message: Message<ParamsOf<Pattern>>) => unknown;

/** The outcome for one filter of a Subscription. */
export interface Grant {
  /** The filter as it was given. */
  readonly filter: string;
  /** As granted; absent when it was refused. */
  readonly qos?: QoS | undefined;
  readonly error?: RefusedError | undefined;
}

/**
 * What `subscribe` gives. Without a handler it collects messages for one iterator, from the moment that exists:
 *
 * ```ts
 * for await (const message of await client.subscribe('news/#')) console.log(message.text());
 * ```
 *
 * A message counts as handled when the next one is asked for. Leaving the loop unsubscribes.
 */
export interface Subscription<Params = Record<string, string>>
  extends AsyncIterable<Message<Params>>,
    AsyncDisposable {
  /** The first filter, as it was given. */
  readonly filter: string;
  /** QoS that the first filter was granted; 0 when it was refused and others were not: see `grants`. */
  readonly qos: QoS;
  /** One entry a filter, in order. */
  readonly grants: readonly Grant[];
  /**
   * Ends the Subscription, at once; the filter is unsubscribed from when no other Subscription needs it.
   * @throws RefusedError when the server refuses; ConnectionError `'closed'` when the client is closed before it answers
   */
  unsubscribe(): Promise<void>;
  /**
   * The messages. Each is acknowledged when the next one is asked for; leaving the loop unsubscribes.
   *
   * @throws UsageError for a second iterator, or if the Subscription has a handler
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<Params>>;
}

/**
 * An MQTT client. Methods that return promises never throw: wrong arguments reject with UsageError.
 */
export interface Client extends AsyncDisposable {
  readonly status: Status;
  /** The client identifier in force. */
  readonly clientId: string;
  /** Version of the connection; undefined while there is none. */
  readonly protocolVersion: 3 | 4 | 5 | undefined;
  /** What the server announced in CONNACK; undefined while not connected. */
  readonly server: ServerLimits | undefined;
  readonly stats: ClientStats;
  /**
   * Connects. While an attempt is under way it joins that; while connected it gives that connection's result. Events
   * tell of a failure, too: to a caller who listens to `'status'` or `'close'` by then, the promise may be left alone.
   *
   * @throws ConnectionError, PeerError when the attempt fails, with several URLs when each has failed once; StoreError
   * when the store cannot be read, or another client has the session; UsageError for what `credentials` gave;
   * `signal.reason` when aborted, and then no socket is left
   */
  connect(options?: { signal?: AbortSignal | undefined }): Promise<ConnectResult>;
  /**
   * Publishes a message.
   *
   * QoS 0 resolves when its bytes are with the transport (or in the batch that leaves at the end of the running task)
   * and the transport is not congested, so `await` is backpressure. QoS 1 and 2 resolve when the server acknowledged
   * the message; without a connection they wait. Do not change an array of 4 KiB or more before the promise settles.
   *
   * @throws UsageError for wrong arguments, and `'needs-mqtt-5'`; RefusedError when the server refuses; ConnectionError
   * `'closed'`, `'queue-full'`, `'dropped'`, `'expired'`, `'session-lost'`, `'timeout'`, `'still-stored'` (it will be sent);
   * StoreError when it could not be stored; `signal.reason`
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult>;
  /**
   * Subscribes to one filter or several. Wildcards may be named: `'sensor/+id/#rest'` gives `message.params`.
   *
   * Once is enough: a Subscription lasts until `unsubscribe` or `close`, through reconnects too. Called again for each
   * `'connect'`, it would make one more each time, and messages would be handled as often. Another one of the same
   * filter has the server send its retained messages again, and the first Subscription gets them, too.
   *
   * @throws UsageError for wrong arguments, and `'needs-mqtt-5'`; RefusedError when the (or every) filter is refused;
   * ConnectionError `'closed'`, `'timeout'`; StoreError when the store cannot be read; `signal.reason`
   */
  subscribe<const Pattern extends string>(
    filter: Pattern | readonly Pattern[],
    handler?: Handler<Pattern>,
  ): Promise<Subscription<ParamsOf<Pattern>>>;
  subscribe<const Pattern extends string>(
    filter: Pattern | readonly Pattern[],
    options: SubscribeOptions | undefined,
    handler?: Handler<Pattern>,
  ): Promise<Subscription<ParamsOf<Pattern>>>;
  /**
   * Ends all Subscriptions of these filters, as they are on the wire. A signal or time-out ends the wait for the server's
   * answer only: the Subscriptions are over, and the server will be told.
   *
   * @throws UsageError for wrong arguments; RefusedError when the server refuses; ConnectionError `'closed'`, `'timeout'`;
   * StoreError when the store cannot be read; `signal.reason`
   */
  unsubscribe(filter: string | readonly string[], options?: WaitOptions): Promise<void>;
  /**
   * Authenticates anew on the open connection [v5 4.12.1]; while that is under way it joins it. What fails ends the
   * connection, which is made again unless that would fail again.
   *
   * @throws UsageError without `authenticate`; ConnectionError when there is no connection, `'timeout'` after
   * `connectTimeout`; what ended the connection
   */
  reauthenticate(): Promise<void>;
  /**
   * Listens to an event.
   * @returns ends the listening
   * @throws UsageError for an unknown event or a listener that is no function
   */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: Listener<Name>,
    options?: { once?: boolean | undefined; signal?: AbortSignal | undefined },
  ): () => void;
  /**
   * Disconnects in an orderly way, see {@link CloseOptions}. Always settles, and rejects for wrong options only, which
   * leave the client open. All Subscriptions end with it: `connect()` works again, and comes back without them. In Node
   * the process may end then: what was written has left, unless the server takes longer than two seconds to read it.
   */
  close(options?: CloseOptions): Promise<void>;
}
