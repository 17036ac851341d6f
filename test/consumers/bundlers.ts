/** Bundles an application that uses the installed package, with each bundler that people use, as they would. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { root } from '../support/built-package';

const application = `import { connect } from 'mqtide';
import { indexedDbStore } from 'mqtide/indexeddb';
import { connectShared } from 'mqtide/shared';

const client = await connect('wss://broker.example/mqtt', { clientId: 'a', clean: false, store: indexedDbStore() });
await client.subscribe('a/#', (message) => console.log(message.text()));
await client.publish('a/b', 'hello', { qos: 1 });
await connectShared('wss://broker.example/mqtt');
`;

/** All that tools can import which know the fields of a manifest, not its exports. */
const byFields = `import { connect } from 'mqtide';

await connect('wss://broker.example/mqtt');
`;

const rollupConfig = `import { nodeResolve } from '${join(root, 'node_modules/@rollup/plugin-node-resolve/dist/es/index.js')}';
export default { input: 'application.js', output: { dir: 'rollup' }, plugins: [nodeResolve({ browser: true })] };
`;

const here = (name: string): string => join(root, 'test/consumers/node_modules/.bin', name);
const there = (name: string): string => join(root, 'node_modules/.bin', name);

type Program = readonly [program: string, ...rest: string[]];

const parcel: Program = [
  here('parcel'),
  ...['build', 'index.html', '--dist-dir', 'parcel', '--no-cache', '--no-source-maps', '--log-level', 'warn'],
];

/** The calls; each writes into a folder of its own name, and fails or speaks when it has to warn. */
const bundlers: Readonly<Record<string, Program>> = {
  vite: [there('vite'), 'build', '--outDir', 'vite', '--logLevel', 'warn'],
  webpack: [
    here('webpack'),
    ...['build', '--mode', 'production', '--target', 'web', '--entry', './application.js'],
    ...[
      '--output-path',
      'webpack',
      '--fail-on-warnings',
      '--performance-hints',
      'false',
      '--stats',
      'errors-warnings',
    ],
  ],
  esbuild: [
    there('esbuild'),
    ...['application.js', '--bundle', '--minify', '--format=esm', '--platform=browser'],
    ...['--outfile=esbuild/application.js', '--log-level=warning'],
  ],
  rollup: [there('rollup'), '--config', 'rollup.config.mjs', '--silent', '--failAfterWarnings'],
  parcel,
};

/** Uses of what only Node has, which a bundler would have to make up for a page. */
const foreign = /(?<![\w$.])(?:Buffer|process|global|__dirname)\s*[.[(]/;

/** All code of a folder, without comments. */
function codeIn(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map(
      (name) =>
        transformSync(readFileSync(join(folder, name), 'utf8'), { minify: true, legalComments: 'none' }).code,
    )
    .join('\n');
}

/**
 * Tries all of them.
 * @param folder has mqtide installed
 * @returns what was wrong, by bundler
 */
export function bundle(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  // Parcel looks at the exports of packages only when it is told to.
  prepare(folder, application, { '@parcel/resolver-default': { packageExports: true } });
  writeFileSync(join(folder, 'rollup.config.mjs'), rollupConfig);
  for (const [name, program] of Object.entries(bundlers)) bundleBy(folder, name, program, name, found);
  const fields = join(folder, 'fields');
  prepare(fields, byFields, {});
  bundleBy(fields, 'parcel, by fields', parcel, 'parcel', found);
  return found;
}

/** Writes an application. */
function prepare(folder: string, code: string, settings: object): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'application.js'), code);
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>app</title><script type="module" src="./application.js"></script>',
  );
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      type: 'module',
      browserslist: 'chrome >= 111, firefox >= 115, safari >= 16.4',
      dependencies: { mqtide: '*' },
      ...settings,
    }),
  );
}

function bundleBy(
  folder: string,
  name: string,
  [program, ...rest]: Program,
  target: string,
  found: Map<string, string>,
): void {
  try {
    const output = execFileSync(program, rest, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const code = codeIn(join(folder, target));
    const use = foreign.exec(code);
    if (!/^(?:webpack compiled successfully)?$/.test(output.trim())) found.set(name, output);
    else if (!code.includes('mqtt')) found.set(name, 'the bundle does not hold the client');
    else if (use) found.set(name, `uses ${code.slice(Math.max(0, use.index - 60), use.index + 60)}`);
    console.log(
      `${name}: ${(code.length / 1_000).toFixed(1)} kB${found.has(name) ? ', NOT clean' : ', clean'}`,
    );
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    found.set(name, `${stdout}${stderr}` || String(error));
    console.log(`${name}: failed`);
  }
}
