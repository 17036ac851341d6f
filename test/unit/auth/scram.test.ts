import { afterEach, describe, expect, test, vi } from 'vitest';
import { type EnhancedAuth, type ScramHash, scram } from '../../../src/auth/index';
import { scramWith } from '../../../src/auth/scram';
import { MqttError, ProtocolError, RefusedError, UsageError } from '../../../src/errors';
import { bytes, ScramServer, type ServerFaults, text } from './scram-server';

const hashes = ['SHA-1', 'SHA-256', 'SHA-512'] as const;

/** Runs one exchange to its end. */
async function exchange(auth: EnhancedAuth, server: ScramServer): Promise<void> {
  const first = server.first(await auth.start());
  const final = server.final(await auth.challenge(first));
  auth.success?.(final);
}

/** The error that an exchange ends with. */
async function failure(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  return undefined;
}

function expectFailed(error: unknown, reasonCode: number, words: RegExp): void {
  expect(error).toBeInstanceOf(ProtocolError);
  expect(error).toMatchObject({ code: 'authentication-failed', reasonCode });
  expect(String(error)).toMatch(words);
}

afterEach(() => vi.unstubAllGlobals());

describe('the vectors of the RFCs', () => {
  const vectors = [
    {
      rfc: 'RFC 5802 5',
      hash: 'SHA-1',
      nonce: 'fyko+d2lbbFgONRv9qkxdawL',
      clientFirst: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
      serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      clientFinal: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      serverFinal: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    },
    {
      rfc: 'RFC 7677 3',
      hash: 'SHA-256',
      nonce: 'rOprNGfwEbeRWgbNEkqO',
      clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      clientFinal:
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    },
  ] as const;

  test.each(vectors)('$rfc: sends and accepts exactly what the RFC shows for $hash', async (vector) => {
    const auth = scramWith({ username: 'user', password: 'pencil', hash: vector.hash }, () => vector.nonce);
    expect(text(await auth.start())).toBe(vector.clientFirst);
    expect(text(await auth.challenge(bytes(vector.serverFirst)))).toBe(vector.clientFinal);
    expect(() => auth.success?.(bytes(vector.serverFinal))).not.toThrow();
  });
});

