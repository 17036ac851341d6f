/** What a broker can be told, and what it takes when it is told nothing. */

import type { ProtocolVersion, QoS } from '../../src/codec/packet';
import type { AuthExchange } from './authentication';
import { type Clock, systemClock } from './clock';

/** Filters that are allowed and denied; `%c` stands for the client identifier, `%u` for the user name. */
export interface TopicRules {
  /** What is allowed; @default everything */
  allow?: readonly string[] | undefined;
  /** What is denied, also when `allow` names it; @default nothing */
  deny?: readonly string[] | undefined;
}

/** Rules for both directions. */
export interface Authorization {
  publish?: TopicRules | undefined;
  /** For subscriptions and for what is delivered. */
  subscribe?: TopicRules | undefined;
}

/** Somebody who may connect. */
export interface User extends Authorization {
  username: string;
  /** For the password of CONNECT and for SCRAM-SHA-256. */
  password: string;
}

/** Key and certificate of the TLS listeners. */
export interface TlsOptions {
  key: string | Buffer;
  cert: string | Buffer;
  /** Port of MQTT over TLS, 0 for any, false for none; @default 0 */
  port?: number | false | undefined;
  /** Port of MQTT over secure WebSocket; @default 0 */
  wsPort?: number | false | undefined;
}

/** A CONNECT that asks to be let in. */
export interface LoginRequest {
  clientId: string;
  username: string | undefined;
  password: Uint8Array | undefined;
  protocolVersion: ProtocolVersion;
}

/** Options of {@link startBroker}, and of the JSON file of the command line. */
export interface BrokerOptions {
  /** Address to listen on; @default '127.0.0.1' */
  host?: string | undefined;
  /** TCP port, 0 for any, false for none; @default 0 */
  port?: number | false | undefined;
  /** WebSocket port, 0 for any, false for none; @default 0 */
  wsPort?: number | false | undefined;
  tls?: TlsOptions | undefined;
  /** Whether a WebSocket must offer `mqtt` (or `mqttv3.1`); @default 'required' */
  subprotocol?: 'required' | 'optional' | undefined;

  /** Versions that are served; @default all three */
  protocolVersions?: readonly ProtocolVersion[] | undefined;
  /** Whether a client without user name is let in; @default true without users, else false */
  allowAnonymous?: boolean | undefined;
  users?: readonly User[] | undefined;
  /** Rules for everybody, beside those of the user. */
  authorization?: Authorization | undefined;
  /** Asked instead of `users`: true, or the reason code of the refusal. */
  login?: ((request: LoginRequest) => true | number) | undefined;
  /** Rounds of SCRAM; @default 4096 */
  scramIterations?: number | undefined;
  /** Methods of enhanced authentication beside SCRAM, each beginning a new exchange. */
  authenticationMethods?: ReadonlyMap<string, () => AuthExchange> | undefined;
  /** Filters that are never granted (0x80), so that a client can see a refusal; @default ['test/nosubscribe', 'nosubscribe'] */
  refusedFilters?: readonly string[] | undefined;
  /** Client identifiers that are rejected (0x85). */
  refusedClientIds?: readonly string[] | undefined;

  /** @default 2 */
  maximumQoS?: QoS | undefined;
  /** PUBLISH packets with QoS 1 or 2 that a client may have in flight; @default 256 */
  receiveMaximum?: number | undefined;
  /** Bytes; @default no limit but that of MQTT */
  maximumPacketSize?: number | undefined;
  /** @default 10 */
  topicAliasMaximum?: number | undefined;
  /** @default true */
  retainAvailable?: boolean | undefined;
  /** @default true */
  wildcardSubscriptionAvailable?: boolean | undefined;
  /** @default true */
  sharedSubscriptionAvailable?: boolean | undefined;
  /** @default true */
  subscriptionIdentifierAvailable?: boolean | undefined;
  /** Seconds that replace the keep alive of every MQTT 5.0 client; @default none */
  serverKeepAlive?: number | undefined;
  /** Seconds; an MQTT 5.0 client that asks for more is told this; @default 60 */
  maximumKeepAlive?: number | undefined;
  /** Seconds; @default no limit */
  sessionExpiryMaximum?: number | undefined;
  /** What CONNACK answers to Request Response Information; `%c` as in rules; @default nothing */
  responseInformation?: string | undefined;
  /** Milliseconds from the connection to its CONNECT; @default 10000 */
  connectTimeout?: number | undefined;
  /** Connections at one time; @default no limit */
  maximumConnections?: number | undefined;
  /** Messages waiting in one session, the newest is dropped; @default 100000 */
  maximumQueued?: number | undefined;
  /** Bytes of payloads waiting in one session, the newest is dropped; @default 268435456 */
  maximumQueuedBytes?: number | undefined;
  /** Subscriptions of one session (0x97); @default no limit */
  maximumSubscriptions?: number | undefined;
  /** Retained messages (0x97); @default no limit */
  maximumRetained?: number | undefined;
  /** Whether QoS 0 messages wait for a session that is away; @default false */
  queueQoS0?: boolean | undefined;
  /** One copy at the highest QoS with all identifiers, or a copy for each subscription; @default 'one' */
  overlapping?: 'one' | 'each' | undefined;
  /** When a QoS 2 message is forwarded: once PUBREL has come, or at once; @default 'release' */
  qos2Delivery?: 'release' | 'receipt' | undefined;
  /** Control and other code points that strings should not have close the connection, or pass; @default 'refused' */
  disallowedCodePoints?: 'refused' | 'taken' | undefined;
  /** Whether the payload of Payload Format Indicator 1 is checked (0x99); @default false */
  validatePayloadFormat?: boolean | undefined;
  /** Whether 0x10 tells a publisher that nobody subscribes; @default true */
  reportNoSubscribers?: boolean | undefined;
  /** What accompanies failures: nothing, a reason string, or user properties too; @default 'none' */
  diagnostics?: 'none' | 'reason' | 'full' | undefined;
  /** Seconds between two rounds of `$SYS`, 0 for none; @default 10 */
  sysInterval?: number | undefined;

