/** The table that the chaos runner prints, a line a run. */

import { describeFault, type Plan, versionOf } from './plan';
import { hasEnoughFaults, isFlawless, type Verdict } from './verdict';

const columns = [
  ['seed', 6],
  ['broker', 9],
  ['over', 9],
  ['MQTT', 5],
  ['scenario', 9],
  ['max', 3],
  ['handler', 7],
  ['faults', 6],
  ['links', 5],
  ['lost', 4],
  ['doubled', 7],
  ['order', 5],
  ['unsettled', 9],
  ['rejected', 8],
  ['damaged', 7],
  ['early', 5],
  ['no DUP', 6],
  ['resent', 6],
  ['again', 5],
  ['seconds', 7],
] as const;

/** The head of the table. */
export const tableHead = columns.map(([name, width]) => name.padStart(width)).join('  ');

/** A run. */
export function tableLine(plan: Plan, verdict: Verdict): string {
  const { lost, duplicated, outOfOrder, unsettled, rejected, damaged, early, unmarked, resent, again } =
    verdict;
  const values = [
    plan.seed,
    plan.broker,
    plan.transport,
    versionOf(plan),
    plan.scenario,
    plan.receiveMaximum,
    `${plan.handlerTime} ms`,
    verdict.faults,
    verdict.connections,
    lost,
    duplicated,
    outOfOrder,
    unsettled,
    rejected,
    damaged,
    early,
    unmarked ?? '-',
    resent,
    again,
    (verdict.milliseconds / 1_000).toFixed(1),
  ];
  const line = columns.map(([, width], index) => String(values[index]).padStart(width)).join('  ');
  return hasEnoughFaults(verdict) ? line : `${line}  (too few faults: does not count)`;
}

/** What a run that went wrong consisted of, and how to repeat it. */
export function tableDetails(plan: Plan, verdict: Verdict): string {
  const { seed, clean, lead, topics, clients, faults } = plan;
  const setup = Object.entries(clients).map(
    ([side, { store, ack, qos0, subscriptions, window, messages }]) =>
      `${side}: ${messages.length} messages, store ${store}, ack ${ack}, QoS 0 ${qos0}, subscriptions ${subscriptions}, window ${window}`,
  );
  return [
    `to repeat: npm run chaos -- --seeds ${seed}..${seed} --verbose`,
    `clean ${clean}, ${topics} topics of each QoS, lead ${lead}`,
    ...setup,
    ...faults.map(describeFault),
    ...verdict.reasons.map((reason) => `rejected: ${reason}`),
    ...(verdict.stuck === '' ? [] : [`stuck: ${verdict.stuck}`]),
  ]
    .map((line) => `    ${line}`)
    .join('\n');
}

/** All runs together. */
export function tableSum(verdicts: readonly Verdict[], unhandled: number): string {
  const sum = (of: (verdict: Verdict) => number) =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const flawless = verdicts.filter(isFlawless).length;
  const few = verdicts.filter((verdict) => !hasEnoughFaults(verdict)).length;
  return [
    `${verdicts.length} runs (${few} with too few faults), ${sum(({ messages }) => messages)} messages over ${sum(({ connections }) => connections)} links with ${sum(({ faults }) => faults)} faults: ${flawless} flawless, ${verdicts.length - flawless} not`,
    `lost ${sum(({ lost }) => lost)}, doubled ${sum(({ duplicated }) => duplicated)}, out of order ${sum(({ outOfOrder }) => outOfOrder)}, unsettled ${sum(({ unsettled }) => unsettled)}, rejected ${sum(({ rejected }) => rejected)}, damaged ${sum(({ damaged }) => damaged)}, acknowledged early ${sum(({ early }) => early)}, again without DUP ${sum(({ unmarked = 0 }) => unmarked)}, unhandled rejections ${unhandled}`,
    `sessions forgotten ${sum(({ forgotten }) => forgotten)}, sent anew for it and marked ${sum(({ resent }) => resent)}; arrived again as they may ${sum(({ again }) => again)}`,
  ].join('\n');
}
