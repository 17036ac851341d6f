/** What the client works with: every option checked, complete and its own. */

import type { ConnectPacketProperties, WillPacket } from '../codec/packet';
import { packetSize } from '../codec/writer';
import { UsageError } from '../errors';
import type { ProtocolVersion } from '../message';
import { memoryStore } from '../store/memory';
import type { SessionStore } from '../store/store';
import { checkTopicName } from '../topic/topic-name';
import type { TlsOptions } from '../transport/tls-options';
import type { Transport } from '../transport/transport';
import {
  boolean,
  checkFunction,
  checkObject,
  checkOptions,
  described,
  integer,
  milliseconds,
  oneOf,
  text,
} from './check';
import type {
  ClientOptions,
  ConnectAttempt,
  Credentials,
  EnhancedAuth,
  QueueOptions,
  ReconnectOptions,
  Will,
} from './options';
import { payloadBytes } from './payload';

const defaultKeepAlive = 60;
/** Long enough for a reload of the server or a tunnel, short enough not to keep orphans. */
const defaultExpiry = 300;
/** A week, for sessions that are meant to be kept. */
const defaultKeptExpiry = 604_800;
const defaultConnectTimeout = 30_000;
const defaultReceiveMaximum = 256;
const defaultMaximumPacketSize = 16 * 1_048_576;
/** Enough for the topics of a dashboard; each costs its topic's length while the connection lasts. */
const defaultTopicAliasMaximum = 64;
const defaultMaxInflight = 1_000;
const defaultHandlerTimeout = 60_000;
const defaultUnclaimedTimeout = 10_000;

/** Options of {@link ReconnectOptions}, complete. */
export interface ResolvedReconnect {
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly stableAfter: number;
  readonly maxAttempts: number;
  readonly initial: boolean;
  readonly retry: ReconnectOptions['retry'];
}

/** Options of a client, complete and valid. */
export interface ResolvedOptions {
  readonly protocolVersion: 'auto' | ProtocolVersion;
  readonly clientId: string;
  readonly clean: boolean;
  readonly sessionExpiryInterval: number;
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly credentials: ((attempt: ConnectAttempt) => Credentials | Promise<Credentials>) | undefined;
  readonly will: WillPacket | undefined;
  readonly connectTimeout: number;
  /** Undefined when a lost connection closes the client. */
  readonly reconnect: ResolvedReconnect | undefined;
  readonly queue: Readonly<Required<{ [Name in keyof QueueOptions]: NonNullable<QueueOptions[Name]> }>>;
  readonly maxInflight: number;
  readonly sessionLost: 'resend' | 'reject';
  readonly redirect: 'follow' | 'refuse';
  /** Properties of CONNECT, without those of single attempts. */
  readonly properties: ConnectPacketProperties;
  readonly topicAliases: boolean;
  readonly authenticate: EnhancedAuth | undefined;
  readonly store: SessionStore;
  /** False for a store that nobody else can read: then nothing needs to be recorded. */
  readonly recording: boolean;
  readonly ack: 'handled' | 'received' | 'manual';
  readonly handlerTimeout: number;
  readonly unclaimedTimeout: number;
  readonly transport: Transport | undefined;
  readonly webSocketProtocols: readonly string[] | undefined;
  readonly webSocketHeaders: Readonly<Record<string, string>> | undefined;
  /** An option is set that only MQTT 5.0 can honour: then `auto` never falls back. */
  readonly needsMqtt5: boolean;
}

const known = [
  'protocolVersion',
  'clientId',
  'clean',
  'sessionExpiryInterval',
  'keepAlive',
  'username',
  'password',
  'credentials',
  'will',
  'connectTimeout',
  'reconnect',
  'queue',
  'maxInflight',
  'sessionLost',
  'redirect',
  'properties',
  'topicAliases',
  'authenticate',
  'store',
  'ack',
  'handlerTimeout',
  'unclaimedTimeout',
  'transport',
  'webSocket',
  'tls',
] as const satisfies readonly (keyof ClientOptions)[];

/**
 * Checks and completes options.
 * @throws UsageError that names the option and the rule
 */
