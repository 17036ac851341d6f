import { describe, expect, test } from 'vitest';
import { covers, Permissions } from '../../broker/authorization';
import { Bench } from '../../broker/bench';

describe('a rule covers a filter', () => {
  test.each([
    ['a/b', 'a/b'],
    ['a/+', 'a/b'],
    ['a/+', 'a/+'],
    ['a/#', 'a'],
    ['a/#', 'a/#'],
    ['a/#', 'a/+/b'],
    ['#', '+/x'],
    ['#', '#'],
    ['+/+', 'a/+'],
    ['$SYS/#', '$SYS/a/#'],
  ])('%s covers %s', (rule, filter) => {
    expect(covers(rule, filter)).toBe(true);
  });

  test.each([
    ['a/b', 'a/+'],
    ['a/+', 'a/#'],
    ['a/+', 'a'],
    ['a/+', 'a/b/c'],
    ['a/#', 'b'],
    ['a/b/#', 'a'],
    ['#', '$SYS/a'],
    ['+/a', '$SYS/a'],
    ['+', '#'],
  ])('%s does not cover %s', (rule, filter) => {
    expect(covers(rule, filter)).toBe(false);
  });
});

describe('permissions', () => {
  test('fill in client identifier and user name, as they are', () => {
    const permissions = new Permissions([{ publish: { allow: ['%u/%c/#'] } }], '$&', 'ann');
    expect(permissions.mayPublish('ann/$&/x')).toBe(true);
    expect(permissions.mayPublish('ann/other/x')).toBe(false);
  });

  test('must be given by every source, and deny wins over allow', () => {
    const permissions = new Permissions(
      [{ subscribe: { allow: ['a/#'], deny: ['a/secret'] } }, { subscribe: { deny: ['a/b'] } }],
      'c',
      undefined,
    );
    expect(['a/x', 'a/secret', 'a/b', 'b'].map((topic) => permissions.maySubscribe(topic))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(permissions.mayReceive('a/secret')).toBe(false);
    expect(permissions.mayPublish('anything')).toBe(true);
  });
});

test('what waited for a client that was away is looked at again', () => {
  const deny = { subscribe: { deny: ['secret/#'] } };
  const bench = new Bench({ users: [{ username: 'ann', password: 'x', ...deny }], allowAnonymous: true });
  const ann = { clientId: 'ann', username: 'ann', password: new TextEncoder().encode('x') };
  const properties = { sessionExpiryInterval: 60 };
  bench.subscriber('#', 2, { ...ann, properties }).drop();
  bench.connect().publish('secret/plan', 'a', { qos: 1 });
  bench.connect().publish('news', 'b', { qos: 1 });
  expect(bench.connect({ ...ann, clean: false, properties }).messages()).toEqual(['news=b']);
});
