/** Reads the JSON file of the command line: the options of `startBroker` that JSON can say. */

import { readFileSync } from 'node:fs';
import type { BrokerOptions } from './options';

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isString: Check = (value) => typeof value === 'string';
const isStrings: Check = (value) => Array.isArray(value) && value.every(isString);
const isPort: Check = (value) => value === false || isNumber(value);
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);
const isRules: Check = (value) => hasOnly(value, { allow: isStrings, deny: isStrings });
const isAuthorization = { publish: isRules, subscribe: isRules };
const isUser: Check = (value) =>
  hasOnly(value, { username: isString, password: isString, ...isAuthorization }) &&
  Object.hasOwn(value as object, 'username') &&
  Object.hasOwn(value as object, 'password');

/** What each option must be; options that JSON cannot say are missing here. */
const checks: Readonly<Record<string, Check>> = {
  host: isString,
  port: isPort,
  wsPort: isPort,
  tls: (value) => hasOnly(value, { key: isString, cert: isString, port: isPort, wsPort: isPort }),
  subprotocol: oneOf('required', 'optional'),
  protocolVersions: (value) => Array.isArray(value) && value.every(oneOf(3, 4, 5)),
  allowAnonymous: isBoolean,
  users: (value) => Array.isArray(value) && value.every(isUser),
  authorization: (value) => hasOnly(value, isAuthorization),
  scramIterations: isNumber,
  refusedFilters: isStrings,
  refusedClientIds: isStrings,
  maximumQoS: oneOf(0, 1, 2),
  receiveMaximum: isNumber,
  maximumPacketSize: isNumber,
  topicAliasMaximum: isNumber,
  retainAvailable: isBoolean,
  wildcardSubscriptionAvailable: isBoolean,
  sharedSubscriptionAvailable: isBoolean,
  subscriptionIdentifierAvailable: isBoolean,
  serverKeepAlive: isNumber,
  maximumKeepAlive: isNumber,
  sessionExpiryMaximum: isNumber,
  responseInformation: isString,
  connectTimeout: isNumber,
  maximumConnections: isNumber,
  maximumQueued: isNumber,
  maximumSubscriptions: isNumber,
  maximumRetained: isNumber,
  queueQoS0: isBoolean,
  overlapping: oneOf('one', 'each'),
  qos2Delivery: oneOf('release', 'receipt'),
  disallowedCodePoints: oneOf('refused', 'taken'),
  validatePayloadFormat: isBoolean,
  reportNoSubscribers: isBoolean,
  diagnostics: oneOf('none', 'reason', 'full'),
  sysInterval: isNumber,
  logSize: isNumber,
};

/** True for an object that has no other members than these, each as it must be. */
function hasOnly(value: unknown, members: Readonly<Record<string, Check>>): boolean {
  if (!isObject(value)) return false;
  return Object.entries(value as object).every(([name, member]) => members[name]?.(member) === true);
}

/**
 * Takes the options out of a JSON text.
 *
 * @throws Error naming the option that is unknown or wrong
 */
export function parseConfig(text: string): BrokerOptions {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('the configuration is not a JSON object');
  for (const [name, member] of Object.entries(value as object)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw new Error(`there is no option "${name}"`);
    if (!check(member)) throw new Error(`option "${name}" cannot be ${JSON.stringify(member)}`);
  }
  return value as BrokerOptions;
}

/** Reads a file; key and certificate of `tls` are names of files. */
export function readConfig(file: string): BrokerOptions {
  const options = parseConfig(readFileSync(file, 'utf8'));
  const { tls } = options;
  if (tls === undefined) return options;
  return { ...options, tls: { ...tls, key: readFileSync(tls.key), cert: readFileSync(tls.cert) } };
}