export function resolveOptions(options: ClientOptions = {}): ResolvedOptions {
  checkOptions(options, 'options', known);
  const protocolVersion =
    oneOf(options.protocolVersion, 'options.protocolVersion', ['auto', 5, 4, 3]) ?? 'auto';
  const clean = boolean(options.clean, 'options.clean') ?? true;
  const sessionExpiryInterval = resolveExpiry(options, clean);
  checkCredentials(options);
  checkFunction(options.credentials, 'options.credentials');
  const properties = resolveProperties(options, sessionExpiryInterval);
  const will = resolveWill(options.will);
  checkVersion(options, protocolVersion);
  return {
    protocolVersion,
    clientId: resolveClientId(options.clientId, clean),
    clean,
    sessionExpiryInterval,
    keepAlive: integer(options.keepAlive, 'options.keepAlive', 0, 65_535) ?? defaultKeepAlive,
    username: options.username,
    password:
      options.password === undefined ? undefined : payloadBytes(options.password, 'options.password').slice(),
    credentials: options.credentials,
    will,
    connectTimeout: milliseconds(options.connectTimeout, 'options.connectTimeout') ?? defaultConnectTimeout,
    reconnect: resolveReconnect(options.reconnect),
    queue: resolveQueue(options.queue),
    maxInflight: integer(options.maxInflight, 'options.maxInflight', 1, 65_535) ?? defaultMaxInflight,
    sessionLost: oneOf(options.sessionLost, 'options.sessionLost', ['resend', 'reject']) ?? 'resend',
    redirect: oneOf(options.redirect, 'options.redirect', ['follow', 'refuse']) ?? 'follow',
    properties,
    topicAliases: (oneOf(options.topicAliases, 'options.topicAliases', ['auto', 'off']) ?? 'auto') === 'auto',
    authenticate: resolveAuthenticate(options.authenticate),
    store: resolveStore(options.store),
    recording: options.store !== undefined,
    ack: oneOf(options.ack, 'options.ack', ['handled', 'received', 'manual']) ?? 'handled',
    handlerTimeout: milliseconds(options.handlerTimeout, 'options.handlerTimeout') ?? defaultHandlerTimeout,
    unclaimedTimeout:
      milliseconds(options.unclaimedTimeout, 'options.unclaimedTimeout') ?? defaultUnclaimedTimeout,
    transport: resolveTransport(options.transport),
    ...resolveWebSocket(options),
    needsMqtt5: versionNeeds(options).length > 0,
  };
}

/** TLS options, checked for their form only: their values are for `node:tls` to judge. */
export function resolveTls(options: ClientOptions): TlsOptions | undefined {
  if (options.tls !== undefined) checkObject(options.tls, 'options.tls');
  return options.tls;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Makes a client identifier that every server must take: letters and digits, 23 in all [v5 MQTT-3.1.3-5]. */
export function randomClientId(): string {
  let id = 'mqtide';
  while (id.length < 23) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      // 248 is the highest multiple of 62 in a byte: beyond it some letters would come more often.
      if (byte < 248 && id.length < 23) id += letters[byte % 62];
    }
  }
  return id;
}

function resolveClientId(clientId: unknown, clean: boolean): string {
  const given = text(clientId, 'options.clientId');
  if (given === '') {
    throw new UsageError('options.clientId: must not be empty; leave it out to have one made');
  }
  if (given === undefined && !clean) {
    throw new UsageError(
      'options.clientId: is required with clean: false: the server finds the session by it',
    );
  }
  return given ?? randomClientId();
}

function resolveExpiry(options: ClientOptions, clean: boolean): number {
  const given = integer(options.sessionExpiryInterval, 'options.sessionExpiryInterval', 0, 0xff_ff_ff_ff);
  if (given === 0 && !clean) {
    throw new UsageError(
      'options.sessionExpiryInterval: must not be 0 with clean: false: the session would not be kept',
    );
  }
  return given ?? (clean ? defaultExpiry : defaultKeptExpiry);
}

function checkCredentials({ username, password }: Pick<ClientOptions, 'username' | 'password'>): void {
  text(username, 'options.username');
  if (password === undefined) return;
  if (payloadBytes(password, 'options.password').length > 65_535) {
    throw new UsageError('options.password: must be at most 65,535 bytes');
  }
}

