import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';
import { describe, expect, inject, test } from 'vitest';
import { namesIn, nodeGlobals } from '../../support/identifiers';

const consumer = inject('consumer');
const dist = join(consumer, 'node_modules/mqtide/dist');

/** What a page can load; new entries are for browsers too. */
const entries = readdirSync(dist).filter((name) => name.endsWith('.js') && name !== 'node.js');

/** A built file and all that it imports. */
function reached(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    expect(fileName, `import of ${file}`).toMatch(/^\.\.?\//);
    reached(join(file, '..', fileName), found);
  }
  return found;
}

/** An application, bundled for browsers and minified. */
async function bundle(code: string): Promise<Uint8Array> {
  const { outputFiles, warnings } = await build({
    stdin: { contents: code, resolveDir: consumer },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
  });
  expect(warnings).toEqual([]);
  const [output] = outputFiles;
  if (output === undefined) throw new Error('esbuild gave no file');
  return output.contents;
}

function reportSize(what: string, bytes: Uint8Array): number {
  const compressed = brotliCompressSync(bytes).length;
  console.log(`${what}: ${bytes.length} bytes minified, ${compressed} bytes brotli`);
  return compressed;
}

/** Bytes of brotli, raised only for what users cannot do without: the goal is 14 kB for the application, later 10, and 18 for the script file. */
const budgets = { application: 36_650, script: 57_550, indexeddb: 4_600, level: 2_400 };

describe('the files for browsers', () => {
  test.each(entries)('%s uses nothing that only Node has', (entry) => {
    for (const file of reached(join(dist, entry)))
      expect(
        namesIn(readFileSync(file, 'utf8')).filter((name) => nodeGlobals.includes(name)),
        file,
      ).toEqual([]);
  });

  test('cost a page that connects, subscribes and publishes no more than the budget', async () => {
    const application = await bundle(`
      import { connect } from 'mqtide';
      const client = await connect('wss://broker.example/mqtt');
      await client.subscribe('a/#', (message) => console.log(message.text()));
      await client.publish('a/b', 'hello');
    `);
    expect(reportSize('connect, subscribe and publish', application)).toBeLessThan(budgets.application);
    // What has an entry of its own costs nothing where it is not used.
    expect(new TextDecoder().decode(application)).not.toMatch(/indexedDB|IDBDatabase|aliyun|subtle/i);
  });

  test.each([
    ['indexeddb', 'indexedDbStore'],
    ['level', 'levelStore'],
  ] as const)('cost no more than the budget for the store of mqtide/%s', async (entry, name) => {
    const code = `export { ${name} } from 'mqtide/${entry}';`;
    expect(reportSize(`mqtide/${entry}`, await bundle(code))).toBeLessThan(budgets[entry]);
  });

  test('cost nothing where only a type or nothing at all is used', async () => {
    const application = await bundle(
      "import { connect } from 'mqtide'; import { encode } from 'mqtide/codec'; import { aliyunIot } from 'mqtide/credentials';",
    );
    expect(application).toHaveLength(0);
  });

  test('cost a page with the script file no more than the budget', () => {
    const script = readFileSync(join(dist, 'mqtide.min.js'));
    expect(reportSize('mqtide.min.js', script)).toBeLessThan(budgets.script);
    // One character beyond ASCII doubles the text in memory.
    expect(script.toString()).toMatch(/^[\n\x20-\x7e]+$/);
    // V8 skips over a function that is not in parentheses and parses it again when it is called, at once.
    expect(script.toString()).toMatch(/^var mqtide=\(function\(/m);
  });
});