describe('an exchange with an independent server', () => {
  test.each(hashes)('proves the password and accepts the proof of the server with %s', async (hash) => {
    const server = new ScramServer(hash, 'pencil');
    const auth = scram({ username: 'user', password: 'pencil', hash });
    expect(auth.method).toBe(`SCRAM-${hash}`);
    await exchange(auth, server);
    expect(server.proved).toBe(true);
  });

  test('uses SHA-256 unless told otherwise', () => {
    expect(scram({ username: 'user', password: 'pencil' }).method).toBe('SCRAM-SHA-256');
  });

  test('escapes the comma and the equals sign of a user name', async () => {
    const server = new ScramServer('SHA-256', 'pencil');
    const auth = scramWith({ username: 'a=b,c=2C', password: 'pencil' }, () => 'nonce');
    expect(text(await auth.start())).toBe('n,,n=a=3Db=2Cc=3D2C,r=nonce');
    await exchange(auth, server);
    expect(server.usernames).toEqual(['a=b,c=2C']);
  });

  test('prepares user name and password by SASLprep, so that every way to type them is one', async () => {
    const server = new ScramServer('SHA-256', 'IX pass');
    await exchange(scram({ username: 'u\u00ADser', password: '\u2168\u00A0pass' }), server);
    expect(server.proved).toBe(true);
    expect(server.usernames).toEqual(['user']);
  });

  test('sends a new random nonce in each exchange', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    const messages = new Set<string>();
    for (let round = 0; round < 50; round++) messages.add(text(await auth.start()));
    expect(messages.size).toBe(50);
    for (const message of messages) expect(message).toMatch(/^n,,n=user,r=[!-+\--~]{32}$/);
  });

  test('ignores optional extensions behind the known attributes', async () => {
    const faults = { first: (message: string) => `${message},x=1=2,Y=z` };
    const server = new ScramServer('SHA-256', 'pencil', {
      ...faults,
      final: (message) => `${message},x=new`,
    });
    await exchange(scram({ username: 'user', password: 'pencil' }), server);
    expect(server.proved).toBe(true);
  });

  test('asks a password function anew at each start, and waits for its promise', async () => {
    const passwords = ['first', 'second'];
    const auth = scram({ username: 'user', password: async () => passwords.shift() ?? '' });
    for (const password of ['first', 'second']) {
      const server = new ScramServer('SHA-256', password);
      await exchange(auth, server);
      expect(server.proved).toBe(true);
    }
    const direct = scram({ username: 'user', password: () => 'third' });
    await exchange(direct, new ScramServer('SHA-256', 'third'));
  });

  test('serves reconnects and re-authentication: a start forgets an exchange that was cut off', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    const cut = new ScramServer('SHA-256', 'pencil');
    cut.first(await auth.start());
    await exchange(auth, new ScramServer('SHA-256', 'pencil'));
    await exchange(auth, new ScramServer('SHA-256', 'pencil'));
  });

  test('a challenge of a forgotten exchange that answers late does not disturb the new one', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    const old = new ScramServer('SHA-256', 'pencil');
    const late = auth.challenge(old.first(await auth.start()));
    const server = new ScramServer('SHA-256', 'pencil');
    const first = server.first(await auth.start());
    await late;
    auth.success?.(server.final(await auth.challenge(first)));
    expect(server.proved).toBe(true);
  });

  test('reports a wrong password as the refusal of the server', async () => {
    const auth = scram({ username: 'user', password: 'wrong' });
    const error = await failure(() => exchange(auth, new ScramServer('SHA-256', 'pencil')));
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ code: 'bad-user-name-or-password', reasonCode: 0x86 });
    expect(String(error)).toContain('invalid-proof');
  });
});

