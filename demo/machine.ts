/**
 * Publishes the figures of the machine it runs on, every second, as an ordinary user of mqtide would:
 *
 *   machine/<name>/state          online or offline; retained, and the will says offline
 *   machine/<name>/info           what machine it is; retained
 *   machine/<name>/cpu/<core>     and the other figures, see figures.ts
 *
 * It ends on SIGINT, SIGTERM, or when the process that forked it has gone.
 */

import { parseArgs } from 'node:util';
import { connect } from 'mqtide';
import { describeMachine, machineName, type Reading, readings } from './figures';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
    name: { type: 'string', default: machineName() },
  },
});
const base = `machine/${values.name}`;
const json = { properties: { contentType: 'application/json' } };

const stopping = new AbortController();
const stop = () => stopping.abort();
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
process.once('disconnect', stop);

const client = await connect(values.url, {
  clientId: `machine-${values.name}-${process.pid}`,
  keepAlive: 10,
  will: { topic: `${base}/state`, payload: 'offline', qos: 1, retain: true },
  reconnect: { maxDelay: 5_000 },
});

const announce = async () => {
  await client.publish(`${base}/info`, JSON.stringify(await describeMachine()), {
    ...json,
    qos: 1,
    retain: true,
  });
  await client.publish(`${base}/state`, 'online', { qos: 1, retain: true });
};
// Again after each reconnect: the broker has published the will meanwhile.
client.on('connect', () => void announce().catch(complain));
client.on('error', complain);
await announce();

await Promise.all(readings.map((reading) => keepPublishing(reading)));

await client.publish(`${base}/state`, 'offline', { qos: 1, retain: true, timeout: 1_000 }).catch(complain);
await client.close({ timeout: 1_000 });
process.exit();

/** Takes one reading after the other, `reading.every` milliseconds apart or as fast as they can be had. */
async function keepPublishing(reading: Reading): Promise<void> {
  // What comes seldom is retained, so that a page that opens has it at once.
  const options = { ...json, retain: reading.every > 1_000 };
  while (!stopping.signal.aborted) {
    const next = wait(reading.every);
    try {
      for (const { topic, value } of await reading.take()) {
        // QoS 0: the next figure is a second away, so one that is lost while offline is no loss.
        client.publish(`${base}/${topic}`, JSON.stringify(value), options).catch(() => {});
      }
    } catch (error) {
      // Not every machine tells everything.
      complain(error);
      return;
    }
    await next;
  }
}

/** Resolves after `milliseconds`, or at once when the process is to stop. */
function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stopping.signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    stopping.signal.addEventListener('abort', done);
    if (stopping.signal.aborted) done();
  });
}

function complain(error: unknown): void {
  console.error(`machine: ${error instanceof Error ? error.message : error}`);
}
