import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';

const consumer = inject('consumer');

/** Runs a program in the consumer's folder and returns what it prints as JSON. */
function run(name: string, text: string): unknown {
  const file = join(consumer, name);
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