function resolveProperties(options: ClientOptions, sessionExpiryInterval: number): ConnectPacketProperties {
  const given = options.properties ?? {};
  checkOptions(given, 'options.properties', [
    'receiveMaximum',
    'maximumPacketSize',
    'topicAliasMaximum',
    'requestResponseInformation',
    'requestProblemInformation',
    'userProperties',
  ]);
  const name = 'options.properties.';
  const properties: ConnectPacketProperties = {
    sessionExpiryInterval,
    receiveMaximum:
      integer(given.receiveMaximum, `${name}receiveMaximum`, 1, 65_535) ?? defaultReceiveMaximum,
    maximumPacketSize:
      integer(given.maximumPacketSize, `${name}maximumPacketSize`, 1, 0xff_ff_ff_ff) ??
      defaultMaximumPacketSize,
    topicAliasMaximum:
      integer(given.topicAliasMaximum, `${name}topicAliasMaximum`, 0, 65_535) ?? defaultTopicAliasMaximum,
    requestResponseInformation: boolean(
      given.requestResponseInformation,
      `${name}requestResponseInformation`,
    ),
    requestProblemInformation: boolean(given.requestProblemInformation, `${name}requestProblemInformation`),
    userProperties: given.userProperties?.map(([key, value]) => [key, value] as const),
  };
  // The codec knows the rules of the rest; it names what is wrong.
  packetSize({ type: 'connect', protocolVersion: 5, clientId: '', clean: true, keepAlive: 0, properties }, 5);
  return properties;
}

function resolveWill(will: Will | undefined): WillPacket | undefined {
  if (will === undefined) return undefined;
  checkOptions(will, 'options.will', ['topic', 'payload', 'qos', 'retain', 'properties']);
  checkTopicName(will.topic, 'options.will.topic');
  const payload = payloadBytes(will.payload ?? '', 'options.will.payload').slice();
  if (payload.length > 65_535) throw new UsageError('options.will.payload: must be at most 65,535 bytes');
  const properties = will.properties && { ...will.properties };
  const packet: WillPacket = {
    topic: will.topic,
    payload,
    qos: oneOf(will.qos, 'options.will.qos', [0, 1, 2]) ?? 0,
    retain: boolean(will.retain, 'options.will.retain') ?? false,
    properties:
      properties && Object.values(properties).some((value) => value !== undefined) ? properties : undefined,
  };
  packetSize(
    { type: 'connect', protocolVersion: 5, clientId: '', clean: true, keepAlive: 0, will: packet },
    5,
  );
  return packet;
}

/** The options that only MQTT 5.0 can honour. */
function versionNeeds(options: ClientOptions): string[] {
  const { will, properties } = options;
  return [
    options.authenticate && 'authenticate',
    will?.properties &&
      Object.values(will.properties).some((value) => value !== undefined) &&
      'will.properties',
    properties?.userProperties && 'properties.userProperties',
    properties?.requestResponseInformation && 'properties.requestResponseInformation',
  ].filter((name) => typeof name === 'string');
}

function checkVersion(options: ClientOptions, protocolVersion: ResolvedOptions['protocolVersion']): void {
  if (protocolVersion === 'auto' || protocolVersion === 5) return;
  const [first] = [
    ...versionNeeds(options),
    ...(options.sessionExpiryInterval === undefined ? [] : ['sessionExpiryInterval']),
  ];
  if (first === undefined) return;
  throw new UsageError(
    `options.${first}: needs MQTT 5.0; leave it out, or set protocolVersion: 5 or 'auto'`,
    'needs-mqtt-5',
  );
}

