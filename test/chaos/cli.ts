/**
 * The chaos runner: two clients, each behind a network of its own that fails, and every message accounted for.
 *
 *   npm run chaos -- --seeds A..B [--broker in-repo|mosquitto] [--transport tcp|ws] [--version 4|5]
 *
 * A seed stands for 200 messages and five faults or more; without `--transport` and `--version` it stands for these too.
 * Exit codes: 0 nothing went wrong, 1 something did (printed with the command that repeats it), 2 wrong use.
 */

import { parseArgs } from 'node:util';
import { largestSeed } from '../fuzz/random';
import { type BrokerKind, brokerKinds } from '../support/broker-kinds';
import { type PlanLimits, planOf } from './plan';
import { runPlan } from './run';
import { tableDetails, tableHead, tableLine, tableSum } from './table';
import { isFlawless, type Verdict } from './verdict';

interface Wanted {
  readonly first: number;
  readonly last: number;
  readonly kind: BrokerKind;
  readonly limits: PlanLimits;
}

/** @throws Error with a message for people when the arguments are wrong */
function readArguments(): Wanted {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1..20' },
      broker: { type: 'string', default: 'in-repo' },
      transport: { type: 'string' },
      version: { type: 'string' },
    },
  });
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(values.seeds)?.map(Number) ?? [];
  if (first === undefined || last === undefined || first > last || last > largestSeed) {
    throw new Error(`--seeds takes a range such as 1..20, not ${values.seeds}`);
  }
  const kind = brokerKinds.find(({ name }) => name.toLowerCase() === values.broker);
  if (!kind) throw new Error(`--broker takes in-repo or mosquitto, not ${values.broker}`);
  if (kind.missing !== undefined) throw new Error(kind.missing);
  const transport = oneOf('--transport', values.transport, { tcp: 'TCP', ws: 'WebSocket' } as const);
  const protocolVersion = oneOf('--version', values.version, { 4: 4, 5: 5 } as const);
  return {
    first,
    last,
    kind,
    limits: { transport, protocolVersion, exceedsReceiveMaximum: kind.exceedsReceiveMaximum },
  };
}

function oneOf<Value>(
  option: string,
  text: string | undefined,
  values: Readonly<Record<string, Value>>,
): Value | undefined {
  if (text === undefined) return undefined;
  const value = Object.hasOwn(values, text) ? values[text] : undefined;
  if (value === undefined)
    throw new Error(`${option} takes ${Object.keys(values).join(' or ')}, not ${text}`);
  return value;
}

async function main(): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = readArguments();
  } catch (error) {
    console.error(`chaos: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const { first, last, kind, limits } = wanted;
  const broker = await kind.start();
  const verdicts: Verdict[] = [];
  try {
    console.log(tableHead);
    for (let seed = first; seed <= last; seed++) {
      const plan = planOf(seed, limits);
      const verdict = await runPlan(plan, broker);
      verdicts.push(verdict);
      console.log(tableLine(plan, verdict));
      if (!isFlawless(verdict)) console.log(tableDetails(plan, verdict, kind.name.toLowerCase()));
    }
    console.log(tableSum(verdicts));
  } finally {
    await broker.close();
  }
  return verdicts.every(isFlawless) ? 0 : 1;
}

process.exitCode = await main();
