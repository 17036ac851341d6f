import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UsageError } from '../../../src/errors';
import { type LevelDatabase, type LevelOptions, levelStore } from '../../../src/store/level';
import { describeStore, publishRecord, puts } from './contract';

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

describe('levelStore', () => {
  const names = async (db: MemoryLevel) => db.keys().all();
  const filled = async () => {
    const db = new MemoryLevel();
    const store = levelStore(db);
    await store.write('kept', puts(publishRecord(10), publishRecord(9), { kind: 'incoming', id: 2 }));
    return { db, store };
  };

  test('gives names that sort as the ids do, beside what else is in the database', async () => {
    const { db, store } = await filled();
    await db.put('mqtide', 'of the application');
    expect(await names(db)).toEqual([
      'mqtide',
      'mqtide:"kept"incoming:0000000000000002',
      'mqtide:"kept"publish:0000000000000009',
      'mqtide:"kept"publish:0000000000000010',
    ]);
    await store.clear('kept');
    expect(await names(db)).toEqual(['mqtide']);
  });

  test.each([
    ['store-newer', (bytes: Uint8Array) => Uint8Array.of(2, ...bytes.subarray(1))],
    ['store-corrupt', (bytes: Uint8Array) => bytes.subarray(0, -1)],
    ['store-corrupt', (bytes: Uint8Array) => Uint8Array.of(1, 255, ...bytes.subarray(2))],
    ['store-corrupt', () => new Uint8Array()],
  ])('refuses with %s what it cannot read, until it is cleared', async (code, spoil) => {
    const { db, store } = await filled();
    const key = 'mqtide:"kept"publish:0000000000000009';
    const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;
    const bytes = await db.get<string, Uint8Array>(key, encodings);
    await db.put<string, Uint8Array>(key, spoil(bytes ?? new Uint8Array()), encodings);
    await expect(store.load('kept')).rejects.toMatchObject({ name: 'StoreError', code });
    await store.clear('kept');
    expect(await store.load('kept')).toEqual([]);
  });

  test.each([
    ['store-full', Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_IO_ERROR' })],
    ['store-corrupt', Object.assign(new Error('damaged'), { code: 'LEVEL_CORRUPTION' })],
    ['store-failed', new Error('anything else')],
  ])('says %s when the database does', async (code, error) => {
    const options: unknown[] = [];
    const db: LevelDatabase = {
      batch: async (_operations, given) => {
        options.push(given);
        throw error;
      },
      iterator: () => ({ all: () => Promise.reject(error) }),
    };
    await expect(levelStore(db).write('kept', puts(publishRecord(1)))).rejects.toMatchObject({
      code,
      cause: error,
    });
    await expect(levelStore(db, { sync: false }).write('kept', [])).rejects.toMatchObject({ code });
    await expect(levelStore(db).load('kept')).rejects.toMatchObject({ code });
    expect(options).toMatchObject([{ sync: true }, { sync: false }]);
  });

  test('says store-in-use when another has the database open, and reads it once that is closed', async () => {
    const { path, remove } = folder();
    onTestFinished(remove);
    const other = new ClassicLevel(path);
    await other.open();
    const db = new ClassicLevel(path);
    const store = levelStore(db);
    await expect(store.load('kept')).rejects.toMatchObject({
      code: 'store-in-use',
      message: 'Could not read the database: another process has it open',
    });
    await other.close();
    expect(await store.load('kept')).toEqual([]);
    await db.close();
  });

  test('says store-corrupt of a damaged database', async () => {
    const { path, remove } = folder();
    onTestFinished(remove);
    const whole = new ClassicLevel(path);
    await whole.open();
    await whole.close();
    writeFileSync(join(path, 'CURRENT'), 'nonsense');
    await expect(levelStore(new ClassicLevel(path)).load('kept')).rejects.toMatchObject({
      code: 'store-corrupt',
    });
  });

  test('says what else keeps a database from being opened', async () => {
    const { path, remove } = folder();
    onTestFinished(remove);
    writeFileSync(join(path, 'file'), '');
    const db = new ClassicLevel(join(path, 'file', 'sessions'));
    await expect(levelStore(db).load('kept')).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringContaining('ENOTDIR'),
    });
  });

  test.each<[message: RegExp, options: unknown]>([
    [/^options\.sync: must be true or false, not 1$/, { sync: 1 }],
    [/^options\.Sync: there is no such option; one of sync$/, { Sync: false }],
    [/^options: must be an object, not null$/, null],
    [/^options: must be an object, not false$/, false],
    [/^options: must be an object, not a Map$/, new Map([['sync', false]])],
  ])('wants a database and options that it knows: %s', (message, options) => {
    expect(() => levelStore({} as never)).toThrow(/^db: /);
    const make = () => levelStore(new MemoryLevel(), options as LevelOptions);
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });
});
