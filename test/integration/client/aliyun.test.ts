import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { aliyunIot, aliyunThing, ServerClock } from '../../../src/credentials/index';
import type { ClientOptions } from '../../../src/index';
import { connect } from '../../../src/node';
import { type Broker, type BrokerOptions, startBroker } from '../../broker/index';
import { aliyunAuthorizer, type KnownDevice } from '../../support/aliyun-authorizer';
import { type Certificates, certificates } from '../../support/certificates';

const device = {
  productKey: 'a1X2bEn',
  deviceName: 'example1',
  deviceSecret: 'ga7XA6KdlEeiPXQPpRbAjOZXwG8y',
} as const;
const hour = 3_600_000;

let certs: Certificates;

beforeAll(async () => {
  certs = await certificates();
});

afterEach(() => void vi.useRealTimers());

/** A service that knows the device. */
async function service(known: Partial<KnownDevice> = {}, options: BrokerOptions = {}): Promise<Broker> {
  const broker = await startBroker({ ...options, login: aliyunAuthorizer({ ...device, ...known }) });
  onTestFinished(() => broker.close());
  return broker;
}

async function open(url: string, options: ClientOptions) {
  const client = await connect(url, { reconnect: { minDelay: 0, maxDelay: 0 }, ...options });
  onTestFinished(() => client.close({ force: true }));
  return client;
}

describe('signed credentials', () => {
  test.each(['hmacsha256', 'hmacsha1'] as const)(
    'by %s let the device in, in every version',
    async (signMethod) => {
      const broker = await service();
      for (const url of [broker.url, broker.wsUrl])
        for (const protocolVersion of [5, 4, 3] as const) {
          const client = await open(url, {
            protocolVersion,
            credentials: aliyunIot({ ...device, signMethod }),
          });
          expect(client.protocolVersion).toBe(protocolVersion);
          await client.close();
        }
    },
  );

  test('say so over TLS', async () => {
    const broker = await service({ isSecure: true }, { tls: certs.server });
    for (const url of [broker.tlsUrl, broker.wssUrl]) {
      const client = await open(url, { tls: { ca: certs.ca.cert }, credentials: aliyunIot(device) });
      expect(client.clientId).toContain(',securemode=2,');
    }
    const unsecure = open(broker.url, { credentials: aliyunIot(device) });
    await expect(unsecure).rejects.toMatchObject({ code: 'bad-user-name-or-password' });
  });

  test('with another secret are refused by an error that shows neither', async () => {
    const broker = await service();
    const credentials = aliyunIot({ ...device, deviceSecret: 'not-the-secret' });
    const error: unknown = await open(broker.url, { credentials }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'RefusedError', code: 'bad-user-name-or-password' });
    expect(String(error)).not.toMatch(/secret|ga7XA6/);
  });

  test('are made anew for the attempt after a clock jump of an hour', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const broker = await service({ tolerance: hour / 2 });
    const client = await open(broker.wsUrl, { credentials: aliyunIot(device) });
    const first = client.clientId;
    const reconnected = new Promise((resolve) => client.on('connect', resolve));
    vi.setSystemTime(Date.now() + hour);
    broker.kill(first);
    await reconnected;
    const [before, after] = [first, client.clientId].map((id) => Number(/timestamp=(\d+)/.exec(id)?.[1]));
    expect((after ?? 0) - (before ?? 0)).toBeGreaterThanOrEqual(hour);
    // Let in at the first attempt each time.
    expect(broker.log.packets('out', 'connack')).toHaveLength(2);
  });

  test('by a clock that is an hour slow are in time once it was synchronized', async () => {
    const ahead = hour;
    let tolerance = 2 * hour;
    const broker = await startBroker({
      login: (request) => aliyunAuthorizer({ ...device, tolerance, now: () => Date.now() + ahead })(request),
    });
    onTestFinished(() => broker.close());
    const clock = new ServerClock();
    const client = await open(broker.url, { credentials: aliyunIot({ ...device, clock }) });
    const name = `${device.productKey}/${device.deviceName}`;
    broker.log
      .waitFor(({ packet }) => packet.type === 'publish' && packet.topic === `/ext/ntp/${name}/request`)
      .then(({ packet }) => {
        if (packet.type !== 'publish') return;
        const { deviceSendTime } = JSON.parse(new TextDecoder().decode(packet.payload));
        const now = Date.now() + ahead;
        const answer = JSON.stringify({ deviceSendTime, serverRecvTime: now, serverSendTime: now });
        broker.publish(`/ext/ntp/${name}/response`, answer);
      });
    const { offset, roundTrip } = await aliyunThing(client, { ...device, clock }).synchronizeClock();
    expect(Math.abs(offset - ahead)).toBeLessThanOrEqual(roundTrip / 2 + 1);

    // Wide enough for a slow machine, far too narrow for the uncorrected clock.
    tolerance = hour / 2;
    const reconnected = new Promise((resolve) => client.on('connect', resolve));
    broker.kill(client.clientId);
    await reconnected;
    expect(broker.log.packets('out', 'connack')).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0 }]);
  });
});
