/**
 * The fuzzer.
 *
 *   npm run fuzz -- [--seconds N] [--cases N] [--seed S] [--target NAME]...
 *
 * Runs each target for so many seconds (10 unless told otherwise), or so many cases, from a seed (a random one, which
 * is printed). Exit codes: 0 nothing found, 1 a case failed (printed with the command that replays it), 2 wrong use.
 */

import { parseArgs } from 'node:util';
import { largestSeed, randomSeed } from './random';
import { FuzzFailure } from './run';
import { type RunnableTarget, targets } from './targets/index';

/** Seconds for each target unless told otherwise. */
const defaultSeconds = 10;

interface Wanted {
  readonly seconds: number | undefined;
  readonly cases: number | undefined;
  readonly seed: number;
  readonly targets: readonly RunnableTarget[];
}

/** @throws Error with a message for people when the arguments are wrong */
function readArguments(): Wanted {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      cases: { type: 'string' },
      seed: { type: 'string' },
      target: { type: 'string', multiple: true },
    },
  });
  const names = targets.map(({ name }) => name);
  for (const name of values.target ?? []) {
    if (!names.includes(name)) throw new Error(`no such target: ${name}; there are: ${names.join(', ')}`);
  }
  const cases = readNumber('--cases', values.cases, Number.MAX_SAFE_INTEGER);
  return {
    cases,
    seconds:
      readNumber('--seconds', values.seconds, 1e6) ?? (cases === undefined ? defaultSeconds : undefined),
    seed: readNumber('--seed', values.seed, largestSeed) ?? randomSeed(),
    targets: targets.filter(({ name }) => values.target?.includes(name) ?? true),
  };
}

function readNumber(option: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || number > most || (option !== '--seconds' && !Number.isInteger(number))) {
    throw new Error(`${option} takes a number from 0 to ${most}, not ${text}`);
  }
  return number;
}

async function main(): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = readArguments();
  } catch (error) {
    console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  console.log(`seed ${wanted.seed}`);
  let code = 0;
  for (const target of wanted.targets) {
    try {
      const { cases, seconds } = await target.run(wanted);
      const rate = Math.round(cases / Math.max(seconds, 0.001));
      console.log(
        `${target.name}: ${cases} cases in ${seconds.toFixed(1)} s, ${rate} a second, nothing found`,
      );
    } catch (error) {
      if (!(error instanceof FuzzFailure)) throw error;
      console.error(error.message);
      code = 1;
    }
  }
  return code;
}

process.exitCode = await main();
