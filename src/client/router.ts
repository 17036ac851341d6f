/** From a message to the Subscriptions that it is for. */

import type { DecodedPublishPacket } from '../codec/packet';
import { parseSharedFilter } from '../topic/topic-filter';
import { TopicTrie } from '../topic/topic-trie';
import type { ParamsOfTopic } from './taker';

/** One filter on the wire and who wants its messages. */
export interface Route<Handle> {
  readonly filter: string;
  /** Subscription Identifier, 0 before it has one. */
  identifier: number;
  readonly handles: Map<Handle, ParamsOfTopic>;
}

/** Routes by Subscription Identifier where the server gives it, else by topic. */
export class Router<Handle> {
  readonly #routes = new Map<string, Route<Handle>>();
  readonly #byIdentifier = new Map<number, Route<Handle>>();
  readonly #trie = new TopicTrie<Route<Handle>>();

  /** The route of a filter as it is on the wire. */
  get(filter: string): Route<Handle> | undefined {
    return this.#routes.get(filter);
  }

  /** All routes. */
  values(): Iterable<Route<Handle>> {
    return this.#routes.values();
  }

  /** Adds someone who wants a filter's messages. */
  add(filter: string, handle: Handle, params: ParamsOfTopic): Route<Handle> {
    let route = this.#routes.get(filter);
    if (!route) {
      route = { filter, identifier: 0, handles: new Map() };
      this.#routes.set(filter, route);
      this.#trie.add(topicFilter(filter), route);
    }
    if (!route.handles.has(handle)) route.handles.set(handle, params);
    return route;
  }

  /** Notes the Subscription Identifier under which the server knows a filter. */
  identify(route: Route<Handle>, identifier: number): void {
    if (route.identifier === identifier || this.#routes.get(route.filter) !== route) return;
    this.#byIdentifier.delete(route.identifier);
    route.identifier = identifier;
    if (identifier !== 0) this.#byIdentifier.set(identifier, route);
  }

  /** Removes one. @returns true when it was the filter's last: then nobody wants its messages any more */
  remove(filter: string, handle: Handle): boolean {
    const route = this.#routes.get(filter);
    if (!route?.handles.delete(handle) || route.handles.size > 0) return false;
    this.#routes.delete(filter);
    this.#byIdentifier.delete(route.identifier);
    this.#trie.remove(topicFilter(filter), route);
    return true;
  }

  /** Calls back for everyone whose filter matches, once each. */
  route(packet: DecodedPublishPacket, visit: (handle: Handle, params: ParamsOfTopic) => void): void {
    const identifiers = packet.properties?.subscriptionIdentifiers;
    const routes = identifiers && this.#identified(identifiers);
    let first: Handle | undefined;
    let seen: Set<Handle> | undefined;
    const visitRoute = (route: Route<Handle>) => {
      for (const [handle, params] of route.handles) {
        if (first === undefined) first = handle;
        else {
          if (handle === first || seen?.has(handle)) continue;
          seen ??= new Set();
          seen.add(handle);
        }
        visit(handle, params);
      }
    };
    if (routes) routes.forEach(visitRoute);
    else this.#trie.match(packet.topic, visitRoute);
  }

  /** The routes of all identifiers; undefined when one is unknown, so that the topic has to decide. */
  #identified(identifiers: readonly number[]): Route<Handle>[] | undefined {
    const routes: Route<Handle>[] = [];
    for (const identifier of identifiers) {
      const route = this.#byIdentifier.get(identifier);
      if (!route) return undefined;
      routes.push(route);
    }
    return routes.length === 0 ? undefined : routes;
  }
}

/** What topics are matched against: a shared subscription matches by the filter behind its group. */
function topicFilter(filter: string): string {
  return parseSharedFilter(filter)?.filter ?? filter;
}
