/** Runs scenarios where the test says: `run` is what the test calls. */

import { type BadInputName, badInput } from './bad-input';
import type { Context } from './contexts';
import type { Here } from './here';
import { equal, findStored, leaveStored, type ScenarioName, scenarios, wantStored } from './scenarios';
import type { Answer, Request } from './worker';

/** With Trusted Types in force, a page has to vouch for the addresses of its workers; mqtide has none. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}
const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy('pages', { createScriptURL: (url) => url });
const workerUrl = policy?.createScriptURL('./worker.js') ?? './worker.js';

const module = { type: 'module' } as const;

/** What the globals of workers call themselves. */
const scopes: Record<Exclude<Context, 'page'>, string> = {
  worker: 'DedicatedWorkerGlobalScope',
  'shared worker': 'SharedWorkerGlobalScope',
  'service worker': 'ServiceWorkerGlobalScope',
};

/** Hands a request to a worker, by whatever its kind calls for. */
const workers: Record<Exclude<Context, 'page'>, (request: Request, port: MessagePort) => Promise<void>> = {
  async worker(request, port) {
    new Worker(workerUrl, module).postMessage(request, [port]);
  },
  async 'shared worker'(request, port) {
    new SharedWorker(workerUrl, module).port.postMessage(request, [port]);
  },
  async 'service worker'(request, port) {
    await navigator.serviceWorker.register(workerUrl, module);
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage(request, [port]);
  },
};

/** Runs a scenario; rejects with what went wrong. */
async function run(context: Context, scenario: ScenarioName, here: Here): Promise<void> {
  if (context === 'page') return scenarios[scenario](here);
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<Answer>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
  });
  await workers[context]({ scenario, here }, port2);
  const { scope, error } = await answer;
  if (error !== undefined) throw new Error(error);
  equal(scope, scopes[context]);
}

let waiting: Promise<void> | undefined;

const testPage = {
  run,
  badInput: (name: BadInputName, here: Here): Promise<string> => badInput[name](here),
  /** Leaves messages behind, and a client that nobody closes. */
  leave: async (here: Here): Promise<void> => {
    await leaveStored(here);
  },
  find: findStored,
  want: wantStored,
  /** Waits in the background for what another tab has; `waited` tells whether it was all there. */
  startWaiting(here: Here): void {
    waiting = findStored(here);
    waiting.catch(() => undefined);
  },
  waited: () => waiting,
};

/** What the test calls. */
export type TestPage = typeof testPage;

Object.assign(globalThis, { testPage });
