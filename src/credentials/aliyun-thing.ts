/** The thing model of Alibaba Cloud IoT Platform (Alink JSON): a device's properties, and the time of the service. */

import { ProtocolError, UsageError } from '../errors';
import type { Client, Message, Subscription, WaitOptions } from '../index';
import { type AliyunDevice, resolveDevice } from './aliyun-device';
import { AliyunReplyError } from './aliyun-reply-error';
import { Exchange } from './exchange';
import { type ClockReading, readClock } from './server-clock';

/** Code of an answer that says that all is well. */
const success = 200;

/** Code for a device that could not do what it was told: the first of those that are the devices' own. */
const deviceFailed = 100_000;

/** Identifiers of messages are numbers below this, as text. */
const idLimit = 4_294_967_296;

type Values = Readonly<Record<string, unknown>>;

/** Takes properties that the service sets. What it throws is answered as a failure, and reaches `'error'`. */
export type PropertySetHandler = (properties: Values, message: Message) => unknown;

/** A device's side of the thing model. */
export interface AliyunThing {
  /**
   * Reports properties, values or `{ value, time }` by name, and waits for the answer of the service.
   *
   * @param options `timeout` is 10,000 milliseconds by default
   * @throws UsageError for what is no JSON object, and wrong options; AliyunReplyError when the service refuses; ConnectionError `'timeout'`,
   * `'closed'`; `signal.reason`
   */
  postProperties(properties: Values, options?: WaitOptions): Promise<void>;
  /**
   * Takes the properties that the service sets; each is answered when what the handler returns has settled.
   * @throws as `client.subscribe`
   */
  onPropertySet(handler: PropertySetHandler): Promise<Subscription>;
  /**
   * Asks the service for its time and sets the device's `clock`, if it has one: later attempts are signed by it.
   *
   * @param options `timeout` is 10,000 milliseconds by default
   * @throws UsageError for wrong options; ConnectionError `'timeout'`, `'closed'`; `signal.reason`
   */
  synchronizeClock(options?: WaitOptions): Promise<ClockReading>;
}

/**
 * The thing model for a client that connects as this device.
 * @throws UsageError for what is no client, and for a wrong member of the device
 */
export function aliyunThing(
  client: Client,
  device: Pick<AliyunDevice, 'productKey' | 'deviceName' | 'clock'>,
): AliyunThing {
  if (!client?.subscribe) throw new UsageError('client: must be a client; await connect()');
  // The secret is not needed here.
  const { productKey, deviceName, clock } = resolveDevice({ ...device, deviceSecret: 'none' });
  const name = `${productKey}/${deviceName}`;
  const posts = new Exchange(client, {
    request: `/sys/${name}/thing/event/property/post`,
    answer: `/sys/${name}/thing/event/property/post_reply`,
    qos: 1,
    read: (message) => {
      const { id, code, message: words } = membersOf(message);
      return { id: idOf(id, message), answer: { code: numberOf(code, message), words: textOf(words) } };
    },
  });
  const times = new Exchange(client, {
    request: `/ext/ntp/${name}/request`,
    answer: `/ext/ntp/${name}/response`,
    // The service takes no other.
    qos: 0,
    read: (message) => {
      const { deviceSendTime, serverRecvTime, serverSendTime } = membersOf(message);
      const answer = [numberOf(serverRecvTime, message), numberOf(serverSendTime, message)] as const;
      return { id: idOf(deviceSendTime, message), answer };
    },
  });
  let lastId = Math.floor(Math.random() * idLimit);

  return {
    async postProperties(properties, options = {}) {
      lastId = (lastId + 1) % idLimit;
      const id = String(lastId);
      const method = 'thing.event.property.post';
      const text = jsonOf({ id, version: '1.0', sys: { ack: 1 }, params: checked(properties), method });
      const { code, words } = await posts.ask(id, () => text, options);
      if (code !== success) throw new AliyunReplyError(code, words);
    },

    async onPropertySet(handler) {
      if (typeof handler !== 'function') throw new UsageError('handler: must be a function');
      const topic = `/sys/${name}/thing/service/property/set`;
      return client.subscribe(topic, { qos: 1 }, async (message) => {
        const { id, params } = membersOf(message);
        const reply = (code: number, words: string) => {
          // Not waited for: without a connection it is queued. A failure counts in `client.stats`.
          const text = JSON.stringify({ id, code, data: {}, message: words, version: '1.0' });
          client.publish(`${topic}_reply`, text, { qos: 1 });
        };
        try {
          await handler(isObject(params) ? params : wrong(message), message);
        } catch (error) {
          // Not its words, which are nobody's business there.
          reply(deviceFailed, 'the device failed to set the properties');
          throw error;
        }
        reply(success, 'success');
      });
    },

    async synchronizeClock(options = {}) {
      // Only an identifier: the time that counts is taken when the request leaves.
      let time = Date.now();
      while (times.isWaiting(String(time))) time += 1;
      let left = 0;
      const request = () => {
        left = performance.now();
        return JSON.stringify({ deviceSendTime: String(time) });
      };
      const [serverReceived, serverSent] = await times.ask(String(time), request, options);
      // By the monotonic clock, in case the other one is set meanwhile.
      const received = Date.now();
      const sent = received - (performance.now() - left);
      const reading = readClock(sent, serverReceived, serverSent, received);
      if (clock) clock.offset = reading.offset;
      return reading;
    },
  };
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checked(properties: unknown): Values {
  // JSON of a Map or a Promise would be that of no properties at all.
  if (isObject(properties) && Object.prototype.toString.call(properties) === '[object Object]')
    return properties;
  throw new UsageError('properties: must be an object with the properties by name');
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new UsageError('properties: cannot be written as JSON', 'invalid-argument', { cause });
  }
}

// --- what the service sends

function wrong({ topic }: Message): never {
  throw new ProtocolError(`The service sent something on ${topic} that is not what belongs there`);
}

function membersOf(message: Message): Values {
  let value: unknown;
  try {
    value = message.json();
  } catch {
    return wrong(message);
  }
  return isObject(value) ? value : wrong(message);
}

function idOf(value: unknown, message: Message): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : wrong(message);
}

/** A number, which the service also writes as text. */
function numberOf(value: unknown, message: Message): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : wrong(message);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
