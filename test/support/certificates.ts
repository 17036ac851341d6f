/** Certificates for tests, made anew in each process. */

import { generate } from 'selfsigned';

/** A certificate and its private key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a TLS test needs. */
export interface Certificates {
  /** The authority that signed all of these. */
  readonly ca: KeyPair;
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly server: KeyPair;
  /** The same, but expired. */
  readonly expired: KeyPair;
  /** For `elsewhere.example` only. */
  readonly elsewhere: KeyPair;
  /** A client's, common name `client`. */
  readonly client: KeyPair;
  /** An authority that signed none of these. */
  readonly otherCa: KeyPair;
}

let made: Promise<Certificates> | undefined;

/** Makes the certificates, once in a process. */
export function certificates(): Promise<Certificates> {
  made ??= make();
  return made;
}

const day = 86_400_000;

/** Names that a certificate is for; 2 is a DNS name, 7 an IP address. */
type AltNames = ({ type: 2; value: string } | { type: 7; ip: string })[];

const here: AltNames = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
  { type: 7, ip: '::1' },
];

async function make(): Promise<Certificates> {
  const ca = await authority('mqtide test authority');
  return {
    ca,
    server: await signed(ca, 'localhost', here),
    expired: await signed(ca, 'localhost', here, -2 * day, -day),
    elsewhere: await signed(ca, 'elsewhere.example', [{ type: 2, value: 'elsewhere.example' }]),
    client: await signed(ca, 'client', [{ type: 2, value: 'client' }]),
    otherCa: await authority('another authority'),
  };
}

async function authority(name: string): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert, key };
}

/** @param from and `to`: validity, in milliseconds from now */
async function signed(
  ca: KeyPair,
  name: string,
  altNames: AltNames,
  from = -day,
  to = day,
): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keyType: 'ec',
    ca,
    notBeforeDate: new Date(Date.now() + from),
    notAfterDate: new Date(Date.now() + to),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { cert, key };
}
