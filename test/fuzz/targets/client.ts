/**
 * The whole client by its public interface, with a transport without a network, a store that takes its time, faked
 * time and a server that may be hostile. Invariants:
 *
 * 1. What it writes is what a strict server may read (server-eye.ts), and it has one connection at a time.
 * 2. Every promise settles once a good server answers, and rejects with nothing but an MqttError or the signal's
 *    reason; no rejection is left to nobody.
 * 3. `close()` settles in its time; then no timer is set, no connection is open.
 * 4. How the bytes of the server are cut makes no difference.
 */

import { hex } from '../bytes';
import { type ClientScript, clientScript } from '../client-script';
import { ClientWorld } from '../client-world';
import { FakeTime } from '../fake-time';
import type { Random } from '../random';
import { must, type Target } from '../target';

export const clientTarget: Target<ClientScript> = {
  name: 'client',
  generate: (random: Random) => clientScript(random),
  check,
  smaller,
  show,
};

async function check(script: ClientScript): Promise<void> {
  const whole = await play(script, false);
  if (!script.compare) return;
  const bytewise = await play(script, true);
  for (let index = 0; index < Math.max(whole.length, bytewise.length); index++) {
    const [one, other] = [whole[index], bytewise[index]];
    must(one === other, () => `byte by byte, step ${index} of what it does differs: "${one}" / "${other}"`);
  }
}

async function play(script: ClientScript, bytewise: boolean): Promise<readonly string[]> {
  const time = new FakeTime(1);
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => uncaught.push(error);
  process.on('unhandledRejection', onUncaught);
  process.on('uncaughtException', onUncaught);
  time.install();
  try {
    const world = new ClientWorld(script, time, bytewise);
    await world.play();
    await world.end();
    for (const error of uncaught) must(false, `nobody catches ${String(error)}`);
    return world.eye.transcript;
  } finally {
    time.uninstall();
    process.off('unhandledRejection', onUncaught);
    process.off('uncaughtException', onUncaught);
  }
}

/** Without a run of steps; played once. */
function* smaller(script: ClientScript): Iterable<ClientScript> {
  const { steps } = script;
  for (let size = steps.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start < steps.length; start += size) {
      yield { ...script, steps: [...steps.slice(0, start), ...steps.slice(start + size)] };
    }
  }
  if (script.compare) yield { ...script, compare: false };
  if (script.store === 'slow') yield { ...script, store: 'default' };
}

function show(script: ClientScript): string {
  const { steps, ...circumstances } = script;
  const lines = steps.map((step) =>
    JSON.stringify(step, (_, value: unknown) => (value instanceof Uint8Array ? hex(value) : value)),
  );
  return [JSON.stringify(circumstances), ...lines].join('\n  ');
}
