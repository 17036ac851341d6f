import { readFileSync, rmSync } from 'node:fs';
import { posix } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import typescript from '@rollup/plugin-typescript';
import { transform } from 'esbuild';
import ts from 'typescript';

/** What can be imported: the file in dist (an export of package.json names it) and its source. */
const entries = {
  index: 'src/index.ts',
  node: 'src/node.ts',
  codec: 'src/codec/index.ts',
  auth: 'src/auth/index.ts',
  credentials: 'src/credentials/index.ts',
  indexeddb: 'src/store/indexeddb.ts',
  level: 'src/store/level.ts',
  shared: 'src/shared/index.ts',
  clock: 'src/clock/index.ts',
  'clock-worker': 'src/clock/worker.ts',
};

/** Entries without a declaration file: `mqtide` is declared once, for browsers and for Node. */
const undeclared = new Set(['node']);

/** Where the sources' declarations go, below dist; the entries' declaration files point there. */
const typesDir = 'types';

/** One build of the sources; `declaration` options are added by the build that ships them. */
function build(input, output, { compilerOptions = {}, plugins = [] } = {}) {
  return {
    input,
    external: [/^node:/, 'ws'],
    // A warning is an unresolved import, a ring or the like: nothing to ship.
    onLog(level, log, handler) {
      handler(level === 'warn' ? 'error' : level, log);
    },
    plugins: [
      nodeResolve({ browser: true }),
      typescript({
        filterRoot: '.',
        include: ['src/**/*.ts'],
        compilerOptions: {
          noEmit: false,
          noEmitOnError: true,
          sourceMap: true,
          inlineSources: true,
          rootDir: 'src',
          ...compilerOptions,
        },
      }),
      bundledPackages(),
      ...plugins,
    ],
    output: { sourcemap: true, ...output },
  };
}

/** Puts the licence of each package that is in a file at the head of that file, and leaves its source out of the map. */
function bundledPackages() {
  const packageOf = (id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/'))?.[0];
  return {
    name: 'bundled-packages',
    transform: (code, id) => (packageOf(id) ? { code, map: { mappings: '' } } : undefined),
    banner({ modules }) {
      const folders = new Set(Object.keys(modules).map(packageOf));
      folders.delete(undefined);
      return [...folders]
        .map((folder) => {
          const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
          return `/*!\n${name} ${version}\n\n${readFileSync(`${folder}/LICENSE`, 'utf8').trim()}\n*/\n`;
        })
        .join('');
    },
  };
}

/**
 * Does what compresses better and bundlers leave: writes constants where they are used (a name for each use costs more
 * than the number), and functions next to each other. Names stay, and a statement a line.
 */
function compacted() {
  return terser({
    module: true,
    ecma: 2022,
    compress: {
      defaults: false,
      evaluate: true,
      reduce_vars: true,
      unused: true,
      collapse_vars: true,
      conditionals: true,
      if_return: true,
      hoist_funs: true,
    },
    mangle: false,
    format: { beautify: true },
  });
}

/** Numbers the private names of each class from the start; terser would give each in the file a name of its own, which compresses worse. */
function shortPrivateNames() {
  return {
    name: 'short-private-names',
    renderChunk: (code) =>
      transform(code, {
        minifyIdentifiers: true,
        target: 'es2022',
        legalComments: 'inline',
        sourcemap: 'external',
        sourcesContent: false,
      }),
  };
}

/** Empties dist once there is something new to put there. */
function emptyDist() {
  return {
    name: 'empty-dist',
    generateBundle: { order: 'post', handler: () => rmSync('dist', { recursive: true, force: true }) },
  };
}

/**
 * Keeps the declarations that an entry reaches, gives their relative imports the file endings that
 * `moduleResolution: node16` asks for, and adds the entries' own declaration files.
 */
function declarations() {
  return {
    name: 'declarations',
    generateBundle(_options, bundle) {
      const declarationOf = (base) =>
        [`${base}.d.ts`, `${base}/index.d.ts`].find((name) => bundle[name] !== undefined);

      const reached = new Set();
      const reach = (name) => {
        if (reached.has(name)) return;
        reached.add(name);
        const text = bundle[name].source;
        if (
          /\b(?:AsyncDisposable|asyncDispose)\b/.test(text) &&
          !/^\/\/\/ <reference lib="esnext.disposable"/.test(text)
        ) {
          this.error(
            `${name} names AsyncDisposable: its source must begin with /// <reference lib="esnext.disposable" preserve="true" />`,
          );
        }
        const directory = posix.dirname(name);
        let rewritten = '';
        let end = 0;
        for (const { fileName: specifier, pos } of ts.preProcessFile(text, true, true).importedFiles) {
          if (!specifier.startsWith('.')) continue;
          const target = declarationOf(posix.join(directory, specifier));
          if (target === undefined) this.error(`${name} imports ${specifier}, which has no declarations`);
          reach(target);
          const path = posix.relative(directory, target).replace(/\.d\.ts$/, '.js');
          rewritten += `${text.slice(end, pos)}'${path.startsWith('.') ? path : `./${path}`}'`;
          end = pos + specifier.length + 2;
        }
        bundle[name].source = rewritten + text.slice(end);
      };

      for (const [entry, source] of Object.entries(entries)) {
        if (undeclared.has(entry)) continue;
        const base = `${typesDir}/${source.replace(/^src\/|\.ts$/g, '')}`;
        reach(`${base}.d.ts`);
        this.emitFile({
          type: 'asset',
          fileName: `${entry}.d.ts`,
          source: `export * from './${base}.js';\n`,
        });
      }
      for (const name of Object.keys(bundle)) {
        if (name.startsWith(`${typesDir}/`) && !reached.has(name.replace(/\.map$/, ''))) delete bundle[name];
      }
    },
  };
}

export default [
  build(
    entries,
    {
      dir: 'dist',
      format: 'es',
      chunkFileNames: 'chunks/[name].js',
      minifyInternalExports: false,
      hoistTransitiveImports: false,
    },
    {
      compilerOptions: {
        declaration: true,
        declarationMap: true,
        stripInternal: true,
        declarationDir: `dist/${typesDir}`,
      },
      plugins: [compacted(), declarations(), emptyDist()],
    },
  ),
  build(
    'src/script.ts',
    {
      file: 'dist/mqtide.min.js',
      format: 'iife',
      name: 'mqtide',
      esModule: false,
      inlineDynamicImports: true,
      plugins: [
        shortPrivateNames(),
        terser({
          ecma: 2022,
          compress: {
            passes: 3,
            pure_getters: true,
            keep_fargs: false,
            lhs_constants: false,
            hoist_funs: true,
            // A function that is used once stays where it is: inside its user it would be made anew for every call.
            reduce_funcs: false,
          },
          format: {
            // A function in parentheses is compiled as it is parsed; without them V8 skips over it first and parses it twice.
            wrap_iife: true,
            // One other character, and browsers hold and read the whole text in two bytes a character.
            ascii_only: true,
          },
        }),
      ],
    },
    // The build before this one has checked the types.
    { compilerOptions: { noCheck: true } },
  ),
];
