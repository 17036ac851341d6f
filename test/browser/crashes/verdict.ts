/** What became of the messages of a page that was reloaded, crashed and killed. */

import { nameOf } from './messages';

/** A message that a handler of the page was called with. */
export interface Delivery {
  readonly id: string;
  /** The page that got it, counted from 1. */
  readonly page: number;
  readonly redelivered: boolean;
}

/** What everybody has seen. */
export interface Evidence {
  /** Publishes whose promise resolved, as far as the page lived to tell. */
  readonly accepted: ReadonlySet<string>;
  /** What arrived at another client, in order. */
  readonly arrivals: readonly string[];
  /** Times that a message came to the broker as one that was never sent before. */
  readonly firstSends: ReadonlyMap<string, number>;
  /** Messages for the page that the broker took. */
  readonly sent: readonly string[];
  readonly deliveries: readonly Delivery[];
  /** Messages whose handler came to its end. */
  readonly handled: ReadonlySet<string>;
  /** When the broker got the acknowledgement of a message. */
  readonly acknowledgedAt: ReadonlyMap<string, number>;
  /** When the pages were loaded; the first is at 0. */
  readonly loadedAt: readonly number[];
  /** Publishes that were rejected, and whatever else went wrong. */
  readonly troubles: readonly string[];
}

/** Counts of messages. */
export interface Verdict {
  readonly failures: {
    /** Accepted, and never arrived. */
    readonly lost: number;
    /** Arrived again with QoS 2. */
    readonly duplicated: number;
    /** Arrived for the first time after one that the same page published later with the same QoS. */
    readonly outOfOrder: number;
    /** Came to the broker twice as new. */
    readonly sentAnew: number;
    /** Taken by the broker for the page, and never handled. */
    readonly neverHandled: number;
    /** Delivered again, and not flagged. */
    readonly unflagged: number;
    /** Delivered to a page that was loaded after the broker had the acknowledgement. */
    readonly afterAcknowledgement: number;
    /** Delivered twice to one page. */
    readonly twiceOnOnePage: number;
    readonly troubles: number;
  };
  readonly accepted: number;
  /** Arrived, although the page did not live to tell that it was accepted. */
  readonly untold: number;
  /** Arrived again with QoS 1, which they may. */
  readonly again: number;
  readonly handled: number;
  /** Delivered again, before they were acknowledged. */
  readonly redelivered: number;
  /** What went wrong, a line each. */
  readonly details: readonly string[];
}

/** Whether everything went as it must. */
export function isFlawless({ failures }: Verdict): boolean {
  return Object.values(failures).every((count) => count === 0);
}

/** Counts what became of all messages. */
export function judge(evidence: Evidence): Verdict {
  const { accepted, arrivals, firstSends, sent, deliveries, handled, acknowledgedAt, loadedAt } = evidence;
  const found: Record<Exclude<keyof Verdict['failures'], 'troubles'>, string[]> = {
    lost: [],
    duplicated: [],
    outOfOrder: [],
    sentAnew: [],
    neverHandled: [],
    unflagged: [],
    afterAcknowledgement: [],
    twiceOnOnePage: [],
  };

  const arrived = new Set<string>();
  const highest = new Map<string, number>();
  let again = 0;
  for (const id of arrivals) {
    const { page, index, qos } = nameOf(id);
    if (arrived.has(id)) {
      if (qos === 2) found.duplicated.push(id);
      else again += 1;
      continue;
    }
    arrived.add(id);
    const line = `${page}/${qos}`;
    const last = highest.get(line) ?? 0;
    if (index < last) found.outOfOrder.push(id);
    highest.set(line, Math.max(index, last));
  }
  for (const id of accepted) if (!arrived.has(id)) found.lost.push(id);
  for (const [id, times] of firstSends) if (times > 1) found.sentAnew.push(id);

  for (const id of sent) if (!handled.has(id)) found.neverHandled.push(id);
  let redelivered = 0;
  const lastPage = new Map<string, number>();
  for (const { id, page, redelivered: isFlagged } of [...deliveries].sort((a, b) => a.page - b.page)) {
    const before = lastPage.get(id);
    lastPage.set(id, page);
    if (before === undefined) continue;
    redelivered += 1;
    if (before === page) found.twiceOnOnePage.push(id);
    if (!isFlagged) found.unflagged.push(id);
    const acknowledged = acknowledgedAt.get(id) ?? Number.POSITIVE_INFINITY;
    if (acknowledged < (loadedAt[page - 1] ?? 0)) found.afterAcknowledgement.push(id);
  }

  const details = Object.entries(found).flatMap(([name, ids]) =>
    ids.length === 0 ? [] : `${name}: ${ids.slice(0, 10).join(' ')}${ids.length > 10 ? ' ...' : ''}`,
  );
  return {
    failures: {
      lost: found.lost.length,
      duplicated: found.duplicated.length,
      outOfOrder: found.outOfOrder.length,
      sentAnew: found.sentAnew.length,
      neverHandled: found.neverHandled.length,
      unflagged: found.unflagged.length,
      afterAcknowledgement: found.afterAcknowledgement.length,
      twiceOnOnePage: found.twiceOnOnePage.length,
      troubles: evidence.troubles.length,
    },
    accepted: accepted.size,
    untold: [...arrived].filter((id) => !accepted.has(id)).length,
    again,
    handled: handled.size,
    redelivered,
    details: [...details, ...evidence.troubles],
  };
}
