/** Listens to signals: once to each, whoever waits for it, because Node warns of a leak from the eleventh on. */

interface Listening {
  readonly calls: Set<() => void>;
  readonly abort: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/**
 * Calls back once a signal aborts, at once if it has.
 *
 * @returns what calls that off
 */
export function whenAborted(signal: AbortSignal | undefined, call: () => void): () => void {
  if (signal?.aborted) call();
  if (!signal || signal.aborted) return () => {};
  const { calls, abort } = listening.get(signal) ?? listenTo(signal);
  calls.add(call);
  return () => {
    if (!calls.delete(call) || calls.size > 0) return;
    listening.delete(signal);
    signal.removeEventListener('abort', abort);
  };
}

function listenTo(signal: AbortSignal): Listening {
  const calls = new Set<() => void>();
  const abort = () => {
    for (const call of [...calls]) call();
  };
  const one = { calls, abort };
  listening.set(signal, one);
  signal.addEventListener('abort', abort);
  return one;
}