  /** Entries kept in the packet log, 0 for none; @default 10000 */
  logSize?: number | undefined;
  /** @default the clock of the machine */
  clock?: Clock | undefined;
  /** Client identifiers that are assigned; @default random */
  assignClientId?: (() => string) | undefined;
}

/** Options with every default in place. */
export interface Settings {
  readonly protocolVersions: readonly ProtocolVersion[];
  readonly allowAnonymous: boolean;
  readonly users: readonly User[];
  readonly authorization: Authorization;
  readonly login: ((request: LoginRequest) => true | number) | undefined;
  readonly scramIterations: number;
  readonly authenticationMethods: ReadonlyMap<string, () => AuthExchange>;
  readonly refusedFilters: readonly string[];
  readonly refusedClientIds: readonly string[];
  readonly maximumQoS: QoS;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number | undefined;
  readonly topicAliasMaximum: number;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly subscriptionIdentifierAvailable: boolean;
  readonly serverKeepAlive: number | undefined;
  readonly maximumKeepAlive: number;
  readonly sessionExpiryMaximum: number;
  readonly responseInformation: string | undefined;
  readonly connectTimeout: number;
  readonly maximumConnections: number;
  readonly maximumQueued: number;
  readonly maximumQueuedBytes: number;
  readonly maximumSubscriptions: number;
  readonly maximumRetained: number;
  readonly queueQoS0: boolean;
  readonly overlapping: 'one' | 'each';
  readonly qos2Delivery: 'release' | 'receipt';
  readonly disallowedCodePoints: 'refused' | 'taken';
  readonly validatePayloadFormat: boolean;
  readonly reportNoSubscribers: boolean;
  readonly diagnostics: 'none' | 'reason' | 'full';
  readonly sysInterval: number;
  readonly logSize: number;
  readonly clock: Clock;
  readonly assignClientId: () => string;
}

/** Enough for a client to keep busy, low enough for a conformance suite to exceed it. */
const defaultReceiveMaximum = 256;
/** As few as conformance suites assume: they exceed it by one. */
const defaultTopicAliasMaximum = 10;
/** The Eclipse interoperability tests ask for more and expect to be told this. */
const defaultMaximumKeepAlive = 60;
/** The filters that the Eclipse interoperability tests expect to be refused, in their newer and older versions. */
const defaultRefusedFilters = ['test/nosubscribe', 'nosubscribe'];

/** Fills in the defaults. */
export function resolveOptions(options: BrokerOptions): Settings {
  return {
    protocolVersions: options.protocolVersions ?? [3, 4, 5],
    allowAnonymous: options.allowAnonymous ?? (options.users === undefined && options.login === undefined),
    users: options.users ?? [],
    authorization: options.authorization ?? {},
    login: options.login,
    scramIterations: options.scramIterations ?? 4_096,
    authenticationMethods: options.authenticationMethods ?? new Map(),
    refusedFilters: options.refusedFilters ?? defaultRefusedFilters,
    refusedClientIds: options.refusedClientIds ?? [],
    maximumQoS: options.maximumQoS ?? 2,
    receiveMaximum: options.receiveMaximum ?? defaultReceiveMaximum,
    maximumPacketSize: options.maximumPacketSize,
    topicAliasMaximum: options.topicAliasMaximum ?? defaultTopicAliasMaximum,
    retainAvailable: options.retainAvailable ?? true,
    wildcardSubscriptionAvailable: options.wildcardSubscriptionAvailable ?? true,
    sharedSubscriptionAvailable: options.sharedSubscriptionAvailable ?? true,
    subscriptionIdentifierAvailable: options.subscriptionIdentifierAvailable ?? true,
    serverKeepAlive: options.serverKeepAlive,
    maximumKeepAlive: options.maximumKeepAlive ?? defaultMaximumKeepAlive,
    sessionExpiryMaximum: options.sessionExpiryMaximum ?? Number.POSITIVE_INFINITY,
    responseInformation: options.responseInformation,
    connectTimeout: options.connectTimeout ?? 10_000,
    maximumConnections: options.maximumConnections ?? Number.POSITIVE_INFINITY,
    maximumQueued: options.maximumQueued ?? 100_000,
    maximumQueuedBytes: options.maximumQueuedBytes ?? 256 * 1_048_576,
    maximumSubscriptions: options.maximumSubscriptions ?? Number.POSITIVE_INFINITY,
    maximumRetained: options.maximumRetained ?? Number.POSITIVE_INFINITY,
    queueQoS0: options.queueQoS0 ?? false,
    overlapping: options.overlapping ?? 'one',
    qos2Delivery: options.qos2Delivery ?? 'release',
    disallowedCodePoints: options.disallowedCodePoints ?? 'refused',
    validatePayloadFormat: options.validatePayloadFormat ?? false,
    reportNoSubscribers: options.reportNoSubscribers ?? true,
    diagnostics: options.diagnostics ?? 'none',
    sysInterval: options.sysInterval ?? 10,
    logSize: options.logSize ?? 10_000,
    clock: options.clock ?? systemClock,
    assignClientId: options.assignClientId ?? (() => `auto-${crypto.randomUUID()}`),
  };
}
