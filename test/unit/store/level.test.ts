import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { levelStore } from '../../../src/store/level';
import { describeStore } from './contract';

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'mqtide-level-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

describeStore('levelStore over classic-level', () => {
  const { path, remove } = folder();
  const db = new ClassicLevel(path);
  return {
    open: () => levelStore(db),
    async close() {
      await db.close();
      remove();
    },
  };
});

describeStore('levelStore over a sublevel of memory-level', () => {
  const db = new MemoryLevel<string, unknown>({ valueEncoding: 'json' }).sublevel('sessions');
  return { open: () => levelStore(db) };
});
