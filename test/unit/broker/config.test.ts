import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../broker/config';

describe('the configuration file', () => {
  test('takes every option that JSON can say', () => {
    const options = {
      host: '127.0.0.1',
      port: false,
      wsPort: 8_083,
      users: [{ username: 'a', password: 'b', publish: { allow: ['a/#'] }, subscribe: { deny: ['x'] } }],
      authorization: { publish: { deny: ['y'] } },
      maximumQoS: 1,
      overlapping: 'each',
      queueQoS0: true,
      protocolVersions: [4, 5],
    };
    expect(parseConfig(JSON.stringify(options))).toEqual(options);
  });

  test.each([
    ['{"maximumQos": 1}', 'there is no option "maximumQos"'],
    ['{"toString": 1}', 'there is no option "toString"'],
    ['{"clock": {}}', 'there is no option "clock"'],
    ['{"maximumQoS": 3}', 'option "maximumQoS" cannot be 3'],
    ['{"port": "1883"}', 'option "port" cannot be "1883"'],
    ['{"users": [{"username": "a"}]}', 'option "users" cannot be'],
    ['{"authorization": {"publish": ["a"]}}', 'option "authorization" cannot be'],
    ['{"authorization": {"write": {}}}', 'option "authorization" cannot be'],
    ['[]', 'not a JSON object'],
    ['{', 'JSON'],
  ])('refuses %s', (text, message) => {
    expect(() => parseConfig(text)).toThrow(message);
  });
});