function resolveReconnect(reconnect: ClientOptions['reconnect']): ResolvedReconnect | undefined {
  if (reconnect === false) return undefined;
  const name = 'options.reconnect';
  if ((reconnect as unknown) === true)
    throw new UsageError(`${name}: must be false or an object; leave it out for the defaults`);
  checkOptions(reconnect, name, ['minDelay', 'maxDelay', 'stableAfter', 'maxAttempts', 'initial', 'retry']);
  checkFunction(reconnect?.retry, `${name}.retry`);
  const minDelay = milliseconds(reconnect?.minDelay, `${name}.minDelay`) ?? 1_000;
  const maxDelay = milliseconds(reconnect?.maxDelay, `${name}.maxDelay`) ?? Math.max(30_000, minDelay);
  if (maxDelay < minDelay) throw new UsageError(`${name}.maxDelay: must not be less than minDelay`);
  const attempts = reconnect?.maxAttempts;
  return {
    minDelay,
    maxDelay,
    stableAfter: milliseconds(reconnect?.stableAfter, `${name}.stableAfter`) ?? 30_000,
    maxAttempts:
      attempts === Number.POSITIVE_INFINITY || attempts === undefined
        ? Number.POSITIVE_INFINITY
        : (integer(attempts, `${name}.maxAttempts`, 1, Number.MAX_SAFE_INTEGER) ?? 1),
    initial: boolean(reconnect?.initial, `${name}.initial`) ?? false,
    retry: reconnect?.retry,
  };
}

function resolveQueue(queue: QueueOptions | undefined): ResolvedOptions['queue'] {
  const name = 'options.queue';
  checkOptions(queue, name, ['maxMessages', 'maxBytes', 'qos0', 'overflow', 'maxUnread']);
  const limit = (value: unknown, option: string, fallback: number) =>
    value === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : (integer(value, `${name}.${option}`, 0, Number.MAX_SAFE_INTEGER) ?? fallback);
  return {
    maxMessages: limit(queue?.maxMessages, 'maxMessages', 10_000),
    maxBytes: limit(queue?.maxBytes, 'maxBytes', 16 * 1_048_576),
    qos0: oneOf(queue?.qos0, `${name}.qos0`, ['drop', 'queue']) ?? 'drop',
    overflow: oneOf(queue?.overflow, `${name}.overflow`, ['reject', 'drop-oldest']) ?? 'reject',
    maxUnread: limit(queue?.maxUnread, 'maxUnread', 1_000),
  };
}

function resolveAuthenticate(authenticate: EnhancedAuth | undefined): EnhancedAuth | undefined {
  if (authenticate === undefined) return undefined;
  const name = 'options.authenticate';
  checkObject(authenticate, name);
  if (!text(authenticate.method, `${name}.method`))
    throw new UsageError(`${name}.method: must be a non-empty string`);
  for (const member of ['start', 'challenge'] as const) {
    if (typeof authenticate[member] !== 'function')
      throw new UsageError(`${name}.${member}: must be a function`);
  }
  checkFunction(authenticate.success, `${name}.success`);
  return authenticate;
}

function resolveStore(store: SessionStore | undefined): SessionStore {
  if (store === undefined) return memoryStore();
  checkObject(store, 'options.store');
  for (const member of ['load', 'write', 'clear'] as const) {
    if (typeof store[member] !== 'function')
      throw new UsageError(`options.store.${member}: must be a function`);
  }
  return store;
}

function resolveTransport(transport: Transport | undefined): Transport | undefined {
  if (transport === undefined) return undefined;
  checkObject(transport, 'options.transport');
  if (typeof transport.connect !== 'function')
    throw new UsageError('options.transport.connect: must be a function');
  return transport;
}

function resolveWebSocket({ webSocket }: ClientOptions) {
  checkOptions(webSocket, 'options.webSocket', ['constructor', 'protocols', 'headers']);
  const { protocols, headers } = webSocket ?? {};
  if (
    protocols !== undefined &&
    !(Array.isArray(protocols) && protocols.every((one) => typeof one === 'string'))
  ) {
    throw new UsageError(
      `options.webSocket.protocols: must be an array of strings, not ${described(protocols)}`,
    );
  }
  return {
    webSocketProtocols: protocols && [...protocols],
    webSocketHeaders: checkHeaders(headers, 'options.webSocket.headers'),
  };
}

/** Headers of a WebSocket handshake: strings by name. */
export function checkHeaders(headers: unknown, name: string): Readonly<Record<string, string>> | undefined {
  if (headers === undefined) return undefined;
  checkObject(headers, name);
  const copy: Record<string, string> = {};
  for (const [key, value] of Object.entries(headers)) {
    if (typeof value !== 'string')
      throw new UsageError(`${name}: must hold strings, '${key}' is ${described(value)}`);
    copy[key] = value;
  }
  return copy;
}
