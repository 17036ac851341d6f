import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** What the test server does otherwise than RFC 5802 says. */
export interface ServerFaults {
  iterations?: number | string;
  salt?: string;
  /** The whole nonce, from the client's part. */
  nonce?: (clientNonce: string) => string;
  /** Replaces server-first. */
  first?: (message: string) => string | Uint8Array | undefined;
  /** Replaces server-final. */
  final?: (message: string) => string | Uint8Array | undefined;
}

/** The server's half of SCRAM by node:crypto, written from RFC 5802 3 and sharing nothing with the client. */
export class ScramServer {
  /** Usernames as they came, unescaped. */
  readonly usernames: string[] = [];
  /** Whether the proof of the latest exchange was right. */
  proved = false;

  readonly #hash: string;
  readonly #password: string;
  readonly #faults: ServerFaults;
  #clientFirstBare = '';
  #serverFirst = '';
  #nonce = '';
  readonly #salt = randomBytes(16).toString('base64');

  constructor(hash: 'SHA-1' | 'SHA-256' | 'SHA-512', password: string, faults: ServerFaults = {}) {
    this.#hash = hash.replace('-', '').toLowerCase();
    this.#password = password;
    this.#faults = faults;
  }

  /** Answers client-first. */
  first(data: Uint8Array | undefined): Uint8Array | undefined {
    const text = Buffer.from(data ?? []).toString('utf8');
    const parts = /^n,,(n=([^,]+),r=([^,]+))$/.exec(text);
    if (!parts) throw new Error(`not a client-first-message: ${text}`);
    const [, bare = '', username = '', clientNonce = ''] = parts;
    this.#clientFirstBare = bare;
    this.usernames.push(username.replaceAll('=2C', ',').replaceAll('=3D', '='));
    this.#nonce = (this.#faults.nonce ?? ((nonce) => nonce + randomBytes(12).toString('hex')))(clientNonce);
    this.#serverFirst = `r=${this.#nonce},s=${this.#faults.salt ?? this.#salt},i=${this.#faults.iterations ?? 4096}`;
    const sent = this.#faults.first ? this.#faults.first(this.#serverFirst) : this.#serverFirst;
    if (typeof sent === 'string') this.#serverFirst = sent;
    return bytes(sent);
  }

  /** Answers client-final; a wrong proof is answered by an error. */
  final(data: Uint8Array | undefined): Uint8Array | undefined {
    const text = Buffer.from(data ?? []).toString('utf8');
    const parts = /^(c=([^,]+),r=([^,]+)),p=([^,]+)$/.exec(text);
    if (!parts) throw new Error(`not a client-final-message: ${text}`);
    const [, withoutProof = '', binding = '', nonce, proof = ''] = parts;
    if (Buffer.from(binding, 'base64').toString() !== 'n,,') throw new Error('wrong channel binding');
    if (nonce !== this.#nonce) throw new Error('wrong nonce in client-final-message');

    const size = createHash(this.#hash).digest().length;
    const salted = pbkdf2Sync(this.#password, Buffer.from(this.#salt, 'base64'), 4096, size, this.#hash);
    const hmac = (key: Uint8Array, message: string) => createHmac(this.#hash, key).update(message).digest();
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const storedKey = createHash(this.#hash).update(hmac(salted, 'Client Key')).digest();
    const signature = hmac(storedKey, authMessage);
    const clientKey = Buffer.from(proof, 'base64').map((byte, index) => byte ^ (signature[index] ?? 0));
    this.proved = timingSafeEqual(createHash(this.#hash).update(clientKey).digest(), storedKey);

    const verifier = hmac(hmac(salted, 'Server Key'), authMessage).toString('base64');
    const answer = this.proved ? `v=${verifier}` : 'e=invalid-proof';
    return bytes(this.#faults.final ? this.#faults.final(answer) : answer);
  }
}

/** UTF-8 of a text; bytes stay bytes. */
export function bytes(data: string | Uint8Array | undefined): Uint8Array | undefined {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data;
}

/** The text of bytes. */
export function text(data: Uint8Array | undefined): string {
  return new TextDecoder().decode(data);
}
