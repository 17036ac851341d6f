import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkPorts, parseConfig, readConfig } from '../../broker/config';

describe('the configuration file', () => {
  test('takes every option that JSON can say', () => {
    const options = {
      host: '127.0.0.1',
      port: false,
      wsPort: 8_083,
      users: [
        {
          username: 'a',
          password: 'b',
          publish: { allow: ['a/#', 'by-%c/%u/#'] },
          subscribe: { deny: ['x'] },
        },
      ],
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
    ['{"maximumQoS": 3}', 'option "maximumQoS" must be one of 0, 1, 2'],
    ['{"port": "1883"}', 'option "port" must be an integer from 0 to 65535, or false'],
    ['{"wsPort": 65536}', 'option "wsPort" must be an integer from 0 to 65535, or false'],
    ['{"receiveMaximum": 0}', 'option "receiveMaximum" must be an integer from 1 to 65535'],
    ['{"receiveMaximum": 65536}', 'option "receiveMaximum" must be an integer from 1 to 65535'],
    ['{"receiveMaximum": 1.5}', 'option "receiveMaximum" must be an integer from 1 to 65535'],
    ['{"maximumPacketSize": 0}', 'option "maximumPacketSize" must be an integer from 1 to 4294967295'],
    ['{"topicAliasMaximum": 70000}', 'option "topicAliasMaximum" must be an integer from 0 to 65535'],
    ['{"serverKeepAlive": 100000}', 'option "serverKeepAlive" must be an integer from 0 to 65535'],
    ['{"connectTimeout": null}', 'option "connectTimeout" must be an integer from 1 to 2147483647'],
    ['{"sysInterval": -1}', 'option "sysInterval" must be a number from 0 to 2147483'],
    ['{"users": {}}', 'option "users" must be a list'],
    ['{"users": [{"username": "a"}]}', 'option "users[0].password" is missing'],
    ['{"users": [{"username": "a", "password": 1}]}', 'option "users[0].password" must be a string'],
    [
      '{"users": [{"username": "a", "password": "b", "publish": {"alow": []}}]}',
      'there is no option "users[0].publish.alow"',
    ],
    ['{"authorization": {"publish": ["a"]}}', 'option "authorization.publish" must be an object'],
    ['{"authorization": {"write": {}}}', 'there is no option "authorization.write"'],
    [
      '{"authorization": {"publish": {"deny": ["a/#/b"]}}}',
      'option "authorization.publish.deny[0]": # must be the whole of the last level: "a/#/b"',
    ],
    [
      '{"authorization": {"publish": {"deny": [1]}}}',
      'option "authorization.publish.deny[0]" must be a string',
    ],
    ['{"refusedFilters": ["a+"]}', 'option "refusedFilters[0]": + must be the whole of a level: "a+"'],
    ['{"tls": {}}', 'option "tls.key" is missing'],
    ['[]', 'the configuration is not a JSON object'],
  ])('refuses %s', (text, message) => {
    expect(() => parseConfig(text)).toThrow(expect.objectContaining({ message }));
  });

  test('names no password in what it says', () => {
    const users = [
      { username: 'a', password: 'hunter2' },
      { username: 'b', password: ['hunter2'], publish: 'hunter2' },
    ];
    const texts = [
      JSON.stringify({ users }),
      JSON.stringify({ users: users.slice(1) }),
      '{"users": [{"username": "a", "password": hunter2}]}',
    ];
    for (const text of texts)
      expect(() => parseConfig(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
      );
  });

  describe('as a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mqtide-config-'));
    const file = join(folder, 'broker.json');
    afterAll(() => rmSync(folder, { recursive: true }));

    test('names key and certificate from the folder that it is in', () => {
      writeFileSync(file, '{"tls": {"key": "key.pem", "cert": "./cert.pem"}}');
      writeFileSync(join(folder, 'key.pem'), 'the key');
      writeFileSync(join(folder, 'cert.pem'), 'the certificate');
      expect(readConfig(file).tls).toEqual({
        key: Buffer.from('the key'),
        cert: Buffer.from('the certificate'),
      });
      // Seen from the folder where the program was started.
      expect(readConfig(relative(process.cwd(), file)).tls?.key).toEqual(Buffer.from('the key'));
    });

    test.each([
      ['{"tls": {"key": "nowhere.pem", "cert": "cert.pem"}}', /: option "tls\.key": ENOENT.*nowhere\.pem/],
      ['{"port": 1', /: it is not JSON at position 10/],
      ['{"port": -1}', /: option "port" must be/],
    ])('is named when something is wrong in it: %s', (text, message) => {
      writeFileSync(file, text);
      expect(() => readConfig(file)).toThrow(message);
      expect(() => readConfig(file)).toThrow(file);
    });
  });

  test('needs a port', () => {
    expect(() => checkPorts({ port: false, wsPort: false })).toThrow('no port to listen on');
    const tls = { key: '', cert: '' };
    expect(() =>
      checkPorts({ port: false, wsPort: false, tls: { ...tls, port: false, wsPort: false } }),
    ).toThrow();
    for (const options of [
      { port: 0, wsPort: false },
      { port: false },
      { port: false, wsPort: false, tls },
    ] as const)
      expect(() => checkPorts(options)).not.toThrow();
  });
});
