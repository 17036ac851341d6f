/** What the client works with: every option checked, complete and its own. */

import {
  boolean,
  type Check,
  callback,
  checkObject,
  choice,
  integer,
  kind,
  milliseconds,
  text,
  unchecked,
} from '../check';
import { type ClientPacket, packetSize } from '../codec/client-packets';
import type { ConnectPacket, WillProperties } from '../codec/packet';
import { UsageError } from '../errors';
import type { ProtocolVersion } from '../message';
import { noStore } from '../store/no-store';
import type { SessionStore } from '../store/store';
import type { Transport } from '../transport/transport';
import { type Clock, longestDelay, ownClock } from './clock';
import type {
  ClientOptions,
  ConnectProperties,
  Credentials,
  EnhancedAuth,
  QueueOptions,
  ReconnectOptions,
  Will,
} from './options';
import { ownProperties } from './own-properties';
import { payloadBytes } from './payload';
import { type Resolved, type Rules, resolve } from './rules';

/** Long enough for a reload of the server or a tunnel, short enough not to keep orphans; in seconds. */
const defaultExpiry = 300;
/** A week, for sessions that are meant to be kept; in seconds. */
const defaultKeptExpiry = 604_800;
/** In milliseconds. */
const defaultMaxDelay = 30_000;

// --- kinds of values

/** A count, or Infinity. */
const limit = (minimum: number) => integer(minimum, Number.MAX_SAFE_INTEGER, Infinity);

/** An object with these methods. */
const having =
  <Value>(...methods: (keyof Value & string)[]): Check<Value> =>
  (value, name) => {
    if (value === undefined) return undefined;
    for (const method of methods) {
      if (typeof (value as Partial<Value> | null)?.[method] !== 'function')
        throw new UsageError(`${name}.${method}: must be a function`);
    }
    return value as Value;
  };

/** For others to check what it holds. */
const object = <Value>(value: unknown, name: string) => {
  if (value !== undefined) checkObject(value, name);
  return value as Value | undefined;
};

/** Text or bytes, as bytes of our own. */
export const bytes: Check<Uint8Array> = (value, name) =>
  value === undefined ? undefined : new Uint8Array(payloadBytes(value, name));

const password: Check<Uint8Array> = (value, name) => {
  // Its message would show the number.
  if (typeof value === 'number') throw new UsageError(`${name}: must be a string or bytes, not a number`);
  return bytes(value, name);
};

const nonEmpty: Check<string> = (value, name) => {
  if (value === '') throw new UsageError(`${name}: must not be empty; leave it out to have one made`);
  return text(value, name);
};

