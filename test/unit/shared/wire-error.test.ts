import { describe, expect, test } from 'vitest';
import {
  ConnectionError,
  MalformedPacketError,
  MqttError,
  PeerError,
  ProtocolError,
  RefusedError,
  StoreError,
  UsageError,
} from '../../../src/errors';
import type { Status } from '../../../src/index';
import { fromWired, fromWireError, toWired, toWireError } from '../../../src/shared/wire-error';

const travelled = (error: unknown) => fromWireError(structuredClone(toWireError(error)));

describe('an error that went to another tab', () => {
  test.each([
    new MqttError('own', 'of no class below'),
    new UsageError('a wrong argument', 'needs-mqtt-5'),
    new ConnectionError('lost', 'the network', { reasonCode: 0x8b, cause: new Error('below') }),
    new StoreError('store-full', 'no room', { cause: new TypeError('below', { cause: 'text' }) }),
    new PeerError('some', 'the peer', { reasonCode: 0x80 }),
    new MalformedPacketError('bytes'),
    new ProtocolError('a rule', 'topic-alias-invalid', 0x94),
    new RefusedError(0x87, 'The server refused', { reasonString: 'not you' }),
    new RefusedError(0x99, 'Again and again', { code: 'poison' }),
  ])('is of the same class, with the same members: $name $code', (error) => {
    const copy = travelled(error);
    expect(copy).toBeInstanceOf(error.constructor);
    expect(copy).toMatchObject({
      name: error.name,
      code: error.code,
      message: error.message,
      reasonCode: error.reasonCode,
    });
    expect((copy.cause as Error | undefined)?.message).toBe((error.cause as Error | undefined)?.message);
  });

  test('keeps the name of what is none of ours', () => {
    expect(travelled(new TypeError('no function'))).toMatchObject({
      name: 'TypeError',
      message: 'no function',
    });
    expect(travelled('text').message).toBe('text');
    expect(travelled({ secret: 1 }).message).not.toContain('secret');
  });

  test('does not follow causes for ever', () => {
    const error = new Error('round');
    error.cause = error;
    expect(travelled(error).message).toBe('round');
  });

  test('travels as a member of a status', () => {
    const status = { type: 'closed', error: new ConnectionError('closed', 'over') } as const;
    const copy: Status = fromWired<Status>(structuredClone(toWired<Status>(status)));
    expect('error' in copy && copy.error).toBeInstanceOf(ConnectionError);
    const idle = { type: 'idle' } as const;
    expect(toWired(idle)).toBe(idle);
  });
});
