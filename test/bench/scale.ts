/** Many clients, many subscriptions, one very large message. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Bench, verdict } from './report';
import type { ScaleAnswer, ScaleQuestion } from './scale-process';
import { message, startSink } from './sink-process';

/** The scale bench. */
export const scaleBench: Bench = async () => {
  const sink = await startSink();
  const ask = async (question: ScaleQuestion): Promise<ScaleAnswer> => {
    const child = fork(fileURLToPath(new URL('scale-process.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx', '--expose-gc', '--max-old-space-size=8192'],
    });
    const answer = message<ScaleAnswer>(child);
    child.send(question);
    const value = await answer;
    child.disconnect();
    return value;
  };
  try {
    const url = `mqtt://127.0.0.1:${sink.ports.tcp}`;
    const clients = 10_000;
    const ours = await ask({ type: 'clients', peer: 'mqtide', count: clients, url });
    const theirs = await ask({ type: 'clients', peer: 'MQTT.js', count: clients, url });
    const filters = await ask({ type: 'subscriptions', count: 100_000, url });
    const large = await ask({ type: 'large', bytes: 256 * 2 ** 20 - 32, url });
    return [
      {
        title: 'Scale in Node',
        about: 'Heap after garbage collection (buffers included); one process, TCP.',
        head: ['what', 'mqtide', 'MQTT.js', 'good'],
        rows: [
          [
            `bytes a client of ${clients} idle ones`,
            Math.round(ours.bytes / clients).toLocaleString('en'),
            Math.round(theirs.bytes / clients).toLocaleString('en'),
            verdict(ours.bytes <= theirs.bytes),
          ],
          [
            'bytes a Subscription of 100,000 with handlers',
            Math.round(filters.bytes / 100_000).toLocaleString('en'),
            '',
            '',
          ],
          ['seconds to subscribe to 100,000 filters', filters.seconds.toFixed(1), '', ''],
          ['MiB at the most while a message of 256 MiB goes out', (large.bytes / 2 ** 20).toFixed(0), '', ''],
        ],
      },
    ];
  } finally {
    sink.close();
  }
};
