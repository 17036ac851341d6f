/** Who subscribes to what: an index over all sessions, and the groups of shared subscriptions [v5 4.8.2]. */

import type { QoS } from '../../src/codec/packet';
import { TopicTrie } from '../../src/topic/topic-trie';
import type { Session } from './session';

/** One subscription of one session. */
export interface Subscription {
  readonly session: Session;
  /** As the client wrote it, with the prefix of a shared one. */
  readonly filter: string;
  /** What topics are matched against. */
  readonly topicFilter: string;
  /** Name of the group of a shared subscription. */
  readonly shareName: string | undefined;
  /** As granted. */
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier: number | undefined;
}

/** The sessions that share one filter under one name; a message goes to one of them. */
class ShareGroup {
  /** Members in the order in which their turn comes. */
  #members: Subscription[] = [];

  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  set(subscription: Subscription): void {
    const at = this.#members.findIndex(({ session }) => session === subscription.session);
    if (at === -1) this.#members.push(subscription);
    else this.#members[at] = subscription;
  }

  remove(subscription: Subscription): void {
    this.#members = this.#members.filter((member) => member !== subscription);
  }

  /** The member whose turn it is: one that is connected before one that is away. */
  next(): Subscription | undefined {
    const online = this.#members.findIndex(({ session }) => session.connection !== undefined);
    const [member] = this.#members.splice(Math.max(0, online), 1);
    if (member !== undefined) this.#members.push(member);
    return member;
  }
}

/** All subscriptions of the broker. */
export class SubscriptionIndex {
  readonly #trie = new TopicTrie<Subscription | ShareGroup>();
  /** Groups by share name and filter; neither can hold U+0000. */
  readonly #groups = new Map<string, ShareGroup>();
  #count = 0;

  /** Subscriptions held, every member of a group counted. */
  get count(): number {
    return this.#count;
  }

  /** Adds a subscription in place of the one that the session had for the same filter. */
  set(subscription: Subscription, previous: Subscription | undefined): void {
    if (previous !== undefined && previous.shareName === undefined) this.remove(previous);
    const { topicFilter, shareName } = subscription;
    if (shareName === undefined) {
      this.#trie.add(topicFilter, subscription);
    } else {
      const key = `${shareName}\0${topicFilter}`;
      let group = this.#groups.get(key);
      if (group === undefined) {
        group = new ShareGroup();
        this.#groups.set(key, group);
        this.#trie.add(topicFilter, group);
      }
      group.set(subscription);
      if (previous !== undefined) this.#count -= 1;
    }
    this.#count += 1;
  }

  remove(subscription: Subscription): void {
    const { topicFilter, shareName } = subscription;
    this.#count -= 1;
    if (shareName === undefined) {
      this.#trie.remove(topicFilter, subscription);
      return;
    }
    const key = `${shareName}\0${topicFilter}`;
    const group = this.#groups.get(key);
    if (group === undefined) return;
    group.remove(subscription);
    if (!group.isEmpty) return;
    this.#groups.delete(key);
    this.#trie.remove(topicFilter, group);
  }

  /** Calls `visit` with each subscription that matches, and with one member of each group that does. */
  match(topic: string, visit: (subscription: Subscription) => void): void {
    this.#trie.match(topic, (entry) => {
      const subscription = entry instanceof ShareGroup ? entry.next() : entry;
      if (subscription !== undefined) visit(subscription);
    });
  }
}
