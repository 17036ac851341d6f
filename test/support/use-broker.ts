/** A broker for the tests of one `describe`. */

import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { BrokerKind, BrokerSettings, RunningBroker } from './broker-kinds';
import { requiresMosquitto } from './mosquitto';

/**
 * Starts a broker for the tests of the surrounding `describe`, and skips them, saying why, where it is missing; where
 * it is required (see `requiresMosquitto`) they fail instead.
 *
 * @returns gives the broker, within tests
 */
export function useBroker(kind: BrokerKind, settings?: BrokerSettings): () => RunningBroker {
  let running: RunningBroker | undefined;
  beforeAll(async () => {
    if (kind.missing === undefined) running = await kind.start(settings);
    else if (requiresMosquitto()) throw new Error(kind.missing);
  });
  afterAll(() => running?.close());
  beforeEach(({ skip }) => {
    if (kind.missing !== undefined) skip(kind.missing);
  });
  return () => {
    if (!running) throw new Error(`${kind.name} does not run`);
    return running;
  };
}