const strings = kind<readonly string[]>(
  'an array of strings',
  (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
);

/** Headers of a WebSocket handshake: strings by name. */
const headers: Check<Readonly<Record<string, string>>> = (value, name) => {
  if (value === undefined) return undefined;
  checkObject(value, name);
  for (const [key, one] of Object.entries(value)) {
    if (typeof one === 'string') continue;
    // The value may be a secret.
    throw new UsageError(`${name}: must hold strings, '${key}' is of type ${typeof one}`);
  }
  return { ...(value as Record<string, string>) };
};

const delay = integer(0, longestDelay);

/** Options of an object of options. */
const nested =
  <Table extends Rules>(rules: Table) =>
  (value: unknown, name: string) =>
    resolve(value, name, rules);

// --- rules

const reconnectRules = {
  minDelay: [delay, 1_000],
  maxDelay: [delay],
  stableAfter: [milliseconds, 30_000],
  maxAttempts: [limit(1), Infinity],
  initial: [boolean, false],
  retry: [callback as Check<NonNullable<ReconnectOptions['retry']>>],
} as const satisfies Rules<keyof ReconnectOptions>;

const queueRules = {
  maxMessages: [limit(0), 10_000],
  maxBytes: [limit(0), 16 * 1_048_576],
  qos0: [choice('drop', 'queue'), 'drop'],
  overflow: [choice('reject', 'drop-oldest'), 'reject'],
  maxUnread: [limit(0), 1_000],
} as const satisfies Rules<keyof QueueOptions>;

const propertyRules = {
  receiveMaximum: [unchecked<number>, 256],
  maximumPacketSize: [unchecked<number>, 16 * 1_048_576],
  // Enough for the topics of a dashboard; each costs its topic's length while the connection lasts.
  topicAliasMaximum: [unchecked<number>, 64],
  requestResponseInformation: [unchecked<boolean>],
  requestProblemInformation: [unchecked<boolean>],
  userProperties: [unchecked<ConnectProperties['userProperties']>],
} as const satisfies Rules<keyof ConnectProperties>;

const willRules = {
  topic: [unchecked<string>, ''],
  payload: [bytes, new Uint8Array()],
  qos: [choice(0, 1, 2), 0],
  retain: [boolean, false],
  properties: [unchecked<WillProperties>],
} as const satisfies Rules<keyof Will>;

const webSocketRules = {
  // Checked by the transport: every object inherits a member of this name.
  constructor: [() => undefined],
  protocols: [(value: unknown, name: string) => strings(value, name)?.slice()],
  headers: [headers],
} as const satisfies Rules<keyof NonNullable<ClientOptions['webSocket']>>;

const optionRules = {
  protocolVersion: [choice('auto', 5, 4, 3), 'auto'],
  clientId: [nonEmpty],
  clean: [boolean, true],
  sessionExpiryInterval: [integer(0, 0xff_ff_ff_ff)],
  keepAlive: [unchecked<number>, 60],
  username: [unchecked<string>],
  password: [password],
  credentials: [callback as Check<NonNullable<ClientOptions['credentials']>>],
  will: [
    (value: unknown, name: string) => (value === undefined ? undefined : nested(willRules)(value, name)),
  ],
  connectTimeout: [milliseconds, 30_000],
  reconnect: [resolveReconnect],
  queue: [nested(queueRules)],
  maxInflight: [integer(1, 65_535), 1_000],
  sessionLost: [choice('resend', 'reject'), 'resend'],
  redirect: [choice('follow', 'refuse'), 'follow'],
  properties: [nested(propertyRules)],
  topicAliases: [choice('auto', 'off'), 'auto'],
  authenticate: [having<EnhancedAuth>('start', 'challenge')],
  store: [having<SessionStore>('load', 'write', 'clear')],
  ack: [choice('handled', 'received', 'manual'), 'handled'],
  handlerTimeout: [milliseconds, 60_000],
  unclaimedTimeout: [milliseconds, 10_000],
  clock: [callback as Check<Clock>, ownClock],
  transport: [having<Transport>('connect')],
  webSocket: [nested(webSocketRules)],
  // The transport checks what is in it.
  tls: [object],
} as const satisfies Rules<keyof ClientOptions>;

const credentialRules = {
  url: [unchecked<string | URL>],
  clientId: [nonEmpty],
  username: [text],
  password: [password],
  headers: [headers],
} as const satisfies Rules<keyof Credentials>;

// --- what becomes of them

/** Options of {@link ReconnectOptions}, complete. */
export type ResolvedReconnect = ReturnType<typeof withMaxDelay>;

/** Options of a client, complete and valid. */
export type ResolvedOptions = ReturnType<typeof resolveOptions>;

/** What `credentials` gave, checked. */
export type ResolvedCredentials = Resolved<typeof credentialRules>;

function resolveReconnect(value: unknown, name: string): ResolvedReconnect | false {
  if (value === false) return false;
  if (value === true)
    throw new UsageError(`${name}: must be false or an object; leave it out for the defaults`);
  return withMaxDelay(resolve(value, name, reconnectRules), name);
}

function withMaxDelay(reconnect: Resolved<typeof reconnectRules>, name: string) {
  const { minDelay, maxDelay = Math.max(defaultMaxDelay, minDelay) } = reconnect;
  if (maxDelay < minDelay) throw new UsageError(`${name}.maxDelay: must not be less than minDelay`);
  return { ...reconnect, maxDelay };
}

/**
 * Checks and completes options.
 * @throws UsageError that names the option and the rule
 */
export function resolveOptions(options?: ClientOptions) {
  const {
    clientId,
    sessionExpiryInterval,
    keepAlive,
    username,
    password,
    will,
    properties,
    protocolVersion,
    store,
    ...others
  } = resolve(options, 'options', optionRules);
  const { clean, authenticate } = others;
  if (clientId === undefined && !clean) {
    throw new UsageError(
      'options.clientId: is required with clean: false: the server finds the session by it',
    );
  }
  if (sessionExpiryInterval === 0 && !clean) {
    throw new UsageError(
      'options.sessionExpiryInterval: must not be 0 with clean: false: the session would not be kept',
    );
  }
  if (authenticate) {
    const name = 'options.authenticate';
    if (!text(authenticate.method, `${name}.method`))
      throw new UsageError(`${name}.method: must be a non-empty string`);
    callback(authenticate.success, `${name}.success`);
  }
  callback(store?.acquire, 'options.store.acquire');
  const connect: ConnectPacket = {
    type: 'connect',
    protocolVersion: 5,
    clientId: clientId ?? randomClientId(),
    clean,
    keepAlive,
    username,
    password,
    will,
    properties: {
      sessionExpiryInterval: sessionExpiryInterval ?? (clean ? defaultExpiry : defaultKeptExpiry),
      ...properties,
    },
  };
  checkPacket(connect, 5);
  if (protocolVersion === 3 || protocolVersion === 4) {
    const given = { ...options?.properties, maximumPacketSize: undefined };
    if (authenticate) throw needsMqtt5('options.authenticate');
    if (sessionExpiryInterval !== undefined) throw needsMqtt5('options.sessionExpiryInterval');
    // The user name may come from the URL or from `credentials`.
    const packet = { ...connect, protocolVersion, username: username ?? '', properties: given };
    checkPacket(packet, protocolVersion);
  }
  const onlyMqtt5 = Object.entries({
    authenticate,
    'properties.userProperties': properties.userProperties,
    'properties.requestResponseInformation': properties.requestResponseInformation || undefined,
    'will.properties': Object.values(will?.properties ?? {}).find((value) => value !== undefined),
  }).find(([, value]) => value !== undefined);
  return {
    // An option that 3.1.1 cannot honour forbids the fallback.
    protocolVersion: onlyMqtt5 ? 5 : protocolVersion,
    /** Name of an option that does. */
    onlyMqtt5: onlyMqtt5?.[0],
    /** CONNECT as MQTT 5.0 has it, without what single attempts add. */
    connect: {
      ...connect,
      will: will && { ...will, properties: will.properties && ownProperties(will.properties) },
      properties: ownProperties(connect.properties ?? {}),
    },
    store: store ?? noStore,
    /** False for a store that nobody else can read: then nothing needs to be recorded. */
    recording: store !== undefined,
    // Last: V8 makes a hidden class of its own for each object that goes on after a spread.
    ...others,
  };
}

/** @throws UsageError for what `credentials` must not give */
export function resolveCredentials(given: unknown): ResolvedCredentials {
  // A function that gives nothing has forgotten to.
  checkObject(given, 'credentials');
  return resolve(given, 'credentials', credentialRules);
}

/** Lets the codec check the packet that options make: it names the member and the rule. @throws UsageError */
export function checkPacket(packet: ClientPacket, version: ProtocolVersion): void {
  try {
    packetSize(packet, version);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw error.code === 'needs-mqtt-5'
      ? needsMqtt5(`options.${error.message.split(':', 1)[0]}`)
      : new UsageError(`options.${error.message}`);
  }
}

function needsMqtt5(name: string): UsageError {
  return new UsageError(
    `${name}: needs MQTT 5.0; leave it out, or set protocolVersion: 5 or 'auto'`,
    'needs-mqtt-5',
  );
}

/** Makes a client identifier that every server must take: letters and digits, 23 in all [v5 MQTT-3.1.3-5]. */
function randomClientId(): string {
  const random = crypto.getRandomValues(new Uint8Array(17));
  return `mqtide${[...random].map((byte) => (byte % 36).toString(36)).join('')}`;
}
