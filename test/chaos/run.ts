/** Two clients that send each other messages, each behind a proxy that makes the faults of a plan. */

import type { RunningBroker } from '../support/broker-kinds';
import { FaultScript } from './faults';
import { other, Party, type RunContext } from './party';
import type { Plan, Side } from './plan';
import { judge, type Verdict } from './verdict';
import { Watch } from './watch';

/** Milliseconds without a message or an answer after which what has not happened counts as never. */
const patience = 90_000;

/** Steps that are told of a run that gave up. */
const stepsToTell = 60;

const sides: readonly Side[] = ['left', 'right'];

let runs = 0;

/** How to watch a run. */
export interface RunOptions {
  /** Takes a line about each step, and every packet. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** Runs a plan; the verdict says what went wrong. */
export async function runPlan(
  plan: Plan,
  broker: RunningBroker,
  { trace }: RunOptions = {},
): Promise<Verdict> {
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  runs += 1;
  const watch = new Watch(patience);
  const lately: (() => string)[] = [];
  const context: RunContext = {
    plan,
    base: `chaos/${process.pid}/${runs}`,
    broker,
    watch,
    trace(side, line) {
      const at = elapsed();
      const write = () =>
        `${at.toFixed(1).padStart(8)} ${side.padEnd(5)} ${typeof line === 'string' ? line : line()}`;
      trace?.(write());
      lately.push(write);
      if (lately.length > stepsToTell) lately.shift();
    },
  };
  const parties: Party[] = [];
  let scripts: FaultScript[] = [];
  let stuck = '';
  try {
    try {
      for (const side of sides) parties.push(await Party.open(context, side));
      scripts = parties.map((party) => new FaultScript(party, context));
      const published = () => parties.reduce((sum, { sent }) => sum + sent.length, 0);
      const [left, right] = parties;
      const isQuiet = () =>
        parties.every((party) => party.isQuiet) && left !== undefined && right?.hasGot(left) === true;
      const mayGoOn = (isIdle: boolean) =>
        scripts.every(
          ({ next, needsQuiet }) =>
            published() < next || (!needsQuiet && (isIdle || published() < next + plan.lead)),
        );
      // Those that come too late are not waited for.
      for (const script of scripts)
        script.run({ published, isQuiet }).catch((error: Error) => watch.end(error));
      await Promise.all(parties.map((party) => party.publishAll(mayGoOn)));
      await watch.until(() => parties.every(({ isDone }) => isDone));
      for (const script of scripts) script.spareQuiet();
      await watch.until(() => !scripts.some(({ needsQuiet }) => needsQuiet));
      // Behind everything that is still on its way, be it a message that comes twice.
      for (const party of parties) party.publishLast();
      await watch.until(() => parties.every(({ hasAll }) => hasAll));
    } catch (error) {
      stuck = [String(error), ...parties.map((party) => party.describe())].join('; ');
      stuck += lately.map((write) => `\n    ${write()}`).join('');
    }
    return judge(
      parties.map(({ side, sent }) => ({
        sent,
        arrivals: parties.find((party) => party.side === other[side])?.arrivals ?? [],
      })),
      {
        faults: scripts.reduce((sum, { happened }) => sum + happened, 0),
        forgotten: scripts.reduce((sum, { forgotten }) => sum + forgotten, 0),
        early: parties.reduce((sum, { early }) => sum + early, 0),
        unmarked: broker.log && parties.reduce((sum, { unmarked }) => sum + unmarked, 0),
        connections: parties.reduce((sum, { client }) => sum + client.stats.connections, 0),
        milliseconds: elapsed(),
        stuck,
      },
    );
  } finally {
    watch.end(new Error('the run is over'));
    for (const party of parties) await party.close();
  }
}