describe('a hostile server', () => {
  const nonce = (change: (nonce: string) => string): ServerFaults => ({ nonce: change });
  const first = (change: (message: string) => string | Uint8Array | undefined): ServerFaults => ({
    first: change,
  });
  const final = (change: (message: string) => string | Uint8Array | undefined): ServerFaults => ({
    final: change,
  });
  const swap = (message: string) => message.replace(/^(r=[^,]+),(s=[^,]+),(i=.+)$/, '$2,$1,$3');

  const cases: readonly [title: string, faults: ServerFaults, reasonCode: number, words: RegExp][] = [
    ['a nonce of its own', nonce(() => 'something-else'), 0x82, /does not continue ours/],
    ['our nonce alone, without a part of its own', nonce((own) => own), 0x82, /does not continue ours/],
    [
      'our nonce at the end instead of the beginning',
      nonce((own) => `x${own}`),
      0x82,
      /does not continue ours/,
    ],
    ['the beginning of our nonce', nonce((own) => own.slice(0, -1)), 0x82, /does not continue ours/],
    ['a nonce that is not printable', nonce((own) => `${own}\u00E9`), 0x82, /not printable/],
    ['4,095 iterations', { iterations: 4095 }, 0x83, /fewer than 4096/],
    ['one iteration', { iterations: 1 }, 0x83, /fewer than 4096/],
    ['ten million iterations', { iterations: 10_000_000 }, 0x83, /raise maximumIterations/],
    ['a count of 400 digits', { iterations: '9'.repeat(400) }, 0x83, /raise maximumIterations/],
    ['zero iterations', { iterations: '0' }, 0x82, /positive number/],
    ['negative iterations', { iterations: '-4096' }, 0x82, /positive number/],
    ['iterations with a leading zero', { iterations: '04096' }, 0x82, /positive number/],
    ['iterations with a fraction', { iterations: '4096.5' }, 0x82, /positive number/],
    ['iterations in hexadecimal', { iterations: '0x1000' }, 0x82, /positive number/],
    ['iterations followed by a line feed', { iterations: '4096\n' }, 0x82, /positive number/],
    ['a salt with white space', { salt: 'QSXC R+Q' }, 0x82, /salt/],
    ['a salt without its padding', { salt: 'W22ZaJ0SNY7soEsUEjb6gQ' }, 0x82, /salt/],
    ['a salt in the alphabet of URLs', { salt: 'QSXCR-Q6' }, 0x82, /salt/],
    ['a salt with stray bits at its end', { salt: 'QR==' }, 0x82, /salt/],
    ['an empty salt', { salt: '' }, 0x82, /not a list of attributes/],
    ['a mandatory extension first', first((message) => `m=must,${message}`), 0x83, /extension/],
    ['a mandatory extension last', first((message) => `${message},m=must`), 0x83, /extension/],
    ['no server-first data at all', first(() => undefined), 0x82, /no server-first-message/],
    ['empty server-first data', first(() => ''), 0x82, /no server-first-message/],
    ['attributes in another order', first(swap), 0x82, /lacks r= in its place/],
    ['a server-first without iterations', first((m) => m.replace(/,i=.*/, '')), 0x82, /lacks i=/],
    [
      'a server-first cut within an attribute',
      first((m) => m.replace(/,i=.*/, ',i')),
      0x82,
      /list of attributes/,
    ],
    ['a server-first with a trailing comma', first((m) => `${m},`), 0x82, /list of attributes/],
    ['an extension without a value', first((m) => `${m},x=`), 0x82, /list of attributes/],
    ['an extension that holds U+0000', first((m) => `${m},x=a\0`), 0x82, /list of attributes/],
    ['a server-first that begins with U+FEFF', first((m) => `\uFEFF${m}`), 0x82, /list of attributes/],
    ['bytes that are not UTF-8', first(() => Uint8Array.of(0x72, 0x3d, 0xff, 0xfe)), 0x82, /not UTF-8/],
    ['random bytes', first(() => Uint8Array.from({ length: 64 }, (_, index) => index * 37)), 0x82, /./],
    [
      'server-final in the place of server-first',
      first(() => 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ='),
      0x82,
      /lacks r=/,
    ],
    ['no signature with its success', final(() => undefined), 0x82, /no server-final-message/],
    ['an empty server-final', final(() => ''), 0x82, /no server-final-message/],
    ['a signature that is wrong in one bit', final(flipOneBit), 0x83, /did not prove/],
    ['a signature of zeros', final(() => `v=${btoa('\0'.repeat(32))}`), 0x83, /did not prove/],
    ['the first half of its signature', final((m) => `v=${m.slice(2, 22)}`), 0x83, /did not prove/],
    ['a signature that is not base64', final((m) => m.slice(0, -1)), 0x82, /not base64/],
    ['an empty signature', final(() => 'v='), 0x82, /list of attributes/],
    ['a mandatory extension in server-final', final((m) => `m=x,${m}`), 0x83, /extension/],
    ['server-first again as server-final', final(() => 'r=abc,s=QSXCR+Q6,i=4096'), 0x82, /lacks v=/],
  ];

  test.each(cases)('that sends %s is refused', async (_, faults, reasonCode, words) => {
    const auth = scram({ username: 'user', password: 'pencil' });
    const error = await failure(() => exchange(auth, new ScramServer('SHA-256', 'pencil', faults)));
    expectFailed(error, reasonCode, words);
    expect(String(error)).not.toContain('pencil');
    // An exchange that failed cannot be talked into success.
    expectFailed(await failure(() => auth.success?.(bytes('v=AAAA'))), 0x82, /out of order \(failed\)/);
    // A new one is not harmed by it.
    await exchange(auth, new ScramServer('SHA-256', 'pencil'));
  });

  test('that knows another password cannot prove itself', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    const impostor = new ScramServer('SHA-256', 'guess', {
      final: () => `v=${btoa('\u0001'.repeat(32))}`,
    });
    expectFailed(
      await failure(() => exchange(auth, impostor)),
      0x83,
      /did not prove that it knows the password/,
    );
  });

  test('that replays the signature of an earlier exchange is refused', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    let recorded: Uint8Array | undefined;
    const honest = new ScramServer('SHA-256', 'pencil');
    const honestFirst = honest.first(await auth.start());
    recorded = honest.final(await auth.challenge(honestFirst));
    auth.success?.(recorded);
    const replay = new ScramServer('SHA-256', 'pencil', { final: () => recorded });
    expectFailed(await failure(() => exchange(auth, replay)), 0x83, /did not prove/);
  });

  test.each([
    ['invalid-proof', 0x86],
    ['unknown-user', 0x86],
    ['no-resources', 0x97],
    ['other-error', 0x80],
    ['channel-binding-not-supported', 0x8c],
    ['extensions-not-supported', 0x87],
    ['toString', 0x87],
    ['__proto__', 0x87],
  ])('that reports the error %s refuses with the reason code of that meaning', async (value, reasonCode) => {
    for (const faults of [first(() => `e=${value}`), final(() => `e=${value},x=y`)]) {
      const auth = scram({ username: 'user', password: 'pencil' });
      const error = await failure(() => exchange(auth, new ScramServer('SHA-256', 'pencil', faults)));
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ reasonCode });
      expect(String(error)).toContain(value);
    }
  });

  test('cannot fill a log with the text of its error', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    const loud = new ScramServer('SHA-256', 'pencil', { first: () => `e=${'a'.repeat(60_000)}` });
    const error = await failure(() => exchange(auth, loud));
    expect(error).toBeInstanceOf(RefusedError);
    expect(String(error).length).toBeLessThan(300);
  });

  test('that asks for more iterations than maximumIterations is refused, for as many it is not', async () => {
    const auth = scram({ username: 'user', password: 'pencil', maximumIterations: 4_096 });
    await exchange(auth, new ScramServer('SHA-256', 'pencil'));
    const greedy = new ScramServer('SHA-256', 'pencil', { iterations: 4_097 });
    expectFailed(await failure(() => exchange(auth, greedy)), 0x83, /more iterations than 4096/);
  });

  test('that reports success before its challenge is refused', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    await auth.start();
    expectFailed(await failure(() => auth.success?.()), 0x82, /out of order \(started\)/);
  });

  test('that reports success before our answer is refused, and its challenge is void', async () => {
    const server = new ScramServer('SHA-256', 'pencil');
    const auth = scram({ username: 'user', password: 'pencil' });
    const challenge = server.first(await auth.start());
    const answer = failure(() => auth.challenge(challenge));
    expectFailed(await failure(() => auth.success?.(bytes('v=AAAA'))), 0x82, /out of order \(deriving\)/);
    expectFailed(await answer, 0x82, /out of order \(failed\)/);
  });

  test('that challenges twice is refused', async () => {
    const server = new ScramServer('SHA-256', 'pencil');
    const auth = scram({ username: 'user', password: 'pencil' });
    const challenge = server.first(await auth.start());
    await auth.challenge(challenge);
    expectFailed(await failure(() => auth.challenge(challenge)), 0x82, /out of order \(answered\)/);
  });

  test('that reports success twice is refused', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    await exchange(auth, new ScramServer('SHA-256', 'pencil'));
    expectFailed(await failure(() => auth.success?.(bytes('v=AAAA'))), 0x82, /out of order \(done\)/);
  });

  test('that speaks before any exchange is refused', async () => {
    const auth = scram({ username: 'user', password: 'pencil' });
    expectFailed(await failure(() => auth.challenge(bytes('r=a,s=b,i=1'))), 0x82, /before any exchange/);
    expectFailed(await failure(() => auth.success?.()), 0x82, /before any exchange/);
  });
});

