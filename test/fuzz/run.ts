/** Runs the cases of a target, finds the smallest input that still fails, and says how to see it again. */

import { performance } from 'node:perf_hooks';
import { largestSeed, Random } from './random';
import type { Target } from './target';

/** How long to run, and from where. */
export interface RunOptions {
  /** Seed of the first case; the n-th case after it has this seed plus n, so that it can be run alone. */
  readonly seed: number;
  /** Stop after so much time. */
  readonly seconds?: number | undefined;
  /** Stop after so many cases. */
  readonly cases?: number | undefined;
}

/** What a run that found nothing did. */
export interface RunResult {
  readonly cases: number;
  readonly seconds: number;
}

/** A case that failed. Its message holds all there is to know, the command to replay it first. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** Cases before memory is first looked at. */
const warmUp = 500;

/** Checks to make at most on the way to the smallest input. */
const mostAttempts = 3_000;

/**
 * Runs cases until the time or their number is up.
 *
 * @throws FuzzFailure at the first case that fails
 */
export async function run<Input>(target: Target<Input>, options: RunOptions): Promise<RunResult> {
  const { seed, seconds = Number.POSITIVE_INFINITY, cases = Number.POSITIVE_INFINITY } = options;
  const watch = target.watch?.();
  const start = performance.now();
  let done = 0;
  while (done < cases && (done % 16 !== 0 || performance.now() - start < seconds * 1_000)) {
    await runCase(target, (seed + done) % (largestSeed + 1));
    done++;
    if (done === warmUp) look(target, seed, done, () => watch?.warm());
  }
  const elapsed = (performance.now() - start) / 1_000;
  // Fewer cases say nothing about what is kept from one to the next.
  if (done > warmUp) look(target, seed, done, () => watch?.end());
  return { cases: done, seconds: elapsed };
}

async function runCase<Input>(target: Target<Input>, seed: number): Promise<void> {
  let input: Input | undefined;
  try {
    input = target.generate(new Random(seed));
    // A target that answers at once is not made to wait for a turn.
    const pending = target.check(input);
    if (pending !== undefined) await pending;
  } catch (error) {
    const found = input === undefined ? undefined : await smallest(target, input, error);
    throw new FuzzFailure(describeFailure(target, seed, 1, error, found), { cause: error });
  }
}

/** Checks what holds over many cases. */
function look<Input>(target: Target<Input>, seed: number, cases: number, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new FuzzFailure(describeFailure(target, seed, cases, error, undefined), { cause: error });
  }
}

/** Takes smaller inputs as long as one fails in the same way. */
async function smallest<Input>(target: Target<Input>, input: Input, error: unknown): Promise<Input> {
  const wanted = kindOf(error);
  let attempts = 0;
  let current = input;
  for (let found = true; found; ) {
    found = false;
    for (const candidate of target.smaller(current)) {
      if (++attempts > mostAttempts) return current;
      if ((await failureOf(target, candidate)) !== wanted) continue;
      current = candidate;
      found = true;
      break;
    }
  }
  return current;
}

async function failureOf<Input>(target: Target<Input>, input: Input): Promise<string | undefined> {
  try {
    await target.check(input);
    return undefined;
  } catch (error) {
    return kindOf(error);
  }
}

/** Two failures are of one kind when their messages differ in numbers and quoted parts at most. */
function kindOf(error: unknown): string {
  return (
    String(error)
      .split('\n', 1)[0]
      ?.replaceAll(/\d+|".*"/g, '') ?? ''
  );
}

function describeFailure<Input>(
  target: Target<Input>,
  seed: number,
  cases: number,
  error: unknown,
  input: Input | undefined,
): string {
  const lines = [
    `target ${target.name}, seed ${seed}: ${String(error)}`,
    `replay: npm run fuzz -- --target ${target.name} --seed ${seed} --cases ${cases}`,
  ];
  if (input !== undefined) lines.push(`smallest input found: ${target.show(input)}`);
  if (error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return lines.join('\n');
}
