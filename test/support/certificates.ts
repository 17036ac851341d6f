/** Certificates for tests, made anew in each process. */

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

/** Makes the certificates, once in a process. */
export function certificates(): Promise<Certificates> {
  return Promise.reject(new Error('not there yet'));
}
