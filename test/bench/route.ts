/** From a topic to the handlers of all filters that match, with ever more filters. */

import { Qlobber } from 'qlobber';
import { TopicTrie } from '../../src/topic/topic-trie';
import { interleave, keep } from './interleave';
import { type Bench, verdict } from './report';
import { ratio, withSpread } from './statistics';

/** Filters, a third of them with a `+`, some with a `#`; the topic matches one exact filter and one of each kind. */
function filters(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    if (index % 3 === 0) return `site/${index}/+/value`;
    if (index % 3 === 1) return `site/${index}/sensor/#`;
    return `site/${index}/sensor/value`;
  });
}

/** The routing bench. */
export const routeBench: Bench = async (rounds) => {
  const sizes = [10, 100, 1_000, 10_000, 100_000];
  const times: number[] = [];
  const rows = sizes.map((count) => {
    const trie = new TopicTrie<number>();
    const qlobber = new Qlobber<number>({ separator: '/', wildcard_one: '+', wildcard_some: '#' });
    filters(count).forEach((filter, index) => {
      trie.add(filter, index);
      qlobber.add(filter, index);
    });
    // Topics of a hundred different sites, so that no cache makes it look good.
    const topics = Array.from(
      { length: 100 },
      (_, index) => `site/${Math.floor((index * count) / 100)}/sensor/value`,
    );
    for (const topic of topics) {
      const ours: number[] = [];
      trie.match(topic, (value) => ours.push(value));
      ours.sort();
      if (`${ours}` !== `${qlobber.match(topic).sort()}`) throw new Error(`the routers disagree on ${topic}`);
    }
    const { mqtide, peer } = interleave(
      {
        mqtide: (runs) => {
          let found = 0;
          const count = (): void => {
            found += 1;
          };
          for (let run = 0; run < runs; run += 1) trie.match(topics[run % 100] ?? '', count);
          keep(found);
          return runs;
        },
        peer: (runs) => {
          let found = 0;
          for (let run = 0; run < runs; run += 1) found += qlobber.match(topics[run % 100] ?? '').length;
          keep(found);
          return runs;
        },
      },
      rounds,
    );
    times.push(mqtide.median);
    const over = mqtide.median / peer.median;
    return [
      String(count),
      withSpread(mqtide, (value) => value.toFixed(0)),
      withSpread(peer, (value) => value.toFixed(0)),
      ratio(over),
      verdict(over <= 2),
    ];
  });
  return [
    {
      title: 'Routing in Node',
      about: `Nanoseconds from a topic to the handlers of all filters that match, beside qlobber; at most twice its time. From 10 to 100,000 filters ours grows ${ratio((times.at(-1) ?? 0) / (times[0] ?? 1))}.`,
      head: ['filters', 'mqtide', 'qlobber', "of qlobber's time", 'reached'],
      rows,
    },
  ];
};
