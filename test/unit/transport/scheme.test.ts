import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors';
import { parseServerUrl, portOf, serverName, webSchemes } from '../../../src/transport/scheme';

/** The error that a URL gives. */
function errorOf(url: unknown, schemes?: typeof webSchemes): UsageError {
  try {
    parseServerUrl(url as string, 'url[1]', schemes);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('a server URL', () => {
  test.each([
    ['ws://h', 80],
    ['wss://h', 443],
    ['mqtt://h', 1883],
    ['tcp://h', 1883],
    ['mqtts://h', 8883],
    ['tls://h', 8883],
    ['wss://h:8084/mqtt?x=1', 8084],
    ['WSS://h:443', 443],
    ['mqtt://[::1]:1884', 1884],
    ['mqtts://127.0.0.1', 8883],
  ])('may be %s, and its port is %i', (text, port) => {
    const { url, ...rest } = parseServerUrl(text, 'url');
    expect(portOf(url)).toBe(port);
    expect(rest).toEqual({});
  });

  test('may be a URL object, which stays as it is', () => {
    const given = new URL('mqtt://user:secret@h/');
    const { url } = parseServerUrl(given, 'url');
    expect(url.href).toBe('mqtt://h/');
    expect(given.href).toBe('mqtt://user:secret@h/');
  });

  test.each([
    ['wss://user:pass@h/mqtt', { username: 'user', password: 'pass' }],
    ['mqtt://user:pass@h', { username: 'user', password: 'pass' }],
    ['mqtt://user@h', { username: 'user' }],
    ['mqtt://user:@h', { username: 'user' }],
    ['mqtt://:pass@h', { password: 'pass' }],
    ['mqtt://a%40b%3Ac:p%2F%25%C3%A9@h', { username: 'a@b:c', password: 'p/%é' }],
    ['wss://ü:ß@h', { username: 'ü', password: 'ß' }],
  ])('gives its credentials away: %s', (text, credentials) => {
    const { url, ...rest } = parseServerUrl(text, 'url');
    expect(rest).toEqual(credentials);
    expect(url.username + url.password).toBe('');
    expect(url.href).not.toContain('@');
  });

  test('may be a URL of another realm', () => {
    class ForeignUrl {
      readonly [Symbol.toStringTag] = 'URL';
      toString = () => 'wss://h:8084/mqtt';
    }
    expect(parseServerUrl(new ForeignUrl() as unknown as URL, 'url').url.href).toBe('wss://h:8084/mqtt');
  });

  test('is not called an object when it is null', () => {
    expect(errorOf(null).message).toBe('url[1]: must be a string or a URL, not null');
  });

  test.each([undefined, null, 7, {}, ['ws://h']])('must be a string or a URL: %j', (url) => {
    expect(errorOf(url).message).toMatch(
      /^url\[1\]: must be a string or a URL, not (undefined|null|object|number)$/,
    );
  });

  test.each(['', 'h', 'h/path', '/mqtt', '//h', 'ws://', 'wss://h:99999', 'wss://[::1', 'wss://h h'])(
    'must be a whole one: %j',
    (url) => {
      expect(errorOf(url).message).toMatch(/^url\[1\]: /);
    },
  );

  test('has a host name in Punycode, whatever the scheme', () => {
    for (const scheme of ['mqtt', 'wss']) {
      expect(parseServerUrl(`${scheme}://u:p@bücher.example:99/a`, 'url').url.href).toBe(
        `${scheme}://xn--bcher-kva.example:99/a`,
      );
    }
  });

  test.each(['mqtt://256.1.1.1', 'mqtt://a%20b', 'wss://256.1.1.1'])('must have a valid host: %s', (url) => {
    expect(errorOf(url).message).toMatch(/is no valid URL/);
  });

  test.each(['mqtt:', 'mqtt:h', 'mqtt:/h', 'mqtt:///path', 'mqtt://:1883'])('must have a host: %j', (url) => {
    expect(errorOf(url).message).toMatch(/host|valid/);
  });

  test.each(['ftp://h', 'h:1883', 'localhost:1883', 'javascript:alert(1)', 'file:///x', 'ssl://h'])(
    'must have a known scheme: %j',
    (url) => {
      expect(errorOf(url).message).toMatch(/its scheme is none of ws: wss: mqtt: mqtts: tcp: tls:/);
    },
  );

  test('with http: is told which scheme to use', () => {
    expect(errorOf('http://h').message).toMatch(/use ws: instead of http:/);
    expect(errorOf('https://h').message).toMatch(/use wss: instead of https:/);
  });

  test.each(['wss://h/#a', 'wss://h#', 'mqtt://h#a'])('must not have a fragment: %s', (url) => {
    expect(errorOf(url).message).toMatch(/fragment/);
  });

  test('must not have port 0', () => {
    expect(errorOf('mqtt://h:0').message).toMatch(/port 0/);
    expect(errorOf('ws://h:0').message).toMatch(/port 0/);
  });

  test.each(['mqtt://h', 'mqtts://h', 'tcp://h', 'tls://h'])('is unsupported in a browser: %s', (url) => {
    const error = errorOf(url, webSchemes);
    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(/TCP socket, which a browser does not have; use wss: or ws:/);
  });

  test.each([
    'hunter2:x@h',
    'x:hunter2@h',
    'http://x:hunter2@h',
    'ftp://x:hunter2@h/?hunter2',
    'wss://x:hunter2@[h',
    'wss://x:hunter2%zz@h',
    'wss://hunter2%zz@h',
    'wss://x:hunter2@h/?token=hunter2#hunter2',
    'mqtt://x:hunter2@h:0',
    'mqtt://x:hunter2@:1',
  ])('never shows a secret in an error: %s', (url) => {
    for (const schemes of [undefined, webSchemes]) {
      const error = errorOf(url, schemes);
      expect(`${error.message} ${error.stack}`).not.toContain('hunter2');
      expect(error.cause).toBeUndefined();
    }
  });

  test('is named by scheme, host and port alone', () => {
    expect(serverName(new URL('wss://user:hunter2@h/path?token=hunter2'))).toBe('wss://h:443');
    expect(serverName(new URL('mqtt://[::1]'))).toBe('mqtt://[::1]:1883');
  });
});
