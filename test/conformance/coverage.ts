/**
 * Tells which numbered statements of the specifications the titles of the tests cite.
 *
 *   npm run coverage:statements -- [--role client|server|both|all] [--list] [--require ROLE=PERCENT]... [DIR...]
 *
 * `--role` narrows the report, `--list` names what is not cited, `--require` may be given several times.
 * Exit codes: 0 fine, 1 an unknown statement is cited or less than required is, 2 wrong use.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Citation, citationsOf } from './citations';
import { isRole, percentage, type Role, roles, type Statement, tally, tallyLine, versions } from './tally';

/** A citation, and the file it is in. */
export interface Located extends Citation {
  readonly file: string;
}

/** What the command line asks for. */
interface Wanted {
  readonly role: Role;
  readonly list: boolean;
  readonly required: readonly { readonly role: Role; readonly percent: number }[];
  readonly directories: readonly string[];
}

const sourceFile = /\.(?:m?[jt]s|tsx)$/;

/** All statements, as they stand beside this file. */
export function readStatements(): Statement[] {
  const text = readFileSync(new URL('statements.json', import.meta.url), 'utf8');
  return JSON.parse(text) as Statement[];
}

/** Source files below a path, or the file it names. */
export function sourceFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return sourceFiles(join(path, entry.name));
    return sourceFile.test(entry.name) ? [join(path, entry.name)] : [];
  });
}

/** Citations of all files, in order. */
export function locate(files: Iterable<string>): Located[] {
  return [...files].flatMap((file) =>
    citationsOf(file, readFileSync(file, 'utf8')).map((citation) => ({ ...citation, file })),
  );
}

/** Ids that a title cites and no specification has. */
export function unknownCitations(statements: readonly Statement[], citations: readonly Located[]): Located[] {
  const known = new Set(statements.map(({ id }) => id));
  return citations.filter(({ id, inTitle }) => inTitle && !known.has(id));
}

/** Ids that titles cite. */
export function citedIds(citations: readonly Citation[]): Set<string> {
  return new Set(citations.filter(({ inTitle }) => inTitle).map(({ id }) => id));
}

/** Runs the command; returns its exit code. */
export function main(args: readonly string[], print: (line: string) => void = console.log): 0 | 1 | 2 {
  let wanted: Wanted;
  let files: Set<string>;
  try {
    wanted = readArguments(args);
    files = new Set(wanted.directories.flatMap(sourceFiles));
  } catch (error) {
    print(`coverage: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const statements = readStatements();
  const citations = locate(files);
  const cited = citedIds(citations);
  const shown = wanted.role === 'all' ? roles : [wanted.role];

  print(`${files.size} files, ${cited.size} statements cited`);
  for (const version of versions) {
    for (const role of shown) print(tallyLine(tally(statements, cited, version, role)));
  }
  const elsewhere = citations.filter(({ inTitle }) => !inTitle);
  if (elsewhere.length > 0) print(`${elsewhere.length} citations outside of titles, not counted`);
  if (wanted.list) {
    print('Not cited:');
    for (const { id, binds, layer, check } of tally(statements, cited, '', wanted.role).missing) {
      print(`  ${id} (${binds}, ${layer}): ${check}`);
    }
    for (const { file, line, id } of elsewhere) print(`  not in a title: ${file}:${line} ${id}`);
  }

  const unknown = unknownCitations(statements, citations);
  for (const { file, line, id } of unknown)
    print(`error: ${file}:${line} cites "${id}", which does not exist`);
  const short = wanted.required.filter(
    ({ role, percent }) => percentage(tally(statements, cited, '', role)) < percent,
  );
  for (const { role, percent } of short) {
    const reached = percentage(tally(statements, cited, '', role)).toFixed(2);
    print(`error: ${reached} % of role ${role} are cited, ${percent} % are required`);
  }
  return unknown.length > 0 || short.length > 0 ? 1 : 0;
}

/** @throws Error with a message for people when the arguments are wrong */
function readArguments(args: readonly string[]): Wanted {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      role: { type: 'string', default: 'all' },
      list: { type: 'boolean', default: false },
      require: { type: 'string', multiple: true, default: [] },
    },
  });
  if (!isRole(values.role)) throw new Error(`no such role: ${values.role}`);
  return {
    role: values.role,
    list: values.list,
    required: values.require.map(readRequirement),
    directories: positionals.length > 0 ? positionals : ['test'],
  };
}

function readRequirement(text: string): { role: Role; percent: number } {
  const [, role = '', number = ''] = /^([a-z]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const percent = Number(number);
  if (!isRole(role) || percent > 100)
    throw new Error(`--require takes ROLE=PERCENT, e.g. client=100, not ${text}`);
  return { role, percent };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
