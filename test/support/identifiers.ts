/** The names that a file uses from outside itself, as the compiler sees them: no comments, no strings. */

import ts from 'typescript';

/** A use of a name. */
export interface Identifier {
  /** `setTimeout`; for a member of a global object `Date.now`, for one of `globalThis` its own name. */
  readonly name: string;
  /** Line of the use, from 1. */
  readonly line: number;
}

/** Globals that only Node has: a bundler for browsers fails on them, or puts a polyfill in. */
export const nodeGlobals: readonly string[] = [
  'Buffer',
  'process',
  'global',
  'require',
  'module',
  '__dirname',
  '__filename',
];

/** Names of the global object. */
const globalObjects = ['globalThis', 'self', 'window', 'global'];

/** All uses of names in a file, types included, but neither members of other objects nor names of its own members. */
export function identifiersOf(tree: ts.SourceFile): Identifier[] {
  const found: Identifier[] = [];
  const visit = (node: ts.Node): void => {
    for (const name of namesAt(node)) {
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
      found.push({ name, line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** The names that a JavaScript file uses, see {@link identifiersOf}. */
export function namesIn(code: string): string[] {
  const tree = ts.createSourceFile('file.js', code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  return identifiersOf(tree).map(({ name }) => name);
}

function namesAt(node: ts.Node): string[] {
  // globalThis['setTimeout'], Date['now']
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
    return memberNames(node.expression, node.argumentExpression.text);
  if (ts.isPropertyAccessExpression(node)) return memberNames(node.expression, node.name.text);
  // const { now } = Date
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer) {
    const { initializer } = node;
    return node.name.elements.flatMap(({ propertyName, name }) => {
      const member = propertyName ?? name;
      return ts.isIdentifier(member) ? memberNames(initializer, member.text) : [];
    });
  }
  return ts.isIdentifier(node) && !isMemberName(node) ? [node.text] : [];
}

/** `Date.now`, or `setTimeout` for a member of the global object; `globalThis.Date.now` is `Date.now`. */
function memberNames(object: ts.Expression, member: string): string[] {
  if (ts.isIdentifier(object))
    return [globalObjects.includes(object.text) ? member : `${object.text}.${member}`];
  const isGlobalMember =
    ts.isPropertyAccessExpression(object) &&
    ts.isIdentifier(object.expression) &&
    globalObjects.includes(object.expression.text);
  return isGlobalMember ? [`${object.name.text}.${member}`] : [];
}

/** True for a name that belongs to an object: `x.name`, `{ name: … }`, a member of a class or an interface. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isGetAccessorDeclaration(parent) ||
      ts.isSetAccessorDeclaration(parent) ||
      ts.isEnumMember(parent)) &&
    parent.name === node
  );
}
