/** Runs scenarios in a worker: dedicated, shared or service worker. A message brings the name, where, and a port. */

import type { Here } from './here';
import { type ScenarioName, scenarios } from './scenarios';

/** What the page asks for. */
export interface Request {
  readonly scenario: ScenarioName;
  readonly here: Here;
}

/** What it is answered; no error when all went well. */
export interface Answer {
  /** Name of the global's class: which kind of worker this is. */
  readonly scope: string;
  readonly error?: string | undefined;
}

/** The global of all three, as far as it is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  onconnect: ((event: MessageEvent) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = answer;
scope.onconnect = ({ ports: [port] }) => {
  if (port) port.onmessage = answer;
};

function answer(event: MessageEvent<Request>): void {
  const [port] = event.ports;
  const { scenario, here } = event.data;
  const tell = (error?: string) =>
    port?.postMessage({ scope: globalThis.constructor.name, error } satisfies Answer);
  const done = scenarios[scenario](here).then(
    () => tell(),
    (error: unknown) => tell(String(error)),
  );
  // Only a service worker has to ask for time.
  if ('waitUntil' in event && typeof event.waitUntil === 'function') event.waitUntil(done);
}
