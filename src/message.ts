/** Public types of a message. A leaf: it imports nothing. */

/** Bytes that mqtide hands out: backed by an `ArrayBuffer`, so `new Blob([bytes])` compiles under every TypeScript. */
export type Bytes = ReturnType<typeof Uint8Array.of>;

/** Quality of service: at most once, at least once, exactly once [v5 4.3]. */
export type QoS = 0 | 1 | 2;

/** Protocol level on the wire: 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

/** User properties: name and value pairs, in order, names may repeat [v5 3.3.2.3.7]. */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/** Properties of a PUBLISH packet [v5 3.3.2.3]. */
export interface PublishProperties {
  /** 1: the payload is UTF-8 text; 0: unspecified bytes [v5 3.3.2.3.2]. */
  payloadFormatIndicator?: 0 | 1 | undefined;
  /** Lifetime of the message, in seconds [v5 3.3.2.3.3]. */
  messageExpiryInterval?: number | undefined;
  /** Topic alias, 1 to 65,535; chosen by mqtide for what it sends [v5 3.3.2.3.4]. */
  topicAlias?: number | undefined;
  /** Topic name for a response [v5 3.3.2.3.5]. */
  responseTopic?: string | undefined;
  /** Ties a response to its request [v5 3.3.2.3.6]. */
  correlationData?: Uint8Array | undefined;
  /** See {@link UserProperties}. */
  userProperties?: UserProperties | undefined;
  /** Identifiers of the subscriptions that matched; incoming messages only [v5 3.3.2.3.8]. */
  subscriptionIdentifiers?: readonly number[] | undefined;
  /** MIME type or any other description of the content [v5 3.3.2.3.9]. */
  contentType?: string | undefined;
}

/**
 * A message as it is handed to handlers, iterators and `'message'` listeners.
 *
 * @typeParam Params names of the wildcards of the pattern that was subscribed to: `'sensor/+id/temperature'`
 * gives `{ id: string }`
 */
export interface Message<Params = Record<string, string>> {
  /** Topic name; a topic alias is resolved already. */
  readonly topic: string;
  /** Application payload; never overwritten. May be a view into a larger frame: `slice()` it to keep it for long. */
  readonly payload: Bytes;
  /** Quality of service with which the server sent it. */
  readonly qos: QoS;
  /** RETAIN flag as received [v5 3.3.1.3]. */
  readonly retain: boolean;
  /** DUP flag as received [v5 3.3.1.1]. */
  readonly duplicate: boolean;
  /** True when it may have been handed out before: sent again by the server, or delivered again after a reload. */
  readonly redelivered: boolean;
  /**
   * MQTT 5.0 properties; empty on other versions. To publish with them again, leave out `subscriptionIdentifiers` and
   * `topicAlias`, which belong to this connection.
   */
  readonly properties: PublishProperties;
  /** What the named wildcards of the pattern matched. */
  readonly params: Params;
  /** The payload as UTF-8 text; ill-formed sequences become U+FFFD. */
  text(): string;
  /**
   * The payload as JSON.
   * @throws SyntaxError when it is none
   */
  json<T = unknown>(): T;
  /**
   * Acknowledges the message; only with `ack: 'manual'`, and a no-op once its connection is gone.
   *
   * @param reasonCode MQTT 5.0 reason code of PUBACK or PUBREC, @default 0
   * @throws UsageError with another `ack` option, for a reason code that PUBACK does not have, and `'needs-mqtt-5'` for
   * any but 0 on an earlier version
   */
  ack(reasonCode?: number): void;
}
