import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, inject, test } from 'vitest';
import { root } from '../../support/built-package';
import { isThorough } from '../../support/thoroughness';

const consumer = inject('consumer');
const application = join(consumer, 'application.ts');
copyFileSync(join(root, 'test/consumers/application.ts'), application);
writeFileSync(join(consumer, 'package.json'), JSON.stringify({ type: 'module' }));

/** Lib files are parsed once for all combinations. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** What the compiler says about the application, under these options. */
function compile(options: ts.CompilerOptions, file = application): string {
  const settings: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    typeRoots: [join(consumer, 'node_modules/@types')],
    ...options,
  };
  const host = ts.createCompilerHost(settings);
  const read = host.getSourceFile.bind(host);
  host.getCurrentDirectory = () => consumer;
  host.getSourceFile = (name, ...rest) => {
    if (!/[\\/]typescript[\\/]lib[\\/]lib\./.test(name)) return read(name, ...rest);
    if (!parsed.has(name)) parsed.set(name, read(name, ...rest));
    return parsed.get(name);
  };
  const program = ts.createProgram([file], settings, host);
  return ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host);
}

const resolutions = {
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
};

const libraries = {
  dom: { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] },
  webworker: { lib: ['lib.es2022.d.ts', 'lib.webworker.d.ts'], types: [] },
  'Node 20 without dom': { lib: ['lib.es2022.d.ts'], types: ['node'] },
};

describe('the declarations', () => {
  // Each of both once, where there is little time.
  for (const [row, [resolution, resolutionOptions]] of Object.entries(resolutions).entries())
    for (const [column, [library, libraryOptions]] of Object.entries(libraries).entries())
      if (isThorough || row === column)
        test(`compile under moduleResolution ${resolution} with ${library}, libraries checked`, () => {
          expect(compile({ ...resolutionOptions, ...libraryOptions })).toBe('');
        });

  test('are found by the moduleResolution of old, which knows no exports', () => {
    const node10 = { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 };
    expect(compile({ ...node10, ...libraries.dom, ignoreDeprecations: '6.0' })).toBe('');
    const worker = join(consumer, 'worker.ts');
    writeFileSync(worker, "export * from 'mqtide/clock-worker';\n");
    expect(compile({ ...node10, ...libraries.dom, ignoreDeprecations: '6.0' }, worker)).toBe('');
  });

  test('compile with exactOptionalPropertyTypes and verbatimModuleSyntax', () => {
    expect(
      compile({
        ...resolutions.bundler,
        ...libraries.dom,
        skipLibCheck: true,
        exactOptionalPropertyTypes: true,
        verbatimModuleSyntax: true,
        noUncheckedIndexedAccess: true,
      }),
    ).toBe('');
  });

  test.each([
    [
      'mqtide',
      `import type { ClientEvents, Packet, StoreOperation, StoreRecord, WebSocketOptions } from 'mqtide';
      export const messages = (records: readonly StoreRecord[]) => records.filter(({ kind }) => kind === 'publish');
      export const publish = (record: StoreRecord) => (record.kind === 'publish' ? record : undefined);
      export const own = (record: StoreRecord) => (record.kind === 'key' || record.kind === 'inbox' ? record : undefined);
      export const link = (record: StoreRecord) =>
        record.kind === 'session' || record.kind === 'subscription' || record.kind === 'release' || record.kind === 'incoming'
          ? record : undefined;
      export const kind = (one: StoreOperation) => (one.type === 'delete' ? one.kind : one.record.kind);
      export const maker = ({ constructor }: WebSocketOptions) => constructor;
      export const accepted = ({ packet }: ClientEvents['packet']) => (packet.type === 'connack' ? packet : undefined);
      export const will = (packet: Packet) => (packet.type === 'connect' ? packet.will : undefined);`,
    ],
    [
      'mqtide/shared',
      `import { connectShared } from 'mqtide/shared';
      export const client = () => connectShared('wss://broker.example');
      export const subscribe = async () => (await client()).subscribe('a/+b');
      export const publish = async () => (await client()).publish('a', 'b');
      export const status = async () => (await client()).status;
      export const about = async () => { const { server, stats } = await client(); return { server, stats }; };`,
    ],
    [
      'mqtide/indexeddb',
      "import { indexedDbStore } from 'mqtide/indexeddb';\nexport const store = indexedDbStore();",
    ],
    [
      'mqtide/level',
      `import { type LevelDatabase, levelStore } from 'mqtide/level';
      export const store = (db: LevelDatabase) => levelStore(db);`,
    ],
  ])('let declarations be inferred from %s alone', (entry, text) => {
    const file = join(consumer, `inferred-${entry.replace('/', '-')}.ts`);
    writeFileSync(file, text);
    const declared = {
      skipLibCheck: true,
      declaration: true,
      emitDeclarationOnly: true,
      noEmit: false,
      outDir: join(consumer, 'out'),
    };
    expect(compile({ ...resolutions.nodenext, ...libraries.dom, ...declared }, file)).toBe('');
  });

  test('are found, so that a wrong use fails to compile', () => {
    const wrong = join(consumer, 'wrong.ts');
    writeFileSync(wrong, "import { connect } from 'mqtide';\nexport const client = connect(1);\n");
    expect(compile({ ...resolutions.nodenext, ...libraries.dom, skipLibCheck: true }, wrong)).toMatch(
      /^wrong\.ts\(2,\d+\): error TS2345/,
    );
  });

  test('lead an editor from a use to the source', () => {
    const host: ts.LanguageServiceHost = {
      getCompilationSettings: () => ({ ...resolutions.bundler, ...libraries.dom }),
      getScriptFileNames: () => [application],
      getScriptVersion: () => '1',
      getScriptSnapshot: (name) =>
        ts.sys.fileExists(name) ? ts.ScriptSnapshot.fromString(readFileSync(name, 'utf8')) : undefined,
      getCurrentDirectory: () => consumer,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
    };
    const use = readFileSync(application, 'utf8').indexOf('connect(url)');
    const [definition] = ts.createLanguageService(host).getDefinitionAtPosition(application, use) ?? [];
    if (definition === undefined) throw new Error('no definition found');
    expect(definition.fileName).toMatch(/mqtide\/dist\/types\/.*\.d\.ts$/);

    const declarations = readFileSync(definition.fileName, 'utf8')
      .slice(0, definition.textSpan.start)
      .split('\n');
    const map = new SourceMap(JSON.parse(readFileSync(`${definition.fileName}.map`, 'utf8')));
    const entry = map.findEntry(declarations.length - 1, declarations.at(-1)?.length ?? 0);
    if (!('originalSource' in entry)) throw new Error('the declaration map says nothing of this place');
    const source = readFileSync(join(dirname(definition.fileName), entry.originalSource), 'utf8').split('\n');
    expect(source[entry.originalLine]).toMatch(/export .*function connect\b/);
  });
});
