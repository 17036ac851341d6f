/** The scenarios in which every step is struck. */

import type { Action, Scenario } from './scenario';

const connect: Action = { do: 'connect' };
const publish = (number: number, qos: 1 | 2, topic = `out/${qos}`): Action => ({
  do: 'publish',
  number,
  qos,
  topic,
});
const send = (number: number, qos: 1 | 2): Action => ({ do: 'send', number, qos });
const subscribe = (filter: string): Action => ({ do: 'subscribe', filter });
const unsubscribe = (filter: string): Action => ({ do: 'unsubscribe', filter });

/** What happens, in whatever world. */
export type Story = Omit<Scenario, 'version' | 'store' | 'application'>;

/** What is published. */
const publishing: readonly Story[] = [
  { name: 'QoS 1', actions: [connect, publish(1, 1)] },
  { name: 'QoS 2', actions: [connect, publish(1, 2)] },
  { name: "QoS 2 until 'stored'", actions: [connect, publish(1, 2)], until: 'stored' },
  { name: 'QoS 1 offline', actions: [publish(1, 1), publish(2, 1), connect], until: 'stored' },
  {
    name: 'QoS 1 and 2 offline and online',
    actions: [publish(1, 2), publish(2, 1), connect, publish(3, 2), publish(4, 1)],
  },
  {
    name: 'QoS 2 with Receive Maximum 1',
    actions: [connect, publish(1, 2), publish(2, 2), publish(3, 2)],
    receiveMaximum: 1,
  },
  {
    name: 'both with Receive Maximum 2',
    actions: [connect, publish(1, 2), publish(2, 1), publish(3, 2), publish(4, 1), publish(5, 2)],
    receiveMaximum: 2,
  },
  {
    name: 'QoS 2 forwarded on receipt',
    actions: [connect, publish(1, 2), publish(2, 2)],
    qos2Delivery: 'receipt',
  },
];

const receiving: readonly Story[] = (['handled', 'received', 'manual'] as const).flatMap((ack) => [
  {
    name: `receives QoS 1, ack '${ack}'`,
    actions: [connect, subscribe('in/#'), send(1, 1), send(2, 1)],
    ack,
  },
  {
    name: `receives QoS 2, ack '${ack}'`,
    actions: [connect, subscribe('in/#'), send(1, 2), send(2, 2)],
    ack,
  },
  {
    name: `receives both with Receive Maximum 1, ack '${ack}'`,
    actions: [subscribe('in/#'), connect, send(1, 2), send(2, 1), send(3, 2)],
    ack,
    clientReceiveMaximum: 1,
  },
  {
    name: `receives at once, ack '${ack}'`,
    actions: [connect, subscribe('in/#'), send(1, 2), send(2, 1)],
    ack,
    handlers: 'immediate' as const,
  },
]);

const subscribing: readonly Story[] = [
  {
    name: 'receives more than may be unread',
    actions: [connect, subscribe('in/#'), send(1, 2), send(2, 1), send(3, 2), send(4, 1)],
    ack: 'received',
    maxUnread: 1,
  },
  {
    name: 'subscribes and unsubscribes',
    actions: [connect, subscribe('a/#'), subscribe('b'), unsubscribe('a/#'), subscribe('c')],
  },
  {
    name: 'publishes in a session that may be lost, and does not resend',
    actions: [connect, publish(1, 2), publish(2, 2), publish(3, 1)],
    sessionLost: 'reject',
  },
  {
    name: 'all at once',
    actions: [
      subscribe('in/#'),
      connect,
      publish(1, 2),
      send(2, 2),
      publish(3, 1),
      send(4, 1),
      unsubscribe('x'),
      publish(5, 2),
    ],
    receiveMaximum: 2,
  },
];

const poisoning: readonly Story[] = [
  {
    name: 'a poisonous message of QoS 2',
    actions: [connect, publish(1, 2, 'poison'), publish(2, 2), publish(3, 2)],
    poison: 0x99,
  },
  {
    name: 'a poisonous message alone on its way',
    actions: [connect, publish(1, 2, 'poison'), publish(2, 2), publish(3, 1)],
    poison: 0x99,
    receiveMaximum: 1,
  },
];

/** What is played. */
export const stories: readonly Story[] = [...publishing, ...receiving, ...subscribing, ...poisoning];

/** A story in every way in which it can be had. */
export function scenariosOf(story: Story): Scenario[] {
  const scenarios: Scenario[] = [];
  for (const version of [5, 4] as const)
    for (const store of ['slow', 'sync'] as const)
      for (const application of ['asks again', 'goes on'] as const) {
        // Whoever asked for a poisonous message again would have it last.
        if (story.poison !== undefined && application === 'asks again') continue;
        const name = `${story.name}, ${version === 5 ? '5.0' : '3.1.1'}, ${store} store, ${application}`;
        scenarios.push({ ...story, version, store, application, name });
      }
  return scenarios;
}
