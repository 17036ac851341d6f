import { describe, expect, test } from 'vitest';
import { covers, Permissions } from '../../broker/authorization';
import { Bench } from '../../broker/bench';
import { Broker } from '../../broker/broker';

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

  test.each(['+', '#', 'a/b', 'a+'])('are not widened by a client that calls itself %s', (name) => {
    const rules = { allow: ['%c/#', 'all/#'], deny: ['secret/%c'] };
    const permissions = new Permissions([{ publish: rules, subscribe: rules }], name, undefined);
    for (const topic of ['a/x', 'other/x', 'a/b/x', `${name}/x`, `secret/${name}`]) {
      expect(permissions.mayPublish(topic)).toBe(false);
      expect(permissions.maySubscribe(topic)).toBe(false);
      expect(permissions.mayReceive(topic)).toBe(false);
    }
    expect(permissions.mayPublish('all/x')).toBe(true);
    const user = new Permissions([{ publish: { allow: ['%u/#'] } }], 'c', name);
    expect(user.mayPublish('other/x')).toBe(false);
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

test.each([
  ['authorization.publish.deny[1]', { authorization: { publish: { deny: ['a/#', 'a/#/b'] } } }],
  ['authorization.subscribe.allow[0]', { authorization: { subscribe: { allow: ['a+'] } } }],
  ['authorization.subscribe.deny[0]', { authorization: { subscribe: { deny: [''] } } }],
  ['users[0].subscribe.deny[0]', { users: [{ username: 'a', password: 'b', subscribe: { deny: ['a#'] } }] }],
])('an ill-formed rule (%s) is refused, since it would deny nothing', (place, options) => {
  expect(() => new Broker(options)).toThrow(`option "${place}": `);
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
