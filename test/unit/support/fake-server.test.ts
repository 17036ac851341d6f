import { expect, test } from 'vitest';
import { connect } from '../../../src/node';
import { FakeServer } from '../../support/fake-server';
import { waitFor } from '../../support/wait-for';

test('a client connects, subscribes, publishes and receives without a socket', async () => {
  const server = new FakeServer();
  const client = await connect('mqtt://fake', { transport: server });
  const texts: string[] = [];
  await client.subscribe('a/+x', { qos: 2 }, (message) => void texts.push(message.text()));
  for (const qos of [0, 1, 2] as const) {
    expect(await client.publish('a/b', 'out', { qos })).toEqual({ reasonCode: 0 });
    server.link.publish('a/c', `in ${qos}`, { qos });
  }
  // The server's answers to what it sent last come in a later turn.
  await waitFor(() => server.link.types.includes('pubcomp'));
  await client.close();
  expect(texts).toEqual(['in 0', 'in 1', 'in 2']);
  expect(server.link.types).toEqual([
    'connect',
    'subscribe',
    ...['publish', 'publish', 'puback', 'publish', 'pubrel', 'pubrec', 'pubcomp', 'disconnect'],
  ]);
  expect(server.link.isOpen).toBe(false);
});
