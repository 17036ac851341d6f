import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors';
import { copyTlsOptions, type TlsOptions } from '../../../src/transport/tls-options';

const pem = (content: string) => `# a comment\n-----BEGIN CERTIFICATE-----\n${content}\n`;

describe('TLS options', () => {
  test('may all be missing or undefined', () => {
    expect(copyTlsOptions({})).toEqual({});
    expect(copyTlsOptions({ ca: undefined, rejectUnauthorized: undefined })).toEqual({});
  });

  test('are copied, text and bytes alike', () => {
    const given: TlsOptions = {
      ca: [pem('a'), Uint8Array.of(1)],
      cert: pem('b'),
      key: Uint8Array.of(2),
      pfx: Uint8Array.of(3),
      passphrase: 'c',
      servername: 'd',
      rejectUnauthorized: false,
      alpnProtocols: ['mqtt'],
    };
    expect(copyTlsOptions(given)).toEqual(given);
    expect(copyTlsOptions(given)).not.toBe(given);
  });

  test.each([
    { ca: 1234 },
    { ca: [pem('a'), 1234] },
    { ca: './1234.pem' },
    { ca: [pem('a'), '1234'] },
    { cert: 1234 },
    { cert: '1234' },
    { key: '/etc/1234.pem' },
    { key: ['1234'] },
    { pfx: '1234' },
    { passphrase: 1234 },
    { servername: 1234 },
    { rejectUnauthorized: '1234' },
    { alpnProtocols: '1234' },
    { alpnProtocols: [1234] },
  ])('have types, and their values never show in an error: %j', (wrong) => {
    expect(() => copyTlsOptions(wrong as unknown as TlsOptions)).toThrow(UsageError);
    expect(() => copyTlsOptions(wrong as unknown as TlsOptions)).toThrow(
      `tls.${Object.keys(wrong)[0]}: must be`,
    );
    expect(() => copyTlsOptions(wrong as unknown as TlsOptions)).not.toThrow('1234');
  });

  test('have other names than some of Node: the error has all of them', () => {
    const all = 'ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, alpnProtocols';
    expect(() => copyTlsOptions({ ALPNProtocols: ['mqtt'] } as TlsOptions)).toThrow(
      `tls.ALPNProtocols: there is no such option; one of ${all}`,
    );
  });
});
