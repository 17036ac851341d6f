/** The examples of the README: its TypeScript blocks, as a reader would copy them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './built-package';

/** The address that the README uses for a reader's own server. */
const exampleUrl = 'wss://broker.example/mqtt';

/** What stands in the examples for something of the reader's application, and its type. */
export const readersOwn: Readonly<Record<string, string>> = {
  url: 'string',
  receipt: 'string',
  userId: 'string',
  fetchToken: '(options: { anew: boolean; signal: AbortSignal }) => Promise<string>',
  show: '(message: { text(): string }) => void',
};

/** One of them. */
export interface Example {
  /** What it shows, by a word of it. */
  readonly name: string;
  /** The code, with the address of another server. */
  code(url: string): string;
}

/** A word that is in one example alone; the test of an example goes by it. */
const names = [
  'sensor/+id',
  'workerClock',
  "until: 'stored'",
  'connectShared',
  'presence/',
  'correlationData',
  'fetchToken',
] as const;

/** Name of an example. */
export type ExampleName = (typeof names)[number];

/** All examples, by name. Throws when the README has one that none of the names is for, or lacks one. */
export function readmeExamples(): ReadonlyMap<ExampleName, Example> {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^( *)```ts\n([\s\S]*?)^\1```$/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  const found = new Map<ExampleName, Example>();
  for (const block of blocks) {
    const name = names.find((word) => block.includes(word));
    if (name === undefined || found.has(name)) throw new Error(`No test knows this example:\n${block}`);
    found.set(name, { name, code: (url) => block.replaceAll(exampleUrl, url) });
  }
  for (const name of names) if (!found.has(name)) throw new Error(`The README has no example with ${name}`);
  return found;
}
