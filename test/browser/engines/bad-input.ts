/** What pages get wrong: each gives an error that says what happened and what to do. */

import { connect } from 'mqtide';
import { indexedDbStore } from 'mqtide/indexeddb';
import type { Here } from './here';
import { failure } from './scenarios';

/** By name; each returns the error as text, for the test to judge. */
export const badInput = {
  'a server without the subprotocol': ({ bareUrl }) => errorOf(connect(bareUrl)),

  'ws: from an https: page': () => errorOf(connect('ws://broker.invalid:8083/mqtt')),

  'a blocked port': () => errorOf(connect('ws://127.0.0.1:6667/mqtt')),

  'a policy that forbids the connection': ({ brokerUrl }) => errorOf(connect(brokerUrl)),

  'a storage that is denied': ({ brokerUrl, name }) =>
    errorOf(connect(brokerUrl, { clientId: name, clean: false, store: indexedDbStore() })),

  'a server that is not there': ({ deadUrl }) => errorOf(connect(deadUrl)),
} satisfies Record<string, (here: Here) => Promise<string>>;

export type BadInputName = keyof typeof badInput;

async function errorOf(promise: Promise<unknown>): Promise<string> {
  const { name, code, message } = await failure(promise);
  return `${name} ${code}: ${message}`;
}
