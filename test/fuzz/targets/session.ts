/**
 * The session played by a script, with an application, a store, a clock and a server that may be hostile. Invariants:
 *
 * 1. Nothing that the server sends makes it throw.
 * 2. What it writes is what a strict server may read: see server-eye.ts.
 * 3. How the bytes of the server are cut makes no difference to what it writes and delivers.
 * 4. Every connection ends once; every publish and every request ends once, however the story goes, when at last a
 *    good server answers.
 * 5. What was accepted survives a crash, and nothing is left in the store at the end.
 */

import { hex } from '../bytes';
import type { Random } from '../random';
import { type Script, type Step, script } from '../session-script';
import { SessionWorld } from '../session-world';
import { must, type Target } from '../target';

export const sessionTarget: Target<Script> = {
  name: 'session',
  generate: (random: Random) => script(random),
  check,
  smaller,
  show,
};

function check(input: Script): void {
  const whole = play(input, false);
  const bytewise = play(input, true);
  for (let index = 0; index < Math.max(whole.length, bytewise.length); index++) {
    const [one, other] = [whole[index], bytewise[index]];
    must(one === other, () => `byte by byte, step ${index} of what it does differs: "${one}" / "${other}"`);
  }
}

function play(input: Script, bytewise: boolean): readonly string[] {
  const world = new SessionWorld(input, bytewise);
  world.play();
  world.end();
  return world.eye.transcript;
}

/** Without a run of steps; with simpler steps; with simpler circumstances. */
function* smaller(input: Script): Iterable<Script> {
  const { steps } = input;
  for (let size = steps.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start < steps.length; start += size) {
      yield { ...input, steps: [...steps.slice(0, start), ...steps.slice(start + size)] };
    }
  }
  for (const [index, step] of steps.entries()) {
    for (const simpler of simplerSteps(step))
      yield { ...input, steps: steps.map((other, at) => (at === index ? simpler : other)) };
  }
}

function simplerSteps(step: Step): Step[] {
  if (step.do === 'connack') {
    const { connack } = step;
    const names = Object.keys(connack.properties) as (keyof typeof connack.properties)[];
    return names
      .filter((name) => connack.properties[name] !== undefined)
      .map((name) => ({
        do: 'connack',
        connack: { ...connack, properties: { ...connack.properties, [name]: undefined } },
      }));
  }
  if (step.do === 'publish' && step.size > 0) return [{ ...step, size: 0 }];
  if (step.do === 'bytes' && step.bytes.length > 1) {
    return [
      { do: 'bytes', bytes: step.bytes.slice(0, step.bytes.length >> 1) },
      { do: 'bytes', bytes: step.bytes.slice(0, -1) },
    ];
  }
  return [];
}

function show(input: Script): string {
  const { steps, ...circumstances } = input;
  const lines = steps.map((step) =>
    JSON.stringify(step, (_, value: unknown) => (value instanceof Uint8Array ? hex(value) : value)),
  );
  return [JSON.stringify(circumstances), ...lines].join('\n  ');
}
