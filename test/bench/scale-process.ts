/** One question of the scale bench, in a process of its own. */

import mqtt from 'mqtt';

const { connect }: typeof import('../../src/node') = await import(
  new URL('../../dist/node.js', import.meta.url).href
);

/** What is asked. */
export type ScaleQuestion =
  | {
      readonly type: 'clients';
      readonly peer: 'mqtide' | 'MQTT.js';
      readonly count: number;
      readonly url: string;
    }
  | { readonly type: 'subscriptions'; readonly count: number; readonly url: string }
  | { readonly type: 'large'; readonly bytes: number; readonly url: string };

/** What was found. */
export interface ScaleAnswer {
  /** Memory that it took. */
  readonly bytes: number;
  readonly seconds: number;
}

function memory(): number {
  for (let index = 0; index < 4; index += 1) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Keeps everything alive until it is weighed. */
const alive: unknown[] = [];

async function answer(question: ScaleQuestion): Promise<ScaleAnswer> {
  const { url } = question;
  const before = memory();
  const start = performance.now();
  let peak = 0;
  if (question.type === 'clients') {
    for (let done = 0; done < question.count; done += 100) {
      const made = Array.from({ length: 100 }, () =>
        question.peer === 'mqtide'
          ? connect(url, { protocolVersion: 4 })
          : mqtt.connectAsync(url, { protocolVersion: 4 }),
      );
      alive.push(...(await Promise.all(made)));
    }
  } else if (question.type === 'subscriptions') {
    const client = await connect(url, { protocolVersion: 4 });
    alive.push(client);
    for (let done = 0; done < question.count; done += 1_000) {
      alive.push(
        ...(await Promise.all(
          Array.from({ length: 1_000 }, (_, index) =>
            client.subscribe(`site/${done + index}/+/value`, () => undefined),
          ),
        )),
      );
    }
  } else {
    const client = await connect(url, { protocolVersion: 4 });
    const payload = new Uint8Array(question.bytes);
    const held = memory();
    const timer = setInterval(() => {
      const { heapUsed, external } = process.memoryUsage();
      peak = Math.max(peak, heapUsed + external - held);
    }, 5);
    await client.publish('bench/large', payload, { qos: 1 });
    clearInterval(timer);
    return { bytes: peak, seconds: (performance.now() - start) / 1_000 };
  }
  return { bytes: memory() - before, seconds: (performance.now() - start) / 1_000 };
}

process.on('message', (question: ScaleQuestion) => {
  answer(question).then(
    (value) => process.send?.(value),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
