import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Bench } from '../../broker/bench';
import { ScramExchange, scramAccount } from '../../broker/scram';

const bytes = (value: string) => new TextEncoder().encode(value);
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);

/** The client's final message, made with Node's own primitives. */
function finalMessage(
  hash: string,
  password: string,
  first: string,
  serverFirst: string,
  header = 'n,,',
): string {
  const [nonce = '', salt = '', iterations = ''] = serverFirst.split(',').map((part) => part.slice(2));
  const length = createHash(hash).digest().length;
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, hash);
  const clientKey = createHmac(hash, salted).update('Client Key').digest();
  const storedKey = createHash(hash).update(clientKey).digest();
  const withoutProof = `c=${Buffer.from(header).toString('base64')},r=${nonce}`;
  const signature = createHmac(hash, storedKey)
    .update(`${first.slice(header.length)},${serverFirst},${withoutProof}`)
    .digest();
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
}

describe('the example of RFC 7677', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const account = scramAccount('sha256', 'pencil', 4_096, salt);
  const start = () =>
    new ScramExchange(
      'sha256',
      (name) => (name === 'user' ? account : undefined),
      '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    );

  test('is answered as the text says', () => {
    const exchange = start();
    const first = exchange.next(bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'));
    expect(first.type === 'continue' && text(first.data)).toBe(
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    );
    const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
    const last = exchange.next(
      bytes(`c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=${proof}`),
    );
    expect(last).toMatchObject({ type: 'success', username: 'user' });
    expect(last.type === 'success' && text(last.data)).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  test.each([
    [
      'a wrong proof',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ],
    ['a short proof', 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzb'],
    [
      'another nonce',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ],
    [
      'another channel binding',
      'c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ],
    ['no message', 'hello'],
  ])('fails with %s', (_, message) => {
    const exchange = start();
    exchange.next(bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'));
    expect(exchange.next(bytes(message)).type).toBe('failure');
  });

  test.each([['p=tls-unique,,n=user,r=x'], ['n,,n=nobody,r=x'], ['n,,r=x'], ['n,,n=user,r=']])(
    'does not begin with %s',
    (first) => {
      expect(start().next(bytes(first)).type).toBe('failure');
    },
  );
});

describe('over MQTT', () => {
  const users = [{ username: 'a,b=c', password: 'pässword' }];

  test.each([
    ['SCRAM-SHA-1', 'sha1'],
    ['SCRAM-SHA-256', 'sha256'],
    ['SCRAM-SHA-512', 'sha512'],
  ])(
    '%s lets a user in and authenticates it again, with or without data in CONNECT',
    (authenticationMethod, hash) => {
      for (const early of [true, false]) {
        const bench = new Bench({ users, scramIterations: 64 });
        const first = 'n,,n=a=2Cb=3Dc,r=abc';
        const auth = (data: string, reasonCode = 0x18) => ({
          type: 'auth' as const,
          reasonCode,
          properties: { authenticationMethod, authenticationData: bytes(data) },
        });
        const properties = early
          ? { authenticationMethod, authenticationData: bytes(first) }
          : { authenticationMethod };
        const client = bench.dial({ properties });
        if (!early) {
          expect(client.next('auth').properties).toEqual({ authenticationMethod });
          client.send(auth(first));
        }
        const serverFirst = text(client.next('auth').properties?.authenticationData);
        client.send(auth(finalMessage(hash, 'pässword', first, serverFirst)));
        const connack = client.next('connack');
        expect(connack).toMatchObject({ reasonCode: 0, properties: { authenticationMethod } });
        expect(text(connack.properties?.authenticationData)).toMatch(/^v=/);
        expect(client.connection.username).toBe('a,b=c');

        client.send(auth(first, 0x19));
        const again = text(client.next('auth').properties?.authenticationData);
        expect(again).not.toBe(serverFirst);
        client.send(auth(finalMessage(hash, 'pässword', first, again)));
        expect(client.next('auth')).toMatchObject({ reasonCode: 0 });
        client.send(auth(first, 0x19));
        client.next('auth');
        client.send(auth(finalMessage(hash, 'wrong', first, again)));
        expect(client.next('disconnect').reasonCode).toBe(0x87);
      }
    },
  );

  test('a user name of its own rules applies to what SCRAM let in', () => {
    const bench = new Bench({
      users: [{ ...users[0], username: 'u', password: 'p', publish: { deny: ['no'] } }],
      scramIterations: 64,
    });
    const authenticationMethod = 'SCRAM-SHA-256';
    const client = bench.dial({
      properties: { authenticationMethod, authenticationData: bytes('n,,n=u,r=x') },
    });
    const serverFirst = text(client.next('auth').properties?.authenticationData);
    const authenticationData = bytes(finalMessage('sha256', 'p', 'n,,n=u,r=x', serverFirst));
    client.send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod, authenticationData } });
    client.next('connack');
    client.publish('no', '', { qos: 1 });
    expect(client.next('puback').reasonCode).toBe(0x87);
  });
});
