/** What became of the messages of a run. */

import { fewestFaults } from './plan';

/** A publish that was acknowledged; `resent` as the client said. */
export interface Acknowledged {
  readonly resent: boolean;
}

/** A publish and how it ended; undefined while it has not. */
export interface Sent {
  readonly qos: 0 | 1 | 2;
  readonly topic: number;
  outcome: Acknowledged | Error | undefined;
}

/** A message that a handler got. */
export interface Arrival {
  readonly qos: 0 | 1 | 2;
  readonly topic: number;
  /** Its place among the messages of its sender. */
  readonly index: number;
  /** Whether its payload was complete. */
  readonly isWhole: boolean;
}

/** One direction: what was published, in order, and what came. */
export interface Traffic {
  readonly sent: readonly Sent[];
  readonly arrivals: readonly Arrival[];
}

/** What a run can count without looking at messages. */
export interface Circumstances {
  /** Faults that broke something. */
  readonly faults: number;
  /** Times that the server forgot the session. */
  readonly forgotten: number;
  /** Handlers that had not settled when their message was acknowledged. */
  readonly early: number;
  /** Messages that the server got again without DUP; undefined where nobody tells. */
  readonly unmarked: number | undefined;
  /** Connections that the server accepted. */
  readonly connections: number;
  readonly milliseconds: number;
  /** What stood still when the run gave up; empty when it came to its end. */
  readonly stuck: string;
}

/** Counts. */
export interface Verdict extends Circumstances {
  /** QoS 1 and 2: published, not rejected, and never arrived. */
  readonly lost: number;
  /**
   * Messages of QoS 2 and 0 that arrived again, but for those of QoS 2 that the client sent anew, and said so, since
   * the server had forgotten the session.
   */
  readonly duplicated: number;
  /** Messages that arrived for the first time after one published later on the same topic with the same QoS. */
  readonly outOfOrder: number;
  /** Publishes whose promise did not settle. */
  readonly unsettled: number;
  /** QoS 1 and 2. */
  readonly rejected: number;
  /** Messages whose payload, topic or QoS was not what was published. */
  readonly damaged: number;
  /** Messages that arrived again and may: QoS 1, and what was sent anew. */
  readonly again: number;
  /** QoS 2 messages that were sent anew and said so. */
  readonly resent: number;
  /** QoS 1 and 2. */
  readonly messages: number;
  /** Why publishes were rejected, once each. */
  readonly reasons: readonly string[];
}

const failures = [
  ...(['lost', 'duplicated', 'outOfOrder', 'unsettled', 'rejected', 'damaged'] as const),
  ...(['early', 'unmarked'] as const),
] as const;

/** Whether everything went as it must. */
export function isFlawless(verdict: Verdict): boolean {
  return verdict.stuck === '' && failures.every((name) => !verdict[name]);
}

/** Whether enough went wrong for the run to say something. */
export function hasEnoughFaults({ faults }: Verdict): boolean {
  return faults >= fewestFaults;
}

/** Counts what became of all directions. */
export function judge(traffics: readonly Traffic[], circumstances: Circumstances): Verdict {
  const counts = {
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    unsettled: 0,
    rejected: 0,
    damaged: 0,
    again: 0,
    resent: 0,
    messages: 0,
  };
  const reasons = new Set<string>();
  for (const { sent, arrivals } of traffics) {
    const seen = new Set<number>();
    /** The highest index that came, by QoS and topic. */
    const highest = new Map<string, number>();
    const wasResent = (index: number) => {
      const outcome = sent[index]?.outcome;
      return outcome !== undefined && !(outcome instanceof Error) && outcome.resent;
    };
    for (const { qos, topic, index, isWhole } of arrivals) {
      const published = sent[index];
      if (!isWhole || published?.qos !== qos || published.topic !== topic) counts.damaged += 1;
      if (seen.has(index)) {
        if (qos === 1 || wasResent(index)) counts.again += 1;
        else counts.duplicated += 1;
        continue;
      }
      seen.add(index);
      // What the server forgot between PUBREC and PUBREL can only come after what went on.
      if (wasResent(index)) continue;
      const lane = `${qos} ${topic}`;
      const before = highest.get(lane) ?? -1;
      if (index < before) counts.outOfOrder += 1;
      highest.set(lane, Math.max(before, index));
    }
    for (const [index, { qos, outcome }] of sent.entries()) {
      if (outcome === undefined) counts.unsettled += 1;
      if (wasResent(index)) counts.resent += 1;
      // With QoS 0 a message may be dropped, or lost on its way.
      if (qos === 0) continue;
      counts.messages += 1;
      if (outcome instanceof Error) {
        counts.rejected += 1;
        reasons.add(outcome.message);
      } else if (!seen.has(index)) counts.lost += 1;
    }
  }
  return { ...counts, ...circumstances, reasons: [...reasons] };
}
