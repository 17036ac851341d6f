/** A device of Alibaba Cloud IoT Platform: what it is known by, and where its server is. */

import { UsageError } from '../errors';
import type { ServerClock } from './server-clock';

/** What Alibaba Cloud calls the device certificate, and how to sign with it. */
export interface AliyunDevice {
  /** ProductKey of the product. */
  readonly productKey: string;
  /** DeviceName, unique in the product. */
  readonly deviceName: string;
  /** DeviceSecret: the key of the signature. It is never sent, nor shown in any message. */
  readonly deviceSecret: string;
  /** The client's own part of the client identifier, 1 to 64 characters without `|`. @default `'{productKey}.{deviceName}'` */
  readonly clientId?: string | undefined;
  /** How to sign. @default 'hmacsha256' */
  readonly signMethod?: 'hmacsha256' | 'hmacsha1' | undefined;
  /** The clock to sign by. @default that of the machine */
  readonly clock?: ServerClock | undefined;
}

/**
 * Where a device connects to: by the product and its region (public instances of the previous version), or by the
 * instance (all newer ones: its identifier begins with `iot-` and stands in the console).
 */
export type AliyunEndpoint =
  | { readonly productKey: string; readonly region: string; readonly instanceId?: undefined }
  | { readonly instanceId: string; readonly region?: undefined };

/** Longest part of a client identifier that is the client's own. */
const longestClientId = 64;

/** What may stand in the name of a host. */
const hostLabel = /^[a-z\d](?:[a-z\d-]*[a-z\d])?$/i;

/** Ports: one for WebSocket, plain and secure, one for MQTT, likewise. */
const ports = { ws: 443, wss: 443, mqtt: 1883, mqtts: 1883 } as const;

/**
 * The URL of a device's server: `wss://{productKey}.iot-as-mqtt.{region}.aliyuncs.com:443` or
 * `wss://{instanceId}.mqtt.iothub.aliyuncs.com:443`.
 *
 * @param scheme `'mqtts'` and `'mqtt'` are for Node; without TLS everybody on the way can read. @default 'wss'
 * @throws UsageError that names the member which is missing or no part of a host name
 */
export function aliyunIotUrl(endpoint: AliyunEndpoint, scheme: keyof typeof ports = 'wss'): string {
  checkMembers(endpoint, 'endpoint');
  if (typeof scheme !== 'string' || !Object.hasOwn(ports, scheme)) {
    throw new UsageError(`scheme: must be one of ${Object.keys(ports).join(', ')}`);
  }
  const host =
    endpoint.instanceId === undefined
      ? `${label(endpoint, 'productKey')}.iot-as-mqtt.${label(endpoint, 'region')}`
      : `${label(endpoint, 'instanceId')}.mqtt.iothub`;
  return `${scheme}://${host}.aliyuncs.com:${ports[scheme]}`;
}

function label(endpoint: AliyunEndpoint, name: 'productKey' | 'region' | 'instanceId'): string {
  const value: unknown = (endpoint as Partial<Record<typeof name, unknown>>)[name];
  if (typeof value === 'string' && hostLabel.test(value)) return value;
  throw new UsageError(`endpoint.${name}: must be a string of letters, digits and -`);
}

/**
 * A copy of a device, checked and complete.
 * @throws UsageError that names the member and the rule, and shows no value
 */
export function resolveDevice(device: AliyunDevice) {
  checkMembers(device, 'device');
  const productKey = topicLevel(device.productKey, 'productKey');
  const deviceName = topicLevel(device.deviceName, 'deviceName');
  const { deviceSecret, clientId = `${productKey}.${deviceName}`, signMethod = 'hmacsha256', clock } = device;
  if (typeof deviceSecret !== 'string' || deviceSecret === '') {
    throw new UsageError('device.deviceSecret: must be a non-empty string');
  }
  if (
    typeof clientId !== 'string' ||
    clientId === '' ||
    clientId.length > longestClientId ||
    clientId.includes('|')
  ) {
    throw new UsageError(`device.clientId: must be 1 to ${longestClientId} characters without |`);
  }
  if (signMethod !== 'hmacsha256' && signMethod !== 'hmacsha1') {
    throw new UsageError("device.signMethod: must be 'hmacsha256' or 'hmacsha1'");
  }
  if (clock !== undefined && typeof clock?.now !== 'function') {
    throw new UsageError('device.clock: must be a ServerClock');
  }
  return { productKey, deviceName, deviceSecret, clientId, signMethod, clock };
}

function checkMembers(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) throw new UsageError(`${name}: must be an object`);
}

/** Both names are levels of topics. */
function topicLevel(value: unknown, name: 'productKey' | 'deviceName'): string {
  if (typeof value === 'string' && /^[^/+#&|]+$/.test(value)) return value;
  throw new UsageError(`device.${name}: must be a non-empty string without / + # & |`);
}
