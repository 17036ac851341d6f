import { afterEach, describe, expect, test, vi } from 'vitest';
import { type AliyunDevice, aliyunIot, aliyunIotUrl, ServerClock } from '../../../src/credentials/index';
import { UsageError } from '../../../src/errors';
import type { ConnectAttempt } from '../../../src/index';

/** An attempt to connect to a server. */
const attemptAt = (url: string): ConnectAttempt => ({
  attempt: 1,
  url: new URL(url),
  signal: new AbortController().signal,
});

/** A clock that stands still. */
const clockAt = (time: number) => Object.assign(new ServerClock(), { now: () => time });

/** Every asterisk is part of the key. */
const device: AliyunDevice = {
  productKey: 'a1X2bEn****',
  deviceName: 'example1',
  deviceSecret: 'ga7XA6KdlEeiPXQPpRbAjOZXwG8y****',
};

function errorOf(run: () => unknown): UsageError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error as UsageError;
  }
  throw new Error('nothing was thrown');
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('the signature', () => {
  test.each([
    {
      given: device,
      timestamp: 1578321210292,
      clientId: 'a1X2bEn****.example1|timestamp=1578321210292,securemode=2,signmethod=hmacsha256|',
      username: 'example1&a1X2bEn****',
      password: 'B144BAE52CF8A5B5F2B37743D8440C85CDC05861A1BF87C564E4FB2CBF43FAFB',
    },
    {
      given: {
        productKey: 'pk',
        deviceName: 'device',
        deviceSecret: 'secret',
        clientId: '12345',
        signMethod: 'hmacsha1',
      },
      timestamp: 789,
      clientId: '12345|timestamp=789,securemode=2,signmethod=hmacsha1|',
      username: 'device&pk',
      password: 'FAFD82A3D602B37FB0FA8B7892F24A477F851A14',
    },
    {
      given: {
        productKey: 'a14Xib5kdYd',
        deviceName: 'light1983432',
        deviceSecret: 'oLyaKqVxtRvjH284LdhqVgVUx1UPy6zq',
        clientId: 'SN1928339',
        signMethod: 'hmacsha1',
      },
      timestamp: 1539421321846,
      clientId: 'SN1928339|timestamp=1539421321846,securemode=2,signmethod=hmacsha1|',
      username: 'light1983432&a14Xib5kdYd',
      password: 'b2488041f64f425016b467ee1c94959ebd592ad1',
    },
  ] as const)('of $username is that of the documentation', async ({ given, timestamp, ...expected }) => {
    const sign = aliyunIot({ ...given, clock: clockAt(timestamp) });
    const { password, ...others } = await sign(attemptAt('wss://server'));
    expect({ ...others, password: String(password).toLowerCase() }).toEqual({
      ...expected,
      password: expected.password.toLowerCase(),
    });
  });

  test.each([
    ['wss://server', 2],
    ['mqtts://server', 2],
    ['tls://server', 2],
    ['ws://server', 3],
    ['mqtt://server', 3],
    ['tcp://server', 3],
  ])('for %s says secure mode %i', async (url, mode) => {
    const { clientId } = await aliyunIot(device)(attemptAt(url));
    expect(clientId).toMatch(new RegExp(`\\|timestamp=\\d{13},securemode=${mode},signmethod=hmacsha256\\|$`));
  });

  test('is made afresh for each attempt, by the time of that', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 });
    const sign = aliyunIot(device);
    const first = await sign(attemptAt('wss://server'));
    vi.setSystemTime(1_700_003_600_000);
    const second = await sign(attemptAt('wss://server'));
    expect(first.clientId).toContain('timestamp=1700000000000,');
    expect(second.clientId).toContain('timestamp=1700003600000,');
    expect(second.password).not.toBe(first.password);
  });

  test('is made by the clock of the device, as it is corrected by then', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000 });
    const clock = new ServerClock();
    const sign = aliyunIot({ ...device, clock });
    clock.offset = 1_700_000_000_000.4;
    const { clientId } = await sign(attemptAt('wss://server'));
    expect(clientId).toContain('timestamp=1700000001000,');
  });

  test('does not follow what becomes of the object that described the device', async () => {
    const own = { ...device };
    const sign = aliyunIot({ ...own, clock: clockAt(1) });
    const changed = aliyunIot(Object.assign(own, { clock: clockAt(1) }));
    own.deviceSecret = 'another';
    expect(await changed(attemptAt('wss://server'))).toEqual(await sign(attemptAt('wss://server')));
  });
});

