/** The README holds what it promises to a project that has nothing but the package. */

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { expect, inject, test } from 'vitest';
import { withPinnedScript } from '../../../pin-script';
import { startBroker } from '../../broker';
import { installPackage, root } from '../../support/built-package';
import { readersOwn, readmeExamples } from '../../support/readme-examples';
import { waitFor } from '../../support/wait-for';

const consumer = inject('consumer');

test('the types accept the examples', () => {
  const declarations = Object.entries(readersOwn).map(([word, type]) => `declare const ${word}: ${type};`);
  const files = [...readmeExamples().values()].map(({ code }, index) => {
    const file = join(consumer, `example-${index}.ts`);
    writeFileSync(file, `${declarations.join('\n')}\n${code('wss://broker.example/mqtt')}\nexport {};\n`);
    return file;
  });
  const settings: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: [],
    strict: true,
    noEmit: true,
    // Theirs and ours are checked by the tests of the types.
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(settings);
  host.getCurrentDirectory = () => consumer;
  const program = ts.createProgram(files, settings, host);
  expect(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host)).toBe('');
});

test('the first example runs in Node with nothing installed but the package', async () => {
  const broker = await startBroker();
  const alone = installPackage();
  const { code } = readmeExamples().get('sensor/+id') ?? {};
  const file = join(alone.folder, 'example.mjs');
  await build({
    stdin: { contents: code?.(broker.url) ?? '', loader: 'ts', resolveDir: alone.folder },
    outfile: file,
    format: 'esm',
  });
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    await waitFor(() => output.includes('kitchen 21.5'));
    await waitFor(
      () =>
        broker.log.filter(({ direction, packet }) => direction === 'out' && packet.type === 'suback')
          .length === 2,
    );
    broker.publish('alarm/door', '{"open":true}', { qos: 2 });
    await waitFor(() => output.includes('open: true'));
  } finally {
    child.kill('SIGKILL');
    await broker.close();
    alone.remove();
  }
});

test('the script that the README pins is of this version, and gets the hash of its file when it is packed', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const file = readFileSync(join(root, 'dist/mqtide.min.js'));
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  expect(readme).toContain(`/mqtide@${version}/dist/mqtide.min.js" integrity="sha384-`);
  const digest = Buffer.from(await crypto.subtle.digest('SHA-384', file)).toString('base64');
  expect(withPinnedScript(readme, version, file)).toContain(
    `<script src="https://unpkg.com/mqtide@${version}/dist/mqtide.min.js" integrity="sha384-${digest}" crossorigin="anonymous"></script>`,
  );
});
