import { expect, test } from 'vitest';
import { Emitter } from '../../../src/client/emitter';
import { ReconnectPolicy } from '../../../src/client/reconnect-policy';
import { resolveOptions } from '../../../src/client/resolve-options';

test('versions of servers are remembered, but not of ever more of them', () => {
  const policy = new ReconnectPolicy(resolveOptions(), [], new Emitter(() => undefined));
  const speaks4 = (name: string) => {
    policy.versionFor(new URL(`ws://${name}/`), undefined);
    policy.accepted(4);
  };
  const isRemembered = (name: string) => policy.versionFor(new URL(`ws://${name}/`), undefined) === 4;
  speaks4('first');
  speaks4('second');
  expect(['first', 'second', 'third'].map(isRemembered)).toEqual([true, true, false]);
  // A server may redirect to ever new names.
  for (let count = 0; count < 1_000; count += 1) speaks4(`s${count}`);
  const remembered = Array.from({ length: 1_000 }, (_, index) => `s${index}`).filter(isRemembered);
  expect(remembered.length).toBeLessThanOrEqual(100);
  expect(remembered).toContain('s999');
});
