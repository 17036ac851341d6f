import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { checkedRecords } from '../../../src/store/stored-record';

const stored = {
  kind: 'publish',
  id: 1,
  packetId: 65_535,
  topic: 't',
  payload: new Uint8Array(),
  qos: 1,
  retain: false,
};

test('takes records as the session writes them', () => {
  expect(checkedRecords([stored], 'till')).toEqual([stored]);
});

test('takes bytes of another realm, which a database of a test runner with a DOM gives back', () => {
  const payload: unknown = runInNewContext('new Uint8Array([1, 2])');
  expect(payload).not.toBeInstanceOf(Uint8Array);
  expect(checkedRecords([{ ...stored, payload }], 'till')).toEqual([{ ...stored, payload }]);
});

test.each([
  ['a packet identifier that MQTT does not have', { packetId: 65_536 }],
  ['a negative one', { packetId: -1 }],
  ['a QoS that MQTT does not have', { qos: 3 }],
  ['a payload that is no bytes', { payload: 'text' }],
  ['a kind that nobody knows', { kind: 'toString' }],
])('takes the store for damaged at %s', (_, part) => {
  expect(() => checkedRecords([{ ...stored, ...part }], 'till')).toThrow(
    expect.objectContaining({ code: 'store-corrupt', message: expect.stringContaining("'till'") }),
  );
});
