/** From a message to the Subscriptions that it is for. */

import type { DecodedPublishPacket } from '../codec/packet';
import { TopicTrie } from '../topic/topic-trie';

import type { Params } from './received-message';

/** Params of a topic under the pattern that somebody subscribed with. */
type ParamsOfTopic = (topic: string) => Params;

/** One filter on the wire and who wants its messages. */
export interface Route<Handle> {
  readonly filter: string;
  /** Subscription Identifier, 0 before it has one. */
  identifier: number;
  readonly handles: Map<Handle, ParamsOfTopic>;
}

/** Someone whose filter matches a topic. */
export interface Target<Handle> {
  readonly handle: Handle;
  readonly params: Params;
}

/** What was found out about a topic. */
interface Known<Handle> {
  /** The one Subscription Identifier that its message had; 0 without. */
  readonly identifier: number;
  readonly targets: readonly Target<Handle>[];
}

/**
 * What is known at most, as topics times the targets of one, each counted with {@link topicItself}, and the longest topic:
 * neither a server with ever new topics must fill our memory, nor thousands of Subscriptions for all of them.
 */
const mostKnown = 8_192;
const topicItself = 16;
const longestKnown = 256;

/** Routes by Subscription Identifier where the server gives it, else by topic. */
export class Router<Handle> {
  readonly #routes = new Map<string, Route<Handle>>();
  readonly #byIdentifier = new Map<number, Route<Handle>>();
  readonly #trie = new TopicTrie<Route<Handle>>();
  /** By topic, until the next change: a stream repeats a few. */
  readonly #known = new Map<string, Known<Handle>>();

  /** The route of a filter as it is on the wire. */
  get(filter: string): Route<Handle> | undefined {
    return this.#routes.get(filter);
  }

  /** All routes. */
  values(): Iterable<Route<Handle>> {
    return this.#routes.values();
  }

  /** Adds someone who wants a filter's messages. */
  add(filter: string, handle: Handle, params: ParamsOfTopic): void {
    let route = this.#routes.get(filter);
    if (!route) {
      route = { filter, identifier: 0, handles: new Map() };
      this.#routes.set(filter, route);
      this.#trie.add(filter, route);
    }
    if (route.handles.has(handle)) return;
    route.handles.set(handle, params);
    this.#known.clear();
  }

  /** Notes the Subscription Identifier under which the server knows a filter. */
  identify(filter: string, identifier: number): void {
    const route = this.#routes.get(filter);
    if (!route || route.identifier === identifier) return;
    this.#byIdentifier.delete(route.identifier);
    route.identifier = identifier;
    if (identifier !== 0) this.#byIdentifier.set(identifier, route);
    this.#known.clear();
  }

  /** Removes one. @returns whether it was there */
  remove(filter: string, handle: Handle): boolean {
    const route = this.#routes.get(filter);
    if (!route?.handles.delete(handle)) return false;
    this.#known.clear();
    if (route.handles.size > 0) return true;
    this.#routes.delete(filter);
    this.#byIdentifier.delete(route.identifier);
    this.#trie.remove(filter, route);
    return true;
  }

  /** Everyone whose filter matches, once each: as it is now, for takers may subscribe and unsubscribe. */
  match({ topic, properties }: DecodedPublishPacket): readonly Target<Handle>[] {
    const identifiers = properties?.subscriptionIdentifiers;
    const identifier = identifiers?.[0] ?? 0;
    const isSingle = identifiers === undefined || identifiers.length === 1;
    const known = this.#known.get(topic);
    if (known !== undefined && isSingle && known.identifier === identifier) return known.targets;
    const targets = this.#find(topic, identifiers ?? []);
    if (isSingle && topic.length <= longestKnown) {
      if (this.#known.size * (targets.length + topicItself) >= mostKnown) this.#known.clear();
      this.#known.set(topic, { identifier, targets });
    }
    return targets;
  }

  #find(topic: string, identifiers: readonly number[]): Target<Handle>[] {
    const matching = new Set<Route<Handle>>();
    this.#trie.match(topic, (route) => matching.add(route));
    if (matching.size === 0) return [];
    const handles = new Map(this.#identified(identifiers, matching).flatMap((route) => [...route.handles]));
    return [...handles].map(([handle, params]) => ({ handle, params: params(topic) }));
  }

  /**
   * The routes of all identifiers, each once; all that match when there are none, or one is unknown or that of another
   * filter: an earlier page may have given it away.
   */
  #identified(identifiers: readonly number[], matching: ReadonlySet<Route<Handle>>): Route<Handle>[] {
    // A server may repeat one as often as fits in a packet: without the set each time would cost all its handles.
    const routes = new Set<Route<Handle>>();
    for (const identifier of identifiers) {
      const route = this.#byIdentifier.get(identifier);
      if (!route || !matching.has(route)) return [...matching];
      routes.add(route);
    }
    return [...(routes.size > 0 ? routes : matching)];
  }
}
