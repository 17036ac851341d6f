/** What the crash runner prints. */

import type { Verdict } from './verdict';

/** Counts, one a line, and what went wrong. */
export function describeVerdict({ failures, details, ...counts }: Verdict): string {
  const rows: [string, number][] = [
    ['publishes accepted', counts.accepted],
    ['  lost', failures.lost],
    ['  QoS 2, arrived twice', failures.duplicated],
    ['  QoS 1, arrived again (allowed)', counts.again],
    ['  out of order', failures.outOfOrder],
    ['  sent twice as new', failures.sentAnew],
    ['  arrived, and the page did not live to tell', counts.untold],
    ['messages handled', counts.handled],
    ['  never handled', failures.neverHandled],
    ['  redelivered before they were acknowledged', counts.redelivered],
    ['  redelivered without the flag', failures.unflagged],
    ['  redelivered after they were acknowledged', failures.afterAcknowledgement],
    ['  delivered twice to one page', failures.twiceOnOnePage],
    ['rejections and other trouble', failures.troubles],
  ];
  return [
    ...rows.map(([name, count]) => `  ${name.padEnd(46)}${String(count).padStart(7)}`),
    ...details,
  ].join('\n');
}
