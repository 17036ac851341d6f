/** Credentials of a device of Alibaba Cloud IoT Platform: signed with the device's secret, afresh for each attempt. */

import { UsageError } from '../errors';
import type { ConnectAttempt, Credentials } from '../index';
import { subtleCrypto } from '../web-crypto';
import { type AliyunDevice, resolveDevice } from './aliyun-device';

/** Secure modes: 2 over TLS, 3 without. */
const secureSchemes: readonly string[] = ['wss:', 'mqtts:', 'tls:'];

/** Web Crypto's name of the hash, by the name that the service has for the method. */
const hashes = { hmacsha256: 'SHA-256', hmacsha1: 'SHA-1' } as const;

const encoder = new TextEncoder();

/**
 * Signs each attempt to connect, for the option `credentials`: client identifier, user name and password with the time
 * of the attempt.
 *
 * ```ts
 * const device = { productKey, deviceName, deviceSecret, region: 'cn-shanghai' };
 * const client = await connect(aliyunIotUrl(device), { credentials: aliyunIot(device) });
 * ```
 *
 * The service takes QoS 0 and 1, and a keep alive of 30 to 1,200 seconds.
 *
 * @throws UsageError `'unsupported'` outside of a secure context (a page that was not loaded over https or from
 * localhost), `'invalid-argument'` for a wrong member of the device; what it gives rejects with the same
 */
export function aliyunIot(device: AliyunDevice): (attempt: ConnectAttempt) => Promise<Credentials> {
  subtleCrypto('aliyunIot');
  const { productKey, deviceName, deviceSecret, clientId, signMethod, clock } = resolveDevice(device);
  return async ({ url }) => {
    const timestamp = Math.round(clock?.now() ?? Date.now());
    if (!Number.isSafeInteger(timestamp)) throw new UsageError('device.clock: gives no time');
    const secureMode = secureSchemes.includes(url.protocol) ? 2 : 3;
    const text = `clientId${clientId}deviceName${deviceName}productKey${productKey}timestamp${timestamp}`;
    return {
      clientId: `${clientId}|timestamp=${timestamp},securemode=${secureMode},signmethod=${signMethod}|`,
      username: `${deviceName}&${productKey}`,
      password: await sign(text, deviceSecret, hashes[signMethod]),
    };
  };
}

/** The HMAC of a text, in hexadecimal. */
async function sign(
  text: string,
  secret: string,
  hash: (typeof hashes)[keyof typeof hashes],
): Promise<string> {
  const subtle = subtleCrypto('aliyunIot');
  const key = await subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash }, false, ['sign']);
  const signature = new Uint8Array(await subtle.sign('HMAC', key, encoder.encode(text)));
  return [...signature].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
