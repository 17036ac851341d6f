/** Verifies signed credentials as Alibaba Cloud IoT Platform does; for the broker's option `login`. */

import { createHmac } from 'node:crypto';
import type { LoginRequest } from '../broker/options';

/** What is known of a device, and how exact its clock must be. */
export interface KnownDevice {
  readonly productKey: string;
  readonly deviceName: string;
  readonly deviceSecret: string;
  /** Whether it connects over TLS. @default false */
  readonly isSecure?: boolean;
  /** Milliseconds by which its time may be wrong. @default any */
  readonly tolerance?: number;
  /** The server's clock. @default Date.now */
  readonly now?: () => number;
}

/** Bad user name or password. */
const refused = 0x86;

/** Lets the device in when its signature is right. */
export function aliyunAuthorizer(device: KnownDevice): (request: LoginRequest) => true | number {
  const {
    productKey,
    deviceName,
    deviceSecret,
    isSecure = false,
    tolerance = Infinity,
    now = Date.now,
  } = device;
  return ({ clientId, username, password }) => {
    const [, id, parameters] = /^([^|]{1,64})\|([^|]*)\|$/.exec(clientId) ?? [];
    if (id === undefined || username !== `${deviceName}&${productKey}`) return refused;
    const values = new Map(parameters?.split(',').map((pair) => pair.split('=', 2) as [string, string]));
    const { timestamp, securemode, signmethod } = Object.fromEntries(values);
    const hash = /^hmac(sha1|sha256)$/.exec(signmethod ?? '')?.[1];
    if (hash === undefined || securemode !== (isSecure ? '2' : '3')) return refused;
    if (!(Math.abs(Number(timestamp) - now()) <= tolerance)) return refused;
    const text = `clientId${id}deviceName${deviceName}productKey${productKey}timestamp${timestamp}`;
    const expected = createHmac(hash, deviceSecret).update(text).digest('hex');
    return new TextDecoder().decode(password).toLowerCase() === expected ? true : refused;
  };
}
