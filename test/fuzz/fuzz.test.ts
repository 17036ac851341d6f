import { describe, expect, test } from 'vitest';
import { largestSeed, Random, randomSeed } from './random';
import { FuzzFailure, run } from './run';
import { must, type Target, type Watch } from './target';
import { targets } from './targets/index';

/** Seconds for each run; `npm run fuzz` is for longer ones. */
const seconds = 1;

/** Changes only when a generator is meant to be tried from elsewhere. */
const fixedSeed = 20_251_122;

describe.each(targets.map((target) => [target.name, target] as const))('%s under fuzzing', (_, target) => {
  test('holds its invariants from a fixed seed', async () => {
    await expect(target.run({ seed: fixedSeed, seconds })).resolves.toMatchObject({
      cases: expect.any(Number),
    });
  });

  test('holds its invariants from a random seed', async () => {
    const seed = randomSeed();
    console.log(`npm run fuzz -- --target ${target.name} --seed ${seed} --seconds ${seconds}`);
    const { cases } = await target.run({ seed, seconds });
    expect(cases).toBeGreaterThan(0);
  });
});

describe('the fuzzer', () => {
  /** Fails for lists that hold a number above 900. */
  const faulty: Target<number[]> = {
    name: 'faulty',
    generate: (random) => random.list(random.int(1, 20), () => random.int(0, 1_000)),
    check: (numbers) => must(!numbers.some((number) => number > 900), 'a number is above 900'),
    *smaller(numbers) {
      for (const index of numbers.keys()) yield without(numbers, index);
    },
    show: (numbers) => `[${numbers}]`,
  };

  async function failureOf<Input>(target: Target<Input>, seed: number, cases = 1_000): Promise<string> {
    const error: unknown = await run(target, { seed, cases }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FuzzFailure);
    return error instanceof Error ? error.message : '';
  }

  test('prints a command that replays a failure, and it does', async () => {
    const message = await failureOf(faulty, 5);
    const [, seed] = /^replay: npm run fuzz -- --target faulty --seed (\d+) --cases 1$/m.exec(message) ?? [];
    expect(withoutStack(await failureOf(faulty, Number(seed), 1))).toBe(withoutStack(message));
  });

  test('reduces what fails to the smallest input that fails in the same way', async () => {
    expect(await failureOf(faulty, 5)).toMatch(/^smallest input found: \[9\d\d\]$/m);
  });

  test('waits for a target that takes its time', async () => {
    const slow: Target<number[]> = {
      ...faulty,
      name: 'slow',
      async check(numbers) {
        await Promise.resolve();
        await faulty.check(numbers);
      },
    };
    expect(await failureOf(slow, 5)).toMatch(/^smallest input found: \[9\d\d\]$/m);
  });

  test('takes an exception of a generator for a failure', async () => {
    const broken: Target<number> = {
      name: 'broken',
      generate: () => {
        throw new RangeError('out of numbers');
      },
      check: () => {},
      smaller: () => [],
      show: String,
    };
    expect(await failureOf(broken, 1)).toMatch(/seed 1: RangeError: out of numbers/);
  });

  test('reports what is wrong over many cases with the number of cases that shows it', async () => {
    const watch = (): Watch => ({ warm: () => {}, end: () => must(false, 'something was kept') });
    const harmless: Target<number[]> = { ...faulty, name: 'harmless', check: () => {}, watch };
    const message = await failureOf(harmless, 7, 2_000);
    expect(message).toMatch(/something was kept\nreplay: .* --seed 7 --cases 2000$/m);
  });

  test('stops when its time is up', async () => {
    const endless: Target<number> = {
      name: 'endless',
      generate: (random) => random.uint32(),
      check: () => {},
      smaller: () => [],
      show: String,
    };
    const result = await run(endless, { seed: 1, seconds: 0.05 });
    expect(result.cases).toBeGreaterThan(0);
    expect(result.seconds).toBeGreaterThanOrEqual(0.05);
  });
});

describe('random numbers', () => {
  test('are the same for the same seed, today and tomorrow', () => {
    const random = new Random(42);
    expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
      [
        660444221,
        3652823732,
        77672526,
      ]
    `);
  });

  test('differ between neighbouring seeds, and in the upper half of a seed', () => {
    const first = [0, 1, 2, 2 ** 32, 2 ** 33, largestSeed].map((seed) => new Random(seed).uint32());
    expect(new Set(first).size).toBe(first.length);
  });

  test('keep to their bounds, and reach them', () => {
    const random = new Random(1);
    const numbers = random.list(2_000, () => random.int(3, 7));
    expect(new Set(numbers)).toEqual(new Set([3, 4, 5, 6, 7]));
    expect(Math.max(...random.list(2_000, () => random.size(10)))).toBe(10);
    expect(random.list(100, () => random.chance(0))).not.toContain(true);
    expect(random.list(100, () => random.chance(1))).not.toContain(false);
  });
});

function withoutStack(message: string): string {
  return message.replaceAll(/^ +at .*$\n?/gm, '');
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, other) => other !== index);
}
