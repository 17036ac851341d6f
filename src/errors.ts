/**
 * The error tree. The class says whose turn it is, `code` says what happened, the message says what to do.
 *
 *   MqttError
 *   ├── UsageError             the caller: a wrong argument, or a call that cannot be made now
 *   ├── ConnectionError        the network, a time-out, a closed client, a queue that is full
 *   ├── StoreError             the session store could not read or write
 *   └── PeerError              the server
 *       ├── MalformedPacketError   bytes that are not MQTT
 *       ├── ProtocolError          well-formed packets that break a rule of MQTT
 *       └── RefusedError           a reason code of the server, or the one it would have sent
 */

import { type RefusalName, refusalName } from './reason-code';

/** What a {@link UsageError} is about. */
export type UsageCode =
  /** An argument or option has the wrong type, range or form. */
  | 'invalid-argument'
  /** A property or option that exists in MQTT 5.0 only, on a 3.1.1 or 3.1 connection. */
  | 'needs-mqtt-5'
  /** What was asked for is not available in this environment or combination. */
  | 'unsupported'
  /** The object is in use in a way that excludes this call, e.g. a second iterator. */
  | 'in-use';

/** What a {@link ConnectionError} is about. */
export type ConnectionCode =
  /** No connection could be made: name not found, refused, TLS, WebSocket handshake. */
  | 'unreachable'
  /** The server did not select the MQTT subprotocol. */
  | 'subprotocol'
  /** An established connection ended without a reason from the server. */
  | 'lost'
  /** Something took longer than it may. */
  | 'timeout'
  /** The server did not answer a PINGREQ. */
  | 'keep-alive'
  /** The client is closed. */
  | 'closed'
  /** The promise ends here, but the message stays stored and will be sent. */
  | 'still-stored'
  /** The offline queue is full (`queue.maxMessages`, `queue.maxBytes`). */
  | 'queue-full'
  /** Given up by policy: QoS 0 while offline, or the oldest of a full queue. */
  | 'dropped'
  /** The message expiry interval passed before the message was sent. */
  | 'expired'
  /** The server lost the session, and with it the answer to this message (`sessionLost: 'reject'`). */
  | 'session-lost';

/** What a {@link StoreError} is about. */
export type StoreCode =
  /** It could not read or write, or took too long; `cause` is what it said. */
  | 'store-failed'
  /** The disk is full, or the quota of the page's origin is used up. */
  | 'store-full'
  /** What it holds is damaged, or not a session; `clear` of the store removes it. */
  | 'store-corrupt'
  /** A newer version of mqtide wrote it, in a layout that this one does not know. */
  | 'store-newer'
  /** Another page holds the database open in an older layout. */
  | 'store-blocked'
  /** The browser allows this page no storage: private mode, blocked cookies, no IndexedDB. */
  | 'store-denied'
  /** The database was deleted under the client; the client writes again all that it knows. */
  | 'store-lost'
  /** Another client or page has opened the same session. */
  | 'store-in-use'
  /** Another page has taken the session over by force. */
  | 'store-taken';

/** What a {@link ProtocolError} is about. */
export type ProtocolCode =
  | 'protocol-error'
  | 'packet-too-large'
  | 'receive-maximum-exceeded'
  | 'topic-alias-invalid'
  | 'unsupported-protocol-version'
  /** The server's part of an enhanced authentication is wrong, too weak or missing: it did not prove who it is. */
  | 'authentication-failed';

/** Members common to all errors, beside the message. */
export interface ErrorDetails {
  /** MQTT reason code, where there is one. */
  readonly reasonCode?: number | undefined;
  /** The error below this one. */
  readonly cause?: unknown;
}

/**
 * Base of every error that mqtide makes.
 */
export class MqttError extends Error {
  override readonly name: string = 'MqttError';
  /** Stable literal that says what happened; branch on this, not on the message. */
  readonly code: string;
  /** The MQTT reason code, where there is one [v5 2.4]. */
  readonly reasonCode: number | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reasonCode = details.reasonCode;
  }
}

/** The call was wrong: the message names the argument and the rule. Nothing was sent or stored. */
export class UsageError extends MqttError {
  override readonly name = 'UsageError';
  declare readonly code: UsageCode;

  constructor(message: string, code: UsageCode = 'invalid-argument', details?: ErrorDetails) {
    super(code, message, details);
  }
}

/** The network, a time-out, or the client's own state ended the operation. */
export class ConnectionError extends MqttError {
  override readonly name = 'ConnectionError';
  declare readonly code: ConnectionCode;

  constructor(code: ConnectionCode, message: string, details?: ErrorDetails) {
    super(code, message, details);
  }
}

/** The session store could not read or write; nothing was acknowledged that is not stored. */
export class StoreError extends MqttError {
  override readonly name = 'StoreError';
  declare readonly code: StoreCode;

  constructor(code: StoreCode, message: string, details?: ErrorDetails) {
    super(code, message, details);
  }
}

/** The server is the cause: see the three classes below it. */
export class PeerError extends MqttError {
  override readonly name: string = 'PeerError';
}

/** The peer sent bytes that are no MQTT packet [v5 1.2 "Malformed Packet"]. */
export class MalformedPacketError extends PeerError {
  override readonly name = 'MalformedPacketError';
  declare readonly code: 'malformed-packet';
  declare readonly reasonCode: number;

  /** @param message what is wrong, and where */
  constructor(message: string, details?: ErrorDetails) {
    super('malformed-packet', message, { ...details, reasonCode: details?.reasonCode ?? 0x81 });
  }
}

/** The peer sent a well-formed packet that MQTT forbids [v5 1.2 "Protocol Error"]. */
export class ProtocolError extends PeerError {
  override readonly name = 'ProtocolError';
  declare readonly code: ProtocolCode;
  declare readonly reasonCode: number;

  /** @param message what is wrong, and which rule says so */
  constructor(message: string, code: ProtocolCode = 'protocol-error', reasonCode = 0x82, cause?: unknown) {
    super(code, message, { reasonCode, cause });
  }
}

/**
 * The server refused, with the reason code that it gave, or with the one that it would have given for a
 * limit that it announced. `code` is the reason code's name (`'not-authorized'`), or `'poison'` for a message,
 * SUBSCRIBE or UNSUBSCRIBE after which the server closes the connection each time.
 */
export class RefusedError extends PeerError {
  override readonly name = 'RefusedError';
  declare readonly code: RefusalName | 'poison';
  declare readonly reasonCode: number;

  /**
   * @param reasonCode the reason code, 0x80 or above
   * @param message what was refused
   * @param options `reasonString` is the server's own words; `code` replaces the reason code's name
   */
  constructor(
    reasonCode: number,
    message: string,
    options: { code?: 'poison' | undefined; reasonString?: string | undefined; cause?: unknown } = {},
  ) {
    const words = options.reasonString === undefined ? '' : `: ${options.reasonString}`;
    super(
      options.code ?? refusalName(reasonCode),
      `${message} (${refusalName(reasonCode)}, 0x${reasonCode.toString(16).padStart(2, '0')})${words}`,
      { reasonCode, cause: options.cause },
    );
  }
}
