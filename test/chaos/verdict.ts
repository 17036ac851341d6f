/** What became of the messages of a run. */

/** A message that a handler got. */
export interface Arrival {
  readonly qos: 1 | 2;
  /** Its place among the messages of its sender. */
  readonly index: number;
  /** Whether its payload was complete. */
  readonly isWhole: boolean;
}

/** One direction: what was published, in order, and what came. */
export interface Traffic {
  readonly sent: readonly { readonly qos: 1 | 2; readonly outcome: 'acknowledged' | Error | undefined }[];
  readonly arrivals: readonly Arrival[];
}

/** Counts; the first six are failures. */
export interface Verdict {
  /** Published, not rejected, and never arrived. */
  readonly lost: number;
  /** QoS 2 messages that arrived again. */
  readonly duplicated: number;
  /** Messages that arrived for the first time after one published later with the same QoS. */
  readonly outOfOrder: number;
  /** Publishes whose promise did not settle. */
  readonly unsettled: number;
  readonly rejected: number;
  /** Messages whose payload was not the one published. */
  readonly damaged: number;
  /** QoS 1 messages that arrived again, which they may. */
  readonly again: number;
  readonly messages: number;
  readonly connections: number;
  readonly milliseconds: number;
  /** Why publishes were rejected, once each. */
  readonly reasons: readonly string[];
}

const failures = ['lost', 'duplicated', 'outOfOrder', 'unsettled', 'rejected', 'damaged'] as const;

/** Whether everything went as it must. */
export function isFlawless(verdict: Verdict): boolean {
  return failures.every((name) => verdict[name] === 0);
}

/** Counts what became of both directions. */
export function judge(
  traffics: readonly Traffic[],
  known: { readonly connections: number; readonly milliseconds: number },
): Verdict {
  const counts = {
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    unsettled: 0,
    rejected: 0,
    damaged: 0,
    again: 0,
    messages: 0,
  };
  const reasons = new Set<string>();
  for (const { sent, arrivals } of traffics) {
    const seen = new Set<number>();
    const highest = { 1: -1, 2: -1 };
    for (const { qos, index, isWhole } of arrivals) {
      if (!isWhole || sent[index]?.qos !== qos) counts.damaged += 1;
      if (seen.has(index)) {
        if (qos === 2) counts.duplicated += 1;
        else counts.again += 1;
        continue;
      }
      seen.add(index);
      if (index < highest[qos]) counts.outOfOrder += 1;
      highest[qos] = Math.max(highest[qos], index);
    }
    counts.messages += sent.length;
    for (const [index, { outcome }] of sent.entries()) {
      if (outcome === undefined) counts.unsettled += 1;
      if (outcome instanceof Error) {
        counts.rejected += 1;
        reasons.add(outcome.message);
      } else if (!seen.has(index)) counts.lost += 1;
    }
  }
  return { ...counts, ...known, reasons: [...reasons] };
}
