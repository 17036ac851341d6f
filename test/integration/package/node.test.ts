import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { installPackage } from '../../support/built-package';

const consumer = inject('consumer');

/** Runs a program in a folder with the package and returns what it prints as JSON. */
function run(name: string, text: string, folder = consumer): unknown {
  const file = join(folder, name);
  writeFileSync(file, text);
  return JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' }));
}

describe('the package in Node', () => {
  test('is imported from an ES module', () => {
    expect(
      run('import.mjs', "import { connect } from 'mqtide'; console.log(JSON.stringify(typeof connect));"),
    ).toBe('function');
  });

  test('is required from a CommonJS module', () => {
    expect(
      run(
        'require.cjs',
        "const { connect } = require('mqtide'); console.log(JSON.stringify(typeof connect));",
      ),
    ).toBe('function');
  });

  test('gives Node the names that it gives browsers', () => {
    const [node, browser] = run(
      'names.mjs',
      `import * as node from 'mqtide';
      import * as browser from './node_modules/mqtide/dist/index.js';
      console.log(JSON.stringify([Object.keys(node), Object.keys(browser)]));`,
    ) as [string[], string[]];
    expect(node).toEqual(browser);
    expect(node).toEqual(expect.arrayContaining(['connect', 'createClient', 'memoryStore', 'MqttError']));
  });

  test('has one MqttError for all entries', () => {
    expect(
      run(
        'instance.mjs',
        `import { MalformedPacketError, MqttError } from 'mqtide';
        import { MqttError as inBrowsers } from './node_modules/mqtide/dist/index.js';
        import { Decoder } from 'mqtide/codec';
        try {
          new Decoder({ protocolVersion: 5, onPacket() {} }).push(Uint8Array.of(0x00, 0x00));
          console.log(JSON.stringify('no error'));
        } catch (error) {
          console.log(JSON.stringify([MqttError, inBrowsers, MalformedPacketError].map((type) => error instanceof type)));
        }`,
      ),
    ).toEqual([true, true, true]);
  });

  describe('without a WebSocket of its own', () => {
    const { folder, remove } = installPackage();
    afterAll(remove);
    const refusal = () =>
      run(
        'refusal.mjs',
        `import { connect } from 'mqtide';
        delete globalThis.WebSocket;
        const { name, code, message, cause } = await connect('ws://127.0.0.1:1').catch((error) => error);
        console.log(JSON.stringify({ name, code, message, cause: cause?.message }));`,
        folder,
      );

    test('says how to get the package ws when it is not installed', () => {
      expect(refusal()).toMatchObject({
        name: 'UsageError',
        code: 'unsupported',
        message: expect.stringContaining(': npm install ws, or '),
      });
    });

    test('says why the package ws cannot be loaded when it is', () => {
      const ws = join(folder, 'node_modules/ws');
      mkdirSync(ws);
      const broken = (code: string) => writeFileSync(join(ws, 'index.js'), code);
      broken('throw new Error("Dynamic require of events is not supported");');
      expect(refusal()).toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining(
          'could not be loaded (Dynamic require of events is not supported); ',
        ),
        cause: 'Dynamic require of events is not supported',
      });
      // Absent is another than ws.
      broken('require("what-ws-needs");');
      expect(refusal()).toMatchObject({ message: expect.not.stringContaining('npm install ws') });
    });
  });

  test('touches nothing of a browser when it is imported, as a server does that renders pages', () => {
    expect(
      run(
        'rendering.mjs',
        `import { readdirSync } from 'node:fs';
        const touched = [];
        const names = ['window', 'self', 'document', 'location', 'navigator', 'addEventListener', 'WebSocket', 'Worker', 'SharedWorker', 'indexedDB', 'localStorage'];
        for (const name of names) Object.defineProperty(globalThis, name, { get: () => void touched.push(name) });
        const dist = new URL('./node_modules/mqtide/dist/', import.meta.url);
        const entries = readdirSync(dist).filter((name) => name.endsWith('.js') && name !== 'clock-worker.js');
        for (const entry of entries) await import(new URL(entry, dist));
        console.log(JSON.stringify({ touched, isEmpty: entries.length === 0 }));`,
      ),
    ).toEqual({ touched: [], isEmpty: false });
  });
});
