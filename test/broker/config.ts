/** Reads the JSON file of the command line: the options of `startBroker` that JSON can say. */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkRule } from './authorization';
import type { BrokerOptions } from './options';

/** Throws when a value cannot be what stands at this place. It never says what it was: that may be a password. */
type Check = (value: unknown, place: string) => void;

const must =
  (be: string, is: (value: unknown) => boolean): Check =>
  (value, place) => {
    if (!is(value)) throw new Error(`option "${place}" must be ${be}`);
  };
const within = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && value >= least && value <= most;
const integer = (least: number, most: number) =>
  must(
    `an integer from ${least} to ${most}`,
    (value) => Number.isInteger(value) && within(value, least, most),
  );
const oneOf = (...values: readonly unknown[]) =>
  must(`one of ${values.map((value) => JSON.stringify(value)).join(', ')}`, (value) =>
    values.includes(value),
  );
const boolean = must('true or false', (value) => typeof value === 'boolean');
const string = must('a string', (value) => typeof value === 'string');
const port = must(
  'an integer from 0 to 65535, or false',
  (value) => value === false || (Number.isInteger(value) && within(value, 0, 65_535)),
);

const listOf =
  (item: Check): Check =>
  (value, place) => {
    if (!Array.isArray(value)) throw new Error(`option "${place}" must be a list`);
    for (const [index, member] of value.entries()) item(member, `${place}[${index}]`);
  };

/** An object with no other members than these. */
const objectOf =
  (members: Readonly<Record<string, Check>>, required: readonly string[] = []): Check =>
  (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(
        place === '' ? 'the configuration is not a JSON object' : `option "${place}" must be an object`,
      );
    }
    const at = (name: string) => (place === '' ? name : `${place}.${name}`);
    for (const [name, member] of Object.entries(value)) {
      const check = Object.hasOwn(members, name) ? members[name] : undefined;
      if (check === undefined) throw new Error(`there is no option "${at(name)}"`);
      check(member, at(name));
    }
    for (const name of required) {
      if (!Object.hasOwn(value, name)) throw new Error(`option "${at(name)}" is missing`);
    }
  };

/** Two and four bytes of MQTT. */
const twoBytes = 65_535;
const fourBytes = 4_294_967_295;
/** Milliseconds that a timer can wait. */
const longestWait = 2_147_483_647;
const count = (least: number) => integer(least, fourBytes);

const rules = objectOf({ allow: listOf(checkRule), deny: listOf(checkRule) });
const authorization = { publish: rules, subscribe: rules };

/** What each option must be; options that JSON cannot say are missing here. */
const check = objectOf({
  host: string,
  port,
  wsPort: port,
  tls: objectOf({ key: string, cert: string, port, wsPort: port }, ['key', 'cert']),
  subprotocol: oneOf('required', 'optional'),
  protocolVersions: listOf(oneOf(3, 4, 5)),
  allowAnonymous: boolean,
  users: listOf(objectOf({ username: string, password: string, ...authorization }, ['username', 'password'])),
  authorization: objectOf(authorization),
  scramIterations: integer(1, longestWait),
  refusedFilters: listOf(checkRule),
  refusedClientIds: listOf(string),
  maximumQoS: oneOf(0, 1, 2),
  // Neither may be 0 [v5 3.2.2.3.3, 3.2.2.3.6].
  receiveMaximum: integer(1, twoBytes),
  maximumPacketSize: integer(1, fourBytes),
  topicAliasMaximum: integer(0, twoBytes),
  retainAvailable: boolean,
  wildcardSubscriptionAvailable: boolean,
  sharedSubscriptionAvailable: boolean,
  subscriptionIdentifierAvailable: boolean,
  serverKeepAlive: integer(0, twoBytes),
  maximumKeepAlive: integer(0, twoBytes),
  sessionExpiryMaximum: integer(0, fourBytes),
  responseInformation: string,
  connectTimeout: integer(1, longestWait),
  maximumConnections: count(1),
  maximumQueued: count(0),
  maximumQueuedBytes: count(0),
  maximumSubscriptions: count(0),
  maximumRetained: count(0),
  queueQoS0: boolean,
  overlapping: oneOf('one', 'each'),
  qos2Delivery: oneOf('release', 'receipt'),
  disallowedCodePoints: oneOf('refused', 'taken'),
  validatePayloadFormat: boolean,
  reportNoSubscribers: boolean,
  diagnostics: oneOf('none', 'reason', 'full'),
  sysInterval: must('a number from 0 to 2147483', (value) => within(value, 0, 2_147_483)),
  logSize: count(0),
});

/**
 * Takes the options out of a JSON text.
 *
 * @throws Error naming the option that is unknown or wrong
 */
export function parseConfig(text: string): BrokerOptions {
  const value = parseJson(text);
  check(value, '');
  return value as BrokerOptions;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's words quote what is there, which may be a password.
    const [place] = / at position \d+.*/.exec(wordsOf(error)) ?? [''];
    throw new Error(`it is not JSON${place}`);
  }
}

/**
 * Reads a file; key and certificate of `tls` are names of files, seen from its folder.
 *
 * @throws Error naming the file and what is wrong in it
 */
export function readConfig(file: string): BrokerOptions {
  try {
    const options = parseConfig(readFileSync(file, 'utf8'));
    const { tls } = options;
    if (tls === undefined) return options;
    const read = (name: 'key' | 'cert') => {
      try {
        return readFileSync(resolve(dirname(file), String(tls[name])));
      } catch (error) {
        throw new Error(`option "tls.${name}": ${wordsOf(error)}`, { cause: error });
      }
    };
    return { ...options, tls: { ...tls, key: read('key'), cert: read('cert') } };
  } catch (error) {
    throw new Error(`${file}: ${wordsOf(error)}`, { cause: error });
  }
}

/** @throws Error when a broker with these options would have no port */
export function checkPorts({ port, wsPort, tls }: BrokerOptions): void {
  const ports = [port, wsPort, ...(tls ? [tls.port, tls.wsPort] : [])];
  if (ports.every((one) => one === false)) {
    throw new Error('there is no port to listen on: options "port" and "wsPort" are false');
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