describe('a wrong device', () => {
  test.each([
    ['productKey', ''],
    ['productKey', undefined],
    ['productKey', 'a/b'],
    ['productKey', 'a&b'],
    ['deviceName', undefined],
    ['deviceName', 12],
    ['deviceName', 'a+b'],
    ['deviceName', '#'],
    ['deviceSecret', undefined],
    ['deviceSecret', ''],
    ['deviceSecret', 12345678],
    ['clientId', ''],
    ['clientId', 'a|b'],
    ['clientId', 'x'.repeat(65)],
    ['clientId', 7],
    ['signMethod', 'hmacmd5'],
    ['clock', {}],
    ['clock', null],
  ])('%s: %j is refused by a message that names it and shows no value', (name, value) => {
    const error = errorOf(() => aliyunIot({ ...device, [name]: value }));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(new RegExp(`^device\\.${name}: must`));
    expect(error.message).not.toContain('ga7XA6');
    expect(error.message).not.toContain('12345678');
  });

  test.each([undefined, null, 'device'])('%j is refused', (value) => {
    const error = errorOf(() => aliyunIot(value as unknown as AliyunDevice));
    expect(error.message).toBe('device: must be an object');
  });

  test('whose clock gives no time rejects', async () => {
    const sign = aliyunIot({ ...device, clock: clockAt(Number.NaN) });
    await expect(sign(attemptAt('wss://server'))).rejects.toThrow('device.clock: gives no time');
  });

  test('cannot be signed for outside of a secure context, and the error says so', () => {
    vi.stubGlobal('crypto', { getRandomValues: () => undefined });
    const error = errorOf(() => aliyunIot(device));
    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(/secure context/);
  });
});

describe('the URL', () => {
  test('is that of the product in its region, or that of the instance', () => {
    const place = { productKey: 'a1X2', region: 'cn-shanghai' };
    expect(aliyunIotUrl(place)).toBe('wss://a1X2.iot-as-mqtt.cn-shanghai.aliyuncs.com:443');
    expect(aliyunIotUrl(place, 'ws')).toBe('ws://a1X2.iot-as-mqtt.cn-shanghai.aliyuncs.com:443');
    expect(aliyunIotUrl(place, 'mqtts')).toBe('mqtts://a1X2.iot-as-mqtt.cn-shanghai.aliyuncs.com:1883');
    expect(aliyunIotUrl(place, 'mqtt')).toBe('mqtt://a1X2.iot-as-mqtt.cn-shanghai.aliyuncs.com:1883');
    const url = 'wss://iot-06z00ax1o.mqtt.iothub.aliyuncs.com:443';
    expect(aliyunIotUrl({ instanceId: 'iot-06z00ax1o' })).toBe(url);
    expect(aliyunIotUrl({ ...device, instanceId: 'iot-06z00ax1o' })).toBe(url);
  });

  test.each([
    [{ region: 'cn-shanghai' }, 'productKey'],
    [{ productKey: 'a1' }, 'region'],
    [{ productKey: 'a1', region: 'cn shanghai' }, 'region'],
    [{ productKey: 'evil.example/', region: 'cn-shanghai' }, 'productKey'],
    [{ productKey: '-', region: 'cn-shanghai' }, 'productKey'],
    [{ instanceId: 'evil.example:1/' }, 'instanceId'],
    [{ instanceId: '' }, 'instanceId'],
  ])('of %j is refused by a message that names %s', (endpoint, name) => {
    const error = errorOf(() => aliyunIotUrl(endpoint as { instanceId: string }));
    expect(error.message).toMatch(new RegExp(`^endpoint\\.${name}: must`));
  });

  test('has one of four schemes', () => {
    for (const scheme of ['https', 'tls', 'toString', '', Object.create(null)]) {
      expect(errorOf(() => aliyunIotUrl({ instanceId: 'i' }, scheme as 'ws')).message).toMatch(
        /^scheme: must/,
      );
    }
    expect(errorOf(() => aliyunIotUrl(undefined as unknown as { instanceId: string })).message).toBe(
      'endpoint: must be an object',
    );
  });
});
