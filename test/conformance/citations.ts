/**
 * Finds which numbered MQTT statements a test file cites, by the syntax tree of TypeScript: only what stands in the
 * title of a test counts, since only that is reported when the test fails.
 *
 * Titles are the first argument of `test()`, `it()`, `describe()`, `test.describe()`, `t.test()`, and of what
 * `test.each()`, `it.each()` and `describe.each()` return. A title that takes its parts from a table written in place
 * has the strings of that table too. What is skipped, to do, or runs only under a condition does not count.
 */

import ts from 'typescript';

/** One statement cited at one place. */
export interface Citation {
  /** As written, e.g. `v5 MQTT-3.1.2-1`; may be unknown. */
  readonly id: string;
  /** 1-based. */
  readonly line: number;
  /** Whether it counts. */
  readonly inTitle: boolean;
}

/** A bracket that speaks of MQTT statements; nothing in it is a quote or another bracket. */
const bracket = /\[([^[\]'"`]*\bMQTT-\d[^[\]'"`]*)\]/g;

const testNames: ReadonlySet<string> = new Set(['test', 'it', 'describe']);
const skipping: ReadonlySet<string> = new Set(['skip', 'todo', 'skipIf', 'runIf', 'fixme']);

/** Where in a source text titles stand: half-open ranges. */
type Range = readonly [start: number, end: number];

/** All citations of one file, in order. */
export function citationsOf(fileName: string, text: string): Citation[] {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.ESNext, true);
  const titles = titleRanges(source);
  const citations: Citation[] = [];
  for (const match of text.matchAll(bracket)) {
    const inTitle = titles.some(([start, end]) => start <= match.index && match.index < end);
    const line = source.getLineAndCharacterOfPosition(match.index).line + 1;
    for (const id of (match[1] ?? '').split(',')) citations.push({ id: id.trim(), line, inTitle });
  }
  return citations;
}

function titleRanges(source: ts.SourceFile): Range[] {
  const ranges: Range[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      // Nothing below a skipped `describe` runs.
      if (isSkipped(node.expression)) return;
      for (const part of titleParts(node)) ranges.push(...stringRanges(part, source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return ranges;
}

/** The expressions that make up the title of the test that a call declares; none for any other call. */
function titleParts(call: ts.CallExpression): ts.Node[] {
  const [title] = call.arguments;
  const { expression } = call;
  if (title === undefined) return [];
  if (isTestFunction(expression)) return [title];
  if (ts.isCallExpression(expression) && isEach(expression.expression))
    return [title, ...expression.arguments];
  if (ts.isTaggedTemplateExpression(expression) && isEach(expression.tag))
    return [title, expression.template];
  return [];
}

/** `test`, `it`, `describe`, `test.describe` or `t.test`. */
function isTestFunction(node: ts.Node): boolean {
  if (ts.isIdentifier(node)) return testNames.has(node.text);
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return false;
  const path = `${node.expression.text}.${node.name.text}`;
  return path === 'test.describe' || path === 't.test';
}

/** `test.each`, `it.each` or `describe.each`. */
function isEach(node: ts.Node): boolean {
  return ts.isPropertyAccessExpression(node) && node.name.text === 'each' && isTestFunction(node.expression);
}

/** `test.skip`, `describe.skip.each(...)`, `it.runIf(...)` and the like. */
function isSkipped(node: ts.Node): boolean {
  if (ts.isCallExpression(node)) return isSkipped(node.expression);
  if (ts.isTaggedTemplateExpression(node)) return isSkipped(node.tag);
  if (!ts.isPropertyAccessExpression(node)) return false;
  const base = rootName(node);
  return base !== undefined && testNames.has(base) && namesOf(node).some((name) => skipping.has(name));
}

function rootName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return rootName(node.expression);
  return ts.isIdentifier(node) ? node.text : undefined;
}

function namesOf(node: ts.Node): string[] {
  if (ts.isPropertyAccessExpression(node)) return [...namesOf(node.expression), node.name.text];
  return ts.isCallExpression(node) ? namesOf(node.expression) : [];
}

/** Ranges of the string literals and templates in a node, without those in a function body. */
function stringRanges(node: ts.Node, source: ts.SourceFile): Range[] {
  if (ts.isFunctionLike(node)) return [];
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node))
    return [[node.getStart(source), node.end]];
  const ranges: Range[] = [];
  ts.forEachChild(node, (child) => {
    ranges.push(...stringRanges(child, source));
  });
  return ranges;
}
