/**
 * The chaos runner: two clients, each behind a network of its own that fails, and every message accounted for.
 *
 *   npm run chaos -- --seeds A..B [--only WORD,WORD] [--parallel N] [--failures] [--verbose]
 *   npm run chaos -- --cuts [--only WORD,WORD]
 *
 * A seed stands for 200 messages and five faults or more. `--only` leaves out the seeds that do not have all of these
 * words: in-repo mosquitto tcp ws 3.1.1 5.0 both forgotten max1 max2 max20 0ms 200ms. `--failures` prints only the
 * runs that went wrong, `--verbose` each packet and each step. `--cuts` cuts each exchange at each byte instead, see
 * cuts.ts; `--only` takes the first six words then.
 * Exit codes: 0 nothing went wrong, 1 something did (printed with the command that repeats it), 2 wrong use.
 */

import { parseArgs } from 'node:util';
import { largestSeed } from '../fuzz/random';
import { brokerKinds } from '../support/broker-kinds';
import { cutEverywhere, cutHead, cutLines, isHarmless } from './cut-table';
import { type Plan, planOf, wordsOf, wordsOfGround } from './plan';
import { runPlan } from './run';
import { tableDetails, tableHead, tableLine, tableSum } from './table';
import { hasEnoughFaults, isFlawless, type Verdict } from './verdict';

interface Wanted {
  readonly plans: readonly Plan[];
  readonly cuts: boolean;
  readonly only: readonly string[];
  readonly parallel: number;
  readonly failures: boolean;
  readonly verbose: boolean;
}

/** Runs at a time: most of their time they wait. */
const defaultParallel = '8';

const words = [
  ...['in-repo', 'mosquitto', 'tcp', 'ws', '3.1.1', '5.0', 'both', 'forgotten'],
  ...['max1', 'max2', 'max20', '0ms', '200ms'],
];

/** @throws Error with a message for people when the arguments are wrong */
function readArguments(): Wanted {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1..20' },
      only: { type: 'string', default: '' },
      cuts: { type: 'boolean', default: false },
      parallel: { type: 'string', default: defaultParallel },
      failures: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
    },
  });
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(values.seeds)?.map(Number) ?? [];
  if (first === undefined || last === undefined || first > last || last > largestSeed) {
    throw new Error(`--seeds takes a range such as 1..20, not ${values.seeds}`);
  }
  const only = values.only.split(',').filter(Boolean);
  const unknown = only.find((word) => !words.includes(word));
  if (unknown !== undefined) throw new Error(`--only takes some of ${words.join(' ')}, not ${unknown}`);
  const parallel = Number(values.parallel);
  if (!Number.isInteger(parallel) || parallel < 1) throw new Error('--parallel takes a number from 1');
  const plans: Plan[] = [];
  for (let seed = first; !values.cuts && seed <= last; seed++) {
    const plan = planOf(seed);
    const has = wordsOf(plan);
    if (only.every((word) => has.includes(word))) plans.push(plan);
  }
  for (const { name, missing } of brokerKinds) {
    const isWanted = values.cuts ? !only.includes('in-repo') : plans.some(({ broker }) => broker === name);
    if (missing !== undefined && isWanted) throw new Error(`${missing}; \`--only in-repo\` does without`);
  }
  const { cuts, failures, verbose } = values;
  return { plans, cuts, only, parallel, failures, verbose };
}

/** Cuts every exchange at every byte, on every ground that is wanted. @returns whether none did harm */
async function cutAll({ only }: Wanted): Promise<boolean> {
  let made = 0;
  let harmful = 0;
  console.log(cutHead);
  for (const { name, start } of brokerKinds) {
    for (const transport of ['TCP', 'WebSocket'] as const) {
      for (const protocolVersion of [4, 5] as const) {
        const has = wordsOfGround({ broker: name, transport, protocolVersion });
        if (!only.every((word) => has.includes(word))) continue;
        const broker = await start();
        try {
          const ground = { broker, transport, protocolVersion };
          for await (const row of cutEverywhere(ground)) {
            console.log(cutLines(name, ground, row));
            made += row.cuts.length;
            harmful += row.cuts.filter((cut) => !isHarmless(cut)).length;
          }
        } finally {
          await broker.close();
        }
      }
    }
  }
  console.log(`${made} cuts: ${made - harmful} harmless, ${harmful} not`);
  return harmful === 0 && made > 0;
}

/** Runs plans against the brokers that they name. */
async function runAll({ plans, parallel, failures, verbose }: Wanted): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const waiting = [...plans];
  const trace = verbose ? (line: string) => console.log(line) : undefined;
  const mosquitto = plans.some(({ broker }) => broker === 'Mosquitto')
    ? await kindOf('Mosquitto').start()
    : undefined;
  const work = async () => {
    for (let plan = waiting.shift(); plan; plan = waiting.shift()) {
      // Ours is quick to start, so each run has its own, which says how much it takes.
      const own =
        plan.broker === 'in-repo'
          ? await kindOf('in-repo').start({ receiveMaximum: plan.receiveMaximum })
          : undefined;
      const broker = own ?? mosquitto;
      if (!broker) throw new Error('there is no broker');
      const verdict = await runPlan(plan, broker, { trace });
      await own?.close();
      verdicts.push(verdict);
      const isWrong = !isFlawless(verdict);
      if (!failures || isWrong || !hasEnoughFaults(verdict)) console.log(tableLine(plan, verdict));
      if (isWrong) console.log(tableDetails(plan, verdict));
    }
  };
  try {
    console.log(tableHead);
    await Promise.all(Array.from({ length: verbose ? 1 : parallel }, work));
  } finally {
    await mosquitto?.close();
  }
  return verdicts;
}

function kindOf(wanted: Plan['broker']) {
  const kind = brokerKinds.find(({ name }) => name === wanted);
  if (!kind) throw new Error(`there is no broker ${wanted}`);
  return kind;
}

async function main(): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = readArguments();
  } catch (error) {
    console.error(`chaos: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  let unhandled = 0;
  process.on('unhandledRejection', (reason) => {
    unhandled += 1;
    console.log('unhandled rejection:', reason);
  });
  if (wanted.cuts) {
    const isHarmless = await cutAll(wanted);
    console.log(`unhandled rejections ${unhandled}`);
    return isHarmless && unhandled === 0 ? 0 : 1;
  }
  const verdicts = await runAll(wanted);
  console.log(tableSum(verdicts, unhandled));
  return unhandled === 0 && verdicts.every(isFlawless) ? 0 : 1;
}

process.exitCode = await main();
