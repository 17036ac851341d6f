/** Who may publish and subscribe to what. */

import { checkTopicFilter, matches } from '../../src/topic/topic-filter';
import type { Authorization, BrokerOptions, TopicRules } from './options';

/** Topics that only the broker publishes to [v5 4.7.2]. */
export function isReserved(topic: string): boolean {
  return /^\$(?:SYS|share|queue)(?:\/|$)/.test(topic);
}

/** Whether everything that `filter` matches is matched by `rule` as well. */
export function covers(rule: string, filter: string): boolean {
  const rules = rule.split('/');
  const levels = filter.split('/');
  for (let at = 0; at < rules.length; at += 1) {
    const allowed = rules[at];
    const wanted = levels[at];
    if (allowed === '#') return !(at === 0 && filter.startsWith('$'));
    if (wanted === undefined) return false;
    if (allowed === '+') {
      if (wanted === '#' || (at === 0 && wanted.startsWith('$'))) return false;
    } else if (allowed !== wanted) {
      // "a/#" covers "a": the levels behind it may be none.
      return false;
    }
    if (at === levels.length - 1 && rules.length === levels.length + 1 && rules[at + 1] === '#') return true;
  }
  return rules.length === levels.length;
}

/**
 * Makes sure that a filter of a rule can match something: one that is ill-formed would deny nothing.
 *
 * @param place where it stands in the options
 * @throws Error naming the place and what is wrong
 */
export function checkRule(filter: unknown, place: string): void {
  const argument = `option "${place}"`;
  if (typeof filter !== 'string') throw new Error(`${argument} must be a string`);
  // A name may stand for any part of a level.
  checkTopicFilter(filter.replaceAll(/%[cu]/g, 'x'), argument, filter);
}

/** Checks the rules of everybody and of each user. @throws Error as {@link checkRule} */
export function checkRules({ authorization = {}, users = [] }: BrokerOptions): void {
  const sources: [place: string, source: Authorization][] = [
    ['authorization', authorization],
    ...users.map((user, index): [string, Authorization] => [`users[${index}]`, user]),
  ];
  for (const [place, source] of sources)
    for (const side of ['publish', 'subscribe'] as const)
      for (const list of ['allow', 'deny'] as const)
        for (const [index, filter] of (source[side]?.[list] ?? []).entries())
          checkRule(filter, `${place}.${side}.${list}[${index}]`);
}

/** Rules of one client with its names filled in. */
class ClientRules {
  readonly #allow: readonly string[] | undefined;
  readonly #deny: readonly string[];

  constructor(rules: TopicRules, fill: (filter: string) => string, widens: (filter: string) => boolean) {
    this.#allow = rules.allow?.filter((filter) => !widens(filter)).map(fill);
    this.#deny = rules.deny?.map(fill) ?? [];
  }

  /** For a topic name: both lists are matched against it. */
  allowsTopic(topic: string): boolean {
    if (this.#deny.some((filter) => matches(filter, topic))) return false;
    return this.#allow === undefined || this.#allow.some((filter) => matches(filter, topic));
  }

  /** For a filter: denied when a denied one covers it, allowed when an allowed one does. */
  allowsFilter(filter: string): boolean {
    if (this.#deny.some((denied) => covers(denied, filter))) return false;
    return this.#allow === undefined || this.#allow.some((allowed) => covers(allowed, filter));
  }
}

/** What one connected client may do. */
export class Permissions {
  readonly #publish: readonly ClientRules[];
  readonly #subscribe: readonly ClientRules[];

  /** @param sources rules that must all agree */
  constructor(sources: readonly Authorization[], clientId: string, username: string | undefined) {
    const fill = (filter: string) =>
      filter.replaceAll('%c', () => clientId).replaceAll('%u', () => username ?? '');
    // Whoever calls himself "+" shall not be allowed what others are.
    const special = (name = '') => /[+#/]/.test(name);
    const widens = (filter: string) =>
      (special(clientId) && filter.includes('%c')) || (special(username) && filter.includes('%u'));
    const rulesOf = (side: keyof Authorization) =>
      sources.flatMap((source) => source[side] ?? []).map((rules) => new ClientRules(rules, fill, widens));
    this.#publish = rulesOf('publish');
    this.#subscribe = rulesOf('subscribe');
  }

  mayPublish(topic: string): boolean {
    return this.#publish.every((rules) => rules.allowsTopic(topic));
  }

  maySubscribe(topicFilter: string): boolean {
    return this.#subscribe.every((rules) => rules.allowsFilter(topicFilter));
  }

  /** A wildcard may be wider than what is allowed: each message is looked at again. */
  mayReceive(topic: string): boolean {
    return this.#subscribe.every((rules) => rules.allowsTopic(topic));
  }
}
