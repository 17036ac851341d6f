import { reactive, ref } from '@vue/reactivity';
import { describe, expect, test, vi } from 'vitest';
import { connected } from '../../support/fake-client';
import { FakeServer } from '../../support/fake-server';
import { SharedTabs } from '../../support/shared-tabs';

describe('in the reactive state of Vue', () => {
  test('a client and its Subscriptions are what they are outside of it', async () => {
    const { client, server } = await connected();
    const seen = vi.fn();
    const state = reactive({ client, subscription: await client.subscribe('a', { qos: 1 }, seen) });
    expect(state.client).toBe(client);
    await ref(client).value.publish('a', 'x', { qos: 1 });
    server.link.publish('a', 'y');
    expect(seen).toHaveBeenCalledOnce();
    await state.subscription.unsubscribe();
    expect(server.link.types).toContain('unsubscribe');
    await state.client.close();
  });

  test('so is a shared client', async () => {
    const tabs = new SharedTabs('ws://broker.example/mqtt', { transport: new FakeServer() });
    const { client } = await tabs.open();
    const state = reactive({ client, subscription: await client.subscribe('a', () => {}) });
    await state.client.publish('a', 'x', { qos: 1 });
    await state.subscription.unsubscribe();
    await state.client.close();
    await tabs.close();
  });

  test('options and arguments count for what they hold', async () => {
    const state = reactive({
      options: { will: { topic: 'w', payload: 'gone', properties: { willDelayInterval: 5 } } },
      filters: ['a', 'b'],
      asked: { qos: 1 as const, properties: { userProperties: [['name', 'value']] as [string, string][] } },
    });
    const { client, server } = await connected(state.options);
    expect(server.link.connect.will).toMatchObject({ topic: 'w', properties: { willDelayInterval: 5 } });
    await client.subscribe(state.filters, state.asked, () => {});
    await client.publish('a', 'x', state.asked);
    state.asked.properties.userProperties[0] = ['name', 'later'];
    expect(server.link.packets('subscribe')).toHaveLength(2);
    for (const { properties } of [server.link.first('subscribe'), server.link.first('publish')])
      expect(properties?.userProperties).toEqual([['name', 'value']]);
    await client.unsubscribe(state.filters);
    await client.close(reactive({ timeout: 10 }));
  });
});

describe('in state that is written as JSON', () => {
  const grants = [
    { filter: 'a/+id', qos: 1 },
    { filter: 'b', qos: 1 },
  ];

  test('a Subscription shows what was granted', async () => {
    const { client } = await connected();
    const subscription = await client.subscribe(['a/+id', 'b'], { qos: 1 }, () => {});
    expect(JSON.parse(JSON.stringify({ client, subscription }))).toMatchObject({
      client: {},
      subscription: { grants },
    });
    await client.close();
  });

  test('so does one of a shared client', async () => {
    const tabs = new SharedTabs('ws://broker.example/mqtt', { transport: new FakeServer() });
    const { client } = await tabs.open();
    const subscription = await client.subscribe(['a/+id', 'b'], { qos: 1 }, () => {});
    expect(JSON.parse(JSON.stringify({ client, subscription }))).toMatchObject({ subscription: { grants } });
    await client.close();
    await tabs.close();
  });
});
