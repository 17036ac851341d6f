/**
 * The whole client in the hands of an application, against the broker of test/broker, with faked time and a network
 * that fails: links are cut, also for one side alone, hosts refuse, hang, redirect or know an older version only,
 * sessions are forgotten, packets are poison, answers are withheld, the store is slow, and the application calls the
 * client from its handlers and listeners. Unlike the other targets it knows what must come of a case. Invariants, once
 * the world is good again:
 *
 * 1. Every promise settles, and rejects with nothing but an MqttError or the signal's reason; the client is connected.
 * 2. Nothing that the server acknowledged, or the store kept, is lost without a word, messages of one topic and QoS arrive
 *    in the order of the calls, and no QoS 2 message is doubled while a session
 *    lives, in either direction, unless the result says `resent`.
 * 3. Each Subscription gets what its filters match and nothing else: a probe of every topic once, none after its end,
 *    and all that came since it was granted, unless a session was lost.
 * 4. The server has exactly the filters that Subscriptions want, at their QoS.
 * 5. Statuses follow each other as they may; nothing is left in the counters, and after `close()` no connection, loop
 *    or timer.
 */

import { type ApplicationScript, applicationScript } from '../application/script';
import { ApplicationWorld } from '../application/world';
import { FakeTime } from '../fake-time';
import { must, type Target, Violation } from '../target';

export const applicationTarget: Target<ApplicationScript> = {
  name: 'application',
  generate: applicationScript,
  check,
  smaller,
  show,
};

async function check(script: ApplicationScript): Promise<void> {
  const time = new FakeTime(script.seed);
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => uncaught.push(error);
  process.on('unhandledRejection', onUncaught);
  process.on('uncaughtException', onUncaught);
  time.install();
  try {
    await play(new ApplicationWorld(script, time));
    for (const error of uncaught) must(false, `nobody catches ${String(error)}`);
  } finally {
    time.uninstall();
    process.off('unhandledRejection', onUncaught);
    process.off('uncaughtException', onUncaught);
  }
}

async function play(world: ApplicationWorld): Promise<void> {
  try {
    await world.play();
    await world.end();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const violation = new Violation([error.message, ...world.transcript].join('\n  '));
    // Else it would repeat all that.
    if (error.stack !== undefined) violation.stack = error.stack;
    throw violation;
  }
}

/** Without a run of steps, without a reaction, or under simpler circumstances. */
function* smaller(script: ApplicationScript): Iterable<ApplicationScript> {
  const { steps, reactions } = script;
  for (let size = steps.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start < steps.length; start += size) {
      yield { ...script, steps: [...steps.slice(0, start), ...steps.slice(start + size)] };
    }
  }
  for (const one of reactions) yield { ...script, reactions: reactions.filter((other) => other !== one) };
  if (script.poison) yield { ...script, poison: false };
  if (script.credentials) yield { ...script, credentials: false };
  if (script.hosts.length > 1) yield { ...script, hosts: script.hosts.slice(0, 1) };
}

function show({ steps, reactions, ...circumstances }: ApplicationScript): string {
  const lines = [circumstances, ...reactions, ...steps].map((part) => JSON.stringify(part));
  return lines.join('\n  ');
}
