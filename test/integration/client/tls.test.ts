import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { createServer, type TlsOptions as ServerOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ClientOptions, TlsOptions } from '../../../src/index';
import { connect, createClient } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/index';
import { type Certificates, certificates, type KeyPair } from '../../support/certificates';
import { waitFor } from '../../support/wait-for';

let certs: Certificates;
let broker: Broker;

beforeAll(async () => {
  certs = await certificates();
  broker = await startBroker({ tls: certs.server });
});

afterAll(() => broker.close());

function open(url: string, tls: TlsOptions | undefined, options: ClientOptions = {}) {
  const client = createClient(url, { tls, connectTimeout: 5_000, ...options });
  onTestFinished(() => client.close({ force: true }));
  return client;
}

/** A broker with another certificate. */
async function brokerWith(pair: KeyPair): Promise<Broker> {
  const other = await startBroker({ port: false, wsPort: false, tls: pair });
  onTestFinished(() => other.close());
  return other;
}

/** A TLS server that asks for a client certificate, and answers CONNECT. */
async function strictServer(options: ServerOptions = {}) {
  const peers: TLSSocket[] = [];
  const server = createServer({
    ...certs.server,
    ca: certs.ca.cert,
    requestCert: true,
    rejectUnauthorized: true,
    ...options,
  });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => {
    peers.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(Uint8Array.of(0x20, 3, 0, 0, 0)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const peer of peers) peer.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`, peers };
}

const kinds = [
  ['mqtts:', (one: Broker) => one.tlsUrl],
  ['wss:', (one: Broker) => one.wssUrl],
] as const;

describe.each(kinds)('%s', (_, urlOf) => {
  test('connects with the private authority that it is given', async () => {
    const client = open(urlOf(broker), { ca: certs.ca.cert });
    await client.connect();
    expect(client.status).toMatchObject({ type: 'connected', url: urlOf(broker) });
    const received = new Promise((resolve) => {
      void client.subscribe('tls/#', (message) => resolve(message.text()));
    });
    await client.publish('tls/a', 'sealed', { qos: 1 });
    expect(await received).toBe('sealed');
  });

  test('takes the authority as bytes and in a list, too', async () => {
    const bytes = new TextEncoder().encode(certs.ca.cert);
    for (const ca of [bytes, [certs.otherCa.cert, certs.ca.cert]])
      await open(urlOf(broker), { ca }).connect();
  });

  test.each<[string, (all: Certificates) => TlsOptions]>([
    ['a bundle that is none', () => ({ pfx: Uint8Array.of(1, 2, 3) })],
    ['a key that is none', ({ server }) => ({ cert: server.cert, key: '-----BEGIN nonsense' })],
    ['a key of another certificate', ({ server, client }) => ({ cert: server.cert, key: client.key })],
  ])('is refused at the earliest with %s', (_name, tls) => {
    expect(() => createClient(urlOf(broker), { tls: tls(certs) })).toThrow(
      expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(/^tls: ./) }),
    );
  });

  test.each<[string, (all: Certificates) => TlsOptions | undefined]>([
    ['without its authority', () => undefined],
    ['with another authority', ({ otherCa }) => ({ ca: otherCa.cert })],
  ])('%s fails, and says what to do', async (_name, tls) => {
    const client = open(urlOf(broker), tls(certs));
    await expect(client.connect()).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'unreachable',
      message: expect.stringContaining('tls.ca'),
    });
    expect(client.status.type).toBe('closed');
  });

  test('refuses an expired certificate', async () => {
    const other = await brokerWith(certs.expired);
    await expect(open(urlOf(other), { ca: certs.ca.cert }).connect()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('expired'),
    });
  });

  test('refuses the certificate of another host, unless told its name', async () => {
    const other = await brokerWith(certs.elsewhere);
    await expect(open(urlOf(other), { ca: certs.ca.cert }).connect()).rejects.toMatchObject({
      code: 'unreachable',
    });
    await open(urlOf(other), { ca: certs.ca.cert, servername: 'elsewhere.example' }).connect();
  });

  test('takes anything with rejectUnauthorized: false', async () => {
    const other = await brokerWith(certs.expired);
    await open(urlOf(other), { rejectUnauthorized: false }).connect();
  });

  test('comes back by itself', async () => {
    const client = open(urlOf(broker), { ca: certs.ca.cert }, { reconnect: { minDelay: 1, maxDelay: 5 } });
    await client.connect();
    const again = new Promise((resolve) => client.on('connect', resolve));
    broker.kill(client.clientId);
    await expect(again).resolves.toMatchObject({ sessionPresent: true });
  });
});

describe('a client certificate', () => {
  test('is shown to a server that asks for it', async () => {
    const { url, peers } = await strictServer();
    const client = open(url, { ca: certs.ca.cert, cert: certs.client.cert, key: certs.client.key });
    await client.connect();
    expect(peers[0]?.getPeerCertificate().subject.CN).toBe('client');
  });

  test('that is missing fails the connect with a typed error, which says so', async () => {
    const { url } = await strictServer();
    await expect(open(url, { ca: certs.ca.cert }, { protocolVersion: 5 }).connect()).rejects.toMatchObject({
      name: 'ConnectionError',
      message: expect.stringContaining('it wants a client certificate; give tls.cert and tls.key'),
    });
  });

  test('with a passphrase that is wrong is a UsageError, without the passphrase', async () => {
    const { createPrivateKey } = await import('node:crypto');
    const key = createPrivateKey(certs.client.key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' })
      .toString();
    const { url } = await strictServer();
    const tls = { ca: certs.ca.cert, cert: certs.client.cert, key };
    const error: unknown = await connect(url, { tls: { ...tls, passphrase: 's3cr3t' } }).catch(
      (error: unknown) => error,
    );
    expect(error).toMatchObject({ name: 'UsageError' });
    expect(String(error)).not.toContain('s3cr3t');
    await open(url, { ...tls, passphrase: 'right' }).connect();
  });
});

describe('a scheme that is not that of the port', () => {
  test('fails with a typed error in both directions', async () => {
    const plain = new URL(broker.url).port;
    const secure = new URL(broker.tlsUrl).port;
    await expect(open(`mqtts://127.0.0.1:${plain}`, undefined).connect()).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'unreachable',
    });
    await expect(
      open(`mqtt://127.0.0.1:${secure}`, undefined, { protocolVersion: 5 }).connect(),
    ).rejects.toMatchObject({ name: expect.stringMatching(/ConnectionError|MalformedPacketError/) });
  });

  test('and silence in the handshake fail in time', async () => {
    const server = createTcpServer((socket) => socket.resume().on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const client = open(`mqtts://127.0.0.1:${port}`, undefined, { connectTimeout: 100 });
    await expect(client.connect()).rejects.toMatchObject({ code: 'timeout' });
    // No socket stays behind.
    await waitFor(
      () => new Promise<boolean>((resolve) => server.getConnections((_, count) => resolve(count === 0))),
    );
  });
});
