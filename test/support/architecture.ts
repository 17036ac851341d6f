/**
 * The rules between the rooms of `src`, and the check that files keep them.
 *
 *   entries -> client -> session -> codec -> leaves
 *              client -> transport, store; a store knows the session's types, a transport only errors and the type of bytes
 *   optional rooms (auth, clock, credentials, shared) -> the public surface
 */

import { posix } from 'node:path';
import ts from 'typescript';
import { type Identifier, identifiersOf } from './identifiers';

/** Files by path below `src` (`codec/packet.ts`), with their text. */
export type Sources = ReadonlyMap<string, string>;

/** Rooms that know nothing above them. */
const leaves = ['check', 'errors', 'reason-code', 'message', 'topic'];

/** What optional rooms see of the rest. */
const publicSurface = ['index', 'errors', 'message'];

/** The same for those that compute with secrets. */
const withCrypto = [...publicSurface, 'web-crypto'];

/** Which rooms each room may import; a room is a folder below `src`, or a file at its top without its ending. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'reason-code': [],
  message: [],
  errors: ['reason-code'],
  check: ['errors'],
  topic: ['check', 'errors', 'reason-code', 'message'],
  'web-crypto': ['errors'],
  codec: leaves,
  session: ['codec', ...leaves],
  transport: ['errors', 'message'],
  store: ['session', ...leaves],
  client: ['session', 'codec', 'transport', 'store', ...leaves],
  index: ['client', 'session', 'codec', 'transport', 'store', ...leaves],
  node: ['index', 'client', 'session', 'codec', 'transport', 'store', ...leaves],
  script: ['index', 'codec', 'store', 'auth', 'clock', 'credentials', 'shared'],
  auth: withCrypto,
  clock: publicSurface,
  credentials: withCrypto,
  shared: [...publicSurface, 'topic'],
};

/** Rooms of which another room may use the types only. */
const typesOnly: Readonly<Record<string, readonly string[]>> = { store: ['session'], transport: ['message'] };

/** The files that may import built-in modules of Node. */
const nodeFiles = ['node.ts', 'transport/tcp.ts'];

/** Packages, and the files that may import them. */
const packages: Readonly<Record<string, readonly string[]>> = {
  ws: ['transport/node-websocket.ts'],
  idb: ['store/indexeddb.ts', 'store/indexeddb-connection.ts'],
};

/** Rooms that are pure: given the same calls they do the same, anywhere. */
const pureRooms = ['codec', 'session'];

/** Globals that a pure room does not know; `Date.now` as a member of a global. */
const impureGlobals = [
  'Buffer',
  'Date.now',
  'Math.random',
  'Promise',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
];

/** One import, re-export, `import()` or `import('…')` type. */
interface Import {
  readonly specifier: string;
  /** True when nothing of it is left at run time. */
  readonly isType: boolean;
}

/** What is wrong, one sentence for each breach; empty when all rules are kept. */
export function breaches(sources: Sources): string[] {
  const found: string[] = [];
  /** File to the files that it imports, by what is left of it at run time. */
  const arrows = new Map<string, { target: string; isType: boolean }[]>();
  /** Files that import something which a browser does not have. */
  const needsNode = new Map<string, string>();

  for (const [file, text] of sources) {
    const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const room = roomOf(file);
    const allowed = mayImport[room];
    if (allowed === undefined) found.push(`${file}: ${room} is no room that the rules know`);
    const targets: { target: string; isType: boolean }[] = [];
    arrows.set(file, targets);

    for (const { specifier, isType } of importsOf(tree)) {
      if (!specifier.startsWith('.')) {
        if (!isType && isNodeOnly(specifier)) needsNode.set(file, specifier);
        if (!mayImportPackage(file, specifier)) found.push(`${file} imports ${specifier}`);
        continue;
      }
      const path = posix.join(posix.dirname(file), specifier);
      const target = [`${path}.ts`, `${path}/index.ts`].find((candidate) => sources.has(candidate));
      if (target === undefined) {
        found.push(`${file} imports ${specifier}, which is no file of src`);
        continue;
      }
      targets.push({ target, isType });
      const other = roomOf(target);
      if (other === room || allowed === undefined) continue;
      if (!allowed.includes(other)) found.push(`${file} imports ${target}: ${room} may not import ${other}`);
      else if (!isType && typesOnly[room]?.includes(other))
        found.push(`${file} imports ${target}: ${room} may import only types of ${other}`);
    }

    if (pureRooms.includes(room))
      for (const { name, line } of identifiersOf(tree).filter(isImpure))
        found.push(`${file}:${line} uses ${name}: ${room} is pure`);
  }

  for (const ring of ringsOf(arrows)) found.push(`import ring: ${ring.join(' -> ')}`);
  for (const file of reachedInBrowsers(arrows)) {
    const specifier = needsNode.get(file);
    if (specifier !== undefined)
      found.push(`${file} imports ${specifier}, and an entry for browsers reaches it`);
  }
  return found;
}

function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.ts$/, '');
}

/** Built-in modules, and the package that stands in for the browser's `WebSocket`. */
function isNodeOnly(specifier: string): boolean {
  return specifier.startsWith('node:') || specifier === 'ws';
}

function mayImportPackage(file: string, specifier: string): boolean {
  if (specifier.startsWith('node:')) return nodeFiles.includes(file);
  return Object.hasOwn(packages, specifier) && packages[specifier]?.includes(file) === true;
}

function importsOf(tree: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, isType: boolean) => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier))
      imports.push({ specifier: specifier.text, isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeExport(node));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const { fileName } of tree.referencedFiles) imports.push({ specifier: fileName, isType: true });
  return imports;
}

/** `import type …`, or each name marked as a type. */
function isTypeImport({ importClause: clause }: ts.ImportDeclaration): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

function isTypeExport({ isTypeOnly, exportClause: clause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return true;
  if (clause === undefined || !ts.isNamedExports(clause)) return false;
  return clause.elements.length > 0 && clause.elements.every((element) => element.isTypeOnly);
}

function isImpure({ name }: Identifier): boolean {
  return impureGlobals.includes(name);
}

/** Import rings, each once, types included: a file, what it imports, and so on back to the file. */
function ringsOf(arrows: ReadonlyMap<string, readonly { target: string }[]>): string[][] {
  const rings: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) rings.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const { target } of arrows.get(file) ?? []) walk(target);
    path.pop();
    done.add(file);
  };
  for (const file of arrows.keys()) walk(file);
  return rings;
}

/** The files whose code a page may load: what the entries other than `node.ts` import. */
function reachedInBrowsers(
  arrows: ReadonlyMap<string, readonly { target: string; isType: boolean }[]>,
): Set<string> {
  const reached = new Set<string>();
  const reach = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { target, isType } of arrows.get(file) ?? []) if (!isType) reach(target);
  };
  for (const file of arrows.keys())
    if (['index', 'script'].includes(roomOf(file)) || /^\w+\/index\.ts$/.test(file)) reach(file);
  return reached;
}
