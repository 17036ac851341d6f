/** What is left in memory after a million messages. */

import { nodeMemory } from './node';
import { type Bench, verdict } from './report';

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

/** The memory bench. */
export const memoryBench: Bench = async () => {
  const found = await nodeMemory();
  return [
    {
      title: 'Memory in Node',
      about:
        'Heap and buffers after garbage collection, over TCP: after a first 100,000 messages, and what a million more add (published and received, QoS 0 and 1).',
      head: ['peer', 'after 100,000', 'added by a million', 'flat'],
      rows: found.map(({ peer, before, after }) => [
        peer,
        mebibytes(before),
        mebibytes(after - before),
        verdict(after - before < 2 ** 20),
      ]),
    },
  ];
};