describe('wrong use', () => {
  test('outside of a secure context says that it needs one', () => {
    const { crypto } = globalThis;
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
    expect(() => scram({ username: 'user', password: 'pencil' })).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('secure context') }),
    );
    vi.stubGlobal('crypto', undefined);
    expect(() => scram({ username: 'user', password: 'pencil' })).toThrow(UsageError);
  });

  test.each<[string, object]>([
    ['a missing user name', { password: 'pencil' }],
    ['an empty user name', { username: '', password: 'pencil' }],
    ['a user name that is empty once prepared', { username: '\u00AD', password: 'pencil' }],
    ['a user name that holds a control character', { username: 'a\u0007', password: 'pencil' }],
    ['a missing password', { username: 'user' }],
    ['an empty password', { username: 'user', password: '' }],
    ['a password that holds half of a surrogate pair', { username: 'user', password: 'a\uD800' }],
    ['bytes as password', { username: 'user', password: Uint8Array.of(1) }],
    ['a misspelt option', { username: 'user', password: 'pencil', algorithm: 'SHA-512' }],
    ['an unknown hash', { username: 'user', password: 'pencil', hash: 'MD5' }],
    ['a hash named as an inherited member', { username: 'user', password: 'pencil', hash: 'toString' }],
    ['maximumIterations below 4,096', { username: 'user', password: 'pencil', maximumIterations: 4095 }],
    ['maximumIterations that is no number', { username: 'user', password: 'pencil', maximumIterations: NaN }],
    ['maximumIterations above 32 bits', { username: 'user', password: 'pencil', maximumIterations: 2 ** 32 }],
  ])('%s throws a UsageError at the call', (_, options) => {
    expect(() => Reflect.apply(scram, undefined, [options])).toThrow(UsageError);
    expect(() => Reflect.apply(scram, undefined, [])).toThrow(UsageError);
  });

  test('what a password function gives is checked when it gives it', async () => {
    const giving = (value: unknown) =>
      scram({ username: 'user', password: () => value as string }).start() as Promise<unknown>;
    await expect(giving(undefined)).rejects.toThrow(UsageError);
    await expect(giving('')).rejects.toThrow(UsageError);
    await expect(giving('tab\t')).rejects.toThrow(UsageError);
  });

  test('what a password function throws is what the exchange fails with', async () => {
    const reason = new Error('no keychain');
    const auth = scram({
      username: 'user',
      password: () => {
        throw reason;
      },
    });
    await expect(auth.start()).rejects.toBe(reason);
    await expect(auth.challenge(bytes('r=a,s=b,i=4096'))).rejects.toThrow(/out of order \(created\)/);
  });

  test('no error holds the password or the user name', async () => {
    for (const password of ['secret\u0007', 'secret\uE000', 'secret\u0627']) {
      const error = await failure(() => scram({ username: 'user', password }));
      expect(error).toBeInstanceOf(MqttError);
      expect(String(error)).not.toContain('secret');
    }
  });
});

test('the caller may change its options afterwards', async () => {
  const options = { username: 'user', password: 'pencil', hash: 'SHA-256' as ScramHash };
  const auth = scram(options);
  options.password = 'other';
  options.hash = 'SHA-1';
  await exchange(auth, new ScramServer('SHA-256', 'pencil'));
  expect(auth.method).toBe('SCRAM-SHA-256');
});

/** Changes one bit of the signature, and keeps it base64. */
function flipOneBit(message: string): string {
  const signature = Uint8Array.from(atob(message.slice(2)), (character) => character.charCodeAt(0));
  signature[31] = (signature[31] ?? 0) ^ 1;
  return `v=${btoa(String.fromCharCode(...signature))}`;
}
