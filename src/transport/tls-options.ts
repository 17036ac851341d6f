/** TLS options, for Node; named as in `node:tls`, yet without its types, which a browser's project does not have. */

/** How `mqtts:`, `tls:` and `wss:` connections are secured; Node, Deno and Bun only. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the well-known ones, in PEM. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's certificate chain, in PEM. */
  readonly cert?: string | Uint8Array | undefined;
  /** The client's private key, in PEM. */
  readonly key?: string | Uint8Array | undefined;
  /** The client's certificate and key, in PKCS#12. */
  readonly pfx?: string | Uint8Array | undefined;
  /** Decrypts `key` or `pfx`. */
  readonly passphrase?: string | undefined;
  /** Name to ask for and to verify the certificate against; @default the host of the URL. */
  readonly servername?: string | undefined;
  /** False accepts any certificate: for tests only. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Application protocols to offer (ALPN), e.g. `['mqtt']` where MQTT shares port 443; @default none. */
  readonly alpnProtocols?: readonly string[] | undefined;
}
