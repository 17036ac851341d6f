import { expect, test } from 'vitest';
import { Events } from '../../../src/shared/events';

test('a listener that listens once is called once, though another one makes the event happen again', () => {
  const events = new Events(() => {});
  const heard: string[] = [];
  events.on('close', () => events.emit('close', { error: undefined }), { once: true });
  events.on('close', () => heard.push('once'), { once: true });
  events.emit('close', { error: undefined });
  expect(heard).toEqual(['once']);
});

test('a listener that another one takes off hears nothing any more', () => {
  const events = new Events(() => {});
  const heard: string[] = [];
  events.on('close', () => off());
  const off = events.on('close', () => heard.push('taken off'));
  events.emit('close', { error: undefined });
  expect(heard).toEqual([]);
});

test.each([
  ['words', 'A handler or listener failed with words'],
  [7, 'A handler or listener failed with a value of type number'],
])('what a handler throws is told by the error: %j', (thrown, message) => {
  const events = new Events(() => {});
  const errors: Error[] = [];
  events.on('error', (error) => errors.push(error));
  events.failure(thrown);
  expect(errors).toMatchObject([{ message, cause: thrown }]);
});
