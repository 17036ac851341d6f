/** Which faults are tried in which scenarios. */

import type { Kinds } from './enumerate';
import { type Order, orders, type Scenario } from './scenario';
import { scenariosOf, stories } from './scenarios';

/** A kind of fault, and how it is called. */
export interface NamedKinds extends Kinds {
  readonly name: string;
}

/** One fault in a run. */
export const singleFaults: readonly NamedKinds[] = [
  { name: 'page killed', kind: 'kill', forgets: false, count: 1 },
  { name: 'page killed, server forgets', kind: 'kill', forgets: true, count: 1 },
  { name: 'link cut', kind: 'cut', forgets: false, count: 1 },
  { name: 'link cut, server forgets', kind: 'cut', forgets: true, count: 1 },
  { name: 'write of the store refused', kind: 'fail', forgets: false, count: 1 },
];

/** Two faults in a run: the second strikes while the first is recovered from. */
export const pairedFaults: readonly NamedKinds[] = [
  { name: 'page killed twice', kind: 'kill', forgets: false, count: 2 },
  { name: 'page killed twice, server forgets', kind: 'kill', forgets: true, count: 2 },
  { name: 'link cut twice', kind: 'cut', forgets: false, count: 2 },
];

/** Stories that are short enough for every pair of places. */
const pairedStories: ReadonlySet<string> = new Set([
  'QoS 1',
  'QoS 2',
  'QoS 1 offline',
  'QoS 2 with Receive Maximum 1',
  "receives QoS 2, ack 'handled'",
  "receives QoS 2, ack 'received'",
  "receives QoS 1, ack 'manual'",
]);

/** A scenario in an order. */
export interface Part {
  readonly scenario: Scenario;
  readonly order: Order;
}

/** Every scenario: in every order, or in one that changes from scenario to scenario. */
export function everyPart(inEveryOrder: boolean): Part[] {
  return stories
    .flatMap(scenariosOf)
    .flatMap((scenario, index) =>
      (inEveryOrder ? orders : pick(orders, index)).map((order) => ({ scenario, order })),
    );
}

/** Each story once: world and order change from story to story. */
export function slice(turn: number): Part[] {
  return stories.flatMap((story, index) =>
    pick(scenariosOf(story), turn + index).flatMap((scenario) =>
      pick(orders, turn + 3 * index).map((order) => ({ scenario, order })),
    ),
  );
}

/** The short stories, each once. */
export function pairedParts(turn: number): Part[] {
  return slice(turn).filter(({ scenario }) => isPaired(scenario));
}

/** Whether every pair of places of a scenario is tried. */
export function isPaired({ name }: Scenario): boolean {
  return [...pairedStories].some((story) => name.startsWith(`${story}, `));
}

function pick<Item>(items: readonly Item[], index: number): Item[] {
  return items.slice(index % items.length, (index % items.length) + 1);
}
