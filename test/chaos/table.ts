/** The table that the chaos runner prints, a line a run. */

import { describeFault, type Plan } from './plan';
import { isFlawless, type Verdict } from './verdict';

const columns = [
  ['seed', 6],
  ['over', 9],
  ['MQTT', 5],
  ['faults', 6],
  ['links', 5],
  ['lost', 4],
  ['duplicated', 10],
  ['out of order', 12],
  ['unsettled', 9],
  ['rejected', 8],
  ['damaged', 7],
  ['QoS 1 again', 11],
  ['ms', 6],
] as const;

/** The head of the table. */
export const tableHead = columns.map(([name, width]) => name.padStart(width)).join('  ');

/** A run. */
export function tableLine({ seed, transport, protocolVersion, faults }: Plan, verdict: Verdict): string {
  const { lost, duplicated, outOfOrder, unsettled, rejected, damaged, again } = verdict;
  const values = [
    seed,
    transport,
    protocolVersion === 5 ? '5.0' : '3.1.1',
    faults.length,
    verdict.connections,
    lost,
    duplicated,
    outOfOrder,
    unsettled,
    rejected,
    damaged,
    again,
    Math.round(verdict.milliseconds),
  ];
  return columns.map(([, width], index) => String(values[index]).padStart(width)).join('  ');
}

/** What a run that went wrong consisted of, and how to repeat it. */
export function tableDetails(plan: Plan, verdict: Verdict, broker: string): string {
  const { seed, transport, protocolVersion, clients, faults } = plan;
  const setup = Object.entries(clients).map(
    ([side, { store, maxInflight, receiveMaximum, window, handlerTurns }]) =>
      `${side}: store ${store}, maxInflight ${maxInflight}, receiveMaximum ${receiveMaximum}, window ${window}, handler ${handlerTurns} turns`,
  );
  const flags = `--transport ${transport === 'TCP' ? 'tcp' : 'ws'} --version ${protocolVersion}`;
  return [
    `to repeat: npm run chaos -- --seeds ${seed}..${seed} --broker ${broker} ${flags}`,
    ...setup,
    ...faults.map(describeFault),
    ...verdict.reasons.map((reason) => `rejected: ${reason}`),
  ]
    .map((line) => `    ${line}`)
    .join('\n');
}

/** All runs together. */
export function tableSum(verdicts: readonly Verdict[]): string {
  const flawless = verdicts.filter(isFlawless).length;
  const messages = verdicts.reduce((sum, verdict) => sum + verdict.messages, 0);
  const links = verdicts.reduce((sum, { connections }) => sum + connections, 0);
  return `${verdicts.length} runs, ${messages} messages over ${links} links: ${flawless} flawless, ${verdicts.length - flawless} not`;
}
