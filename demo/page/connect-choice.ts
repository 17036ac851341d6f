/** How the page is to connect: what was chosen in the form, kept for this tab, and the client's options for it. */

import type { ClientOptions } from 'mqtide';
import { scram } from 'mqtide/auth';
import { indexedDbStore } from 'mqtide/indexeddb';
import { readString } from './figure-reader';
import { recall, remember } from './memory';

/** What can be chosen; an empty text is the default. */
export interface Choice {
  /** URL of another server than the demo's own. */
  readonly server: string;
  /** `5`, `4` or `3`; else whatever the server speaks. */
  readonly version: string;
  /** `password` or `scram`; else nobody signs in. */
  readonly proof: string;
  readonly username: string;
  readonly password: string;
  /** `kept` survives a reload of the page; else it ends with the page. */
  readonly session: string;
  /** Name of a session that is kept: the next page must know it. */
  readonly clientId: string;
}

/** Where the choice is kept: in this tab until it is closed. */
const storageKey = 'mqtide-demo-connection';

/** What was chosen last in this tab. */
export function recallChoice(): Choice {
  const text = recall('sessionStorage', storageKey) ?? '';
  const read = (name: keyof Choice) => readString(text, name) ?? '';
  return {
    server: read('server'),
    version: read('version'),
    proof: read('proof'),
    username: read('username'),
    password: read('password'),
    session: read('session'),
    clientId: read('clientId'),
  };
}

/** Keeps a choice for the next page of this tab. */
export function rememberChoice(choice: Choice | undefined): void {
  remember('sessionStorage', storageKey, choice === undefined ? '' : JSON.stringify(choice));
}

/** The options that a choice stands for. */
export function optionsFor(choice: Choice): ClientOptions {
  const { version, proof, username, password, session, clientId } = choice;
  const protocolVersion = version === '5' ? 5 : version === '4' ? 4 : version === '3' ? 3 : 'auto';
  return {
    protocolVersion,
    ...(proof === 'password' ? { username, password } : {}),
    ...(proof === 'scram' ? { authenticate: scram({ username, password, hash: 'SHA-256' }) } : {}),
    ...(session === 'kept' ? { clientId, clean: false, store: indexedDbStore() } : {}),
  };
}
