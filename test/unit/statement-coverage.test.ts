import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { citationsOf } from '../conformance/citations';
import { locate, main, readStatements, sourceFiles, unknownCitations } from '../conformance/coverage';
import { percentage, type Statement, tally, tallyLine } from '../conformance/tally';

/** Puts ids in brackets here, so that this file itself cites nothing. */
const cite = (...ids: string[]) => `[${ids.join(', ')}]`;
const one = cite('v5 MQTT-1.5.4-1');

/** Ids that count, and those that do not. */
function citations(text: string): { titles: string[]; elsewhere: string[] } {
  const all = citationsOf('sample.test.ts', text);
  const ids = (inTitle: boolean) => all.filter((one) => one.inTitle === inTitle).map(({ id }) => id);
  return { titles: ids(true), elsewhere: ids(false) };
}

describe('a citation counts', () => {
  test.each([
    ['test', `test('x ${one}', () => {})`],
    ['it', `it("x ${one}", () => {})`],
    ['describe', `describe(\`x ${one}\`, () => {})`],
    ['describe of Playwright', `test.describe('x ${one}', () => {})`],
    ['a node:test subtest', `t.test('x ${one}', () => {})`],
    ['a template with parts', `test(\`x \${name} ${one}\`, () => {})`],
    ['a concatenation', `test('x ' + name + '${one}', () => {})`],
    ['each', `test.each([1, 2])('x %s ${one}', () => {})`],
    ['each of describe', `describe.each(rows)('x %s ${one}', () => {})`],
    ['each of a template', `it.each\`a | b\n\${1} | \${2}\n\`('x $a ${one}', () => {})`],
    ['the table of each', `test.each([\n\n\n\n\n['${one}', 1]])('x %s', () => {})`],
    ['a title many lines below its call', `test(\n\n\n\n\n\n'x ${one}', () => {})`],
    ['a test within describe', `describe('x', () => { test('y ${one}', () => {}) })`],
  ])('in the title of %s', (_, text) => {
    expect(citations(text)).toEqual({ titles: ['v5 MQTT-1.5.4-1'], elsewhere: [] });
  });

  test('for each id of a bracket, and for each bracket of a title', () => {
    const text = `test('x ${cite('v5 MQTT-1.5.4-1', 'v3 MQTT-1.5.3-1')} and ${cite('v5 MQTT-1.5.4-2')}', f)`;
    expect(citations(text).titles).toEqual(['v5 MQTT-1.5.4-1', 'v3 MQTT-1.5.3-1', 'v5 MQTT-1.5.4-2']);
  });

  test('with the line it stands on', () => {
    expect(citationsOf('a.ts', `\n\ntest('x',\n () => {}); test('${one}', f)`)[0]?.line).toBe(4);
  });
});

describe('a citation does not count', () => {
  test.each([
    ['in a comment', `// ${one}\ntest('x', () => {})`],
    ['in the body of a test', `test('x', () => { expect(1, '${one}').toBe(1) })`],
    ['in a variable', `const title = '${one}'; test(title, () => {})`],
    ['in a function in the table of each', `test.each([() => '${one}'])('x', () => {})`],
    ['in a skipped test', `test.skip('${one}', () => {})`],
    ['in a test to do', `it.todo('${one}')`],
    ['in a test that runs only under a condition', `test.runIf(x)('${one}', () => {})`],
    ['in a skipped table', `test.skip.each([1])('${one}', () => {})`],
    ['within a skipped describe', `describe.skip('x', () => { test('${one}', () => {}) })`],
    ['in the title of a function of another name', `emit('${one}'); regex.test('${one}'.slice(1))`],
  ])('%s', (_, text) => {
    const { titles, elsewhere } = citations(text);
    expect(titles).toEqual([]);
    expect(new Set(elsewhere)).toEqual(new Set(['v5 MQTT-1.5.4-1']));
  });

  test('when it is no statement: other brackets are left alone', () => {
    expect(citations(`test('x [rule 3] [MQTT] [RFC 5802]', f)`)).toEqual({ titles: [], elsewhere: [] });
  });
});

describe('the tally', () => {
  const statements: Statement[] = [
    { id: 'v5 MQTT-1', binds: 'client', layer: 'codec', check: '' },
    { id: 'v5 MQTT-2', binds: 'both', layer: 'session', check: '' },
    { id: 'v5 MQTT-3', binds: 'server', layer: 'session', check: '' },
    { id: 'v3 MQTT-1', binds: 'client', layer: 'codec', check: '' },
    { id: 'v3 MQTT-2', binds: 'both', layer: 'none', check: '' },
  ];
  const count = (
    version: 'v5' | 'v3' | '',
    role: 'client' | 'server' | 'both' | 'all',
    ...cited: string[]
  ) => {
    const counted = tally(statements, new Set(cited), version, role);
    return [counted.cited.length, counted.missing.length];
  };

  test('counts what binds both for client and for server, and leaves out what cannot be tested', () => {
    expect(count('', 'client', 'v5 MQTT-2', 'v3 MQTT-2')).toEqual([1, 2]);
    expect(count('', 'server', 'v5 MQTT-2')).toEqual([1, 1]);
    expect(count('', 'both', 'v5 MQTT-2')).toEqual([1, 0]);
    expect(count('', 'all')).toEqual([0, 4]);
    expect(count('v3', 'all')).toEqual([0, 1]);
    expect(count('v5', 'client', 'v3 MQTT-1')).toEqual([0, 2]);
  });

  test('never rounds up to 100 %', () => {
    const many = Array.from({ length: 2_000 }, (_, index): Statement => {
      return { id: `v5 MQTT-${index}`, binds: 'both', layer: 'codec', check: '' };
    });
    const all = new Set(many.map(({ id }) => id));
    expect(tallyLine(tally(many, all, 'v5', 'client'))).toMatch(/^v5 +client +2000 \/ 2000 +100\.0 %$/);
    all.delete('v5 MQTT-7');
    expect(tallyLine(tally(many, all, 'v5', 'client'))).toMatch(/1999 \/ 2000 +99\.9 %$/);
  });

  test('of nothing is complete', () => {
    expect(percentage({ cited: [], missing: [] })).toBe(100);
  });
});

describe('the command', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mqtide-coverage-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Runs the command on one file of this content. */
  function run(content: string, ...args: string[]): { code: number; output: string } {
    writeFileSync(join(directory, 'sample.test.ts'), content);
    const lines: string[] = [];
    const code = main([...args, directory], (line) => lines.push(line));
    return { code, output: lines.join('\n') };
  }

  const allOf = (binds: readonly string[]) =>
    readStatements()
      .filter((statement) => statement.layer !== 'none' && binds.includes(statement.binds))
      .map(({ id }) => `test('${cite(id)}', f)`)
      .join('\n');

  test('reports and succeeds when all ids exist and nothing is required', () => {
    const { code, output } = run(`test('x ${one}', () => {})`);
    expect(code).toBe(0);
    expect(output).toMatch(/^v5 +client +1 \/ \d+ +\d\.\d %$/m);
    expect(output).toMatch(/^v5\+v3 +all +1 \/ \d+ +0\.\d %$/m);
    expect(output).not.toContain('Not cited');
  });

  test('fails for an unknown id, and says where', () => {
    const { code, output } = run(`\ntest('x ${cite('v5 MQTT-99.9.9-9')}', () => {})`);
    expect(code).toBe(1);
    expect(output).toMatch(/sample\.test\.ts:2 cites "v5 MQTT-99\.9\.9-9"/);
  });

  test('fails when less than required is cited, and not when all is', () => {
    const client = allOf(['client', 'both']);
    expect(run(client, '--require', 'client=100').code).toBe(0);
    const { code, output } = run(client, '--require', 'client=100', '--require', 'server=99.5');
    expect(code).toBe(1);
    expect(output).toMatch(/of role server are cited, 99\.5 % are required/);
    expect(run(client.slice(client.indexOf('\n')), '--require', 'client=100').code).toBe(1);
  });

  test('lists what is not cited, and what is cited outside of titles', () => {
    const { output } = run(
      `// ${cite('v5 MQTT-1.5.4-2')}\ntest('x ${one}', f)`,
      '--list',
      '--role',
      'client',
    );
    expect(output).toMatch(/^ {2}v5 MQTT-1\.5\.4-2 \(both, codec\): ./m);
    expect(output).not.toMatch(/^ {2}v5 MQTT-1\.5\.4-1 /m);
    expect(output).toMatch(/not in a title: .*sample\.test\.ts:1 v5 MQTT-1\.5\.4-2/);
  });

  test.each([
    [['--role', 'broker']],
    [['--require', '100']],
    [['--require', 'client=101']],
    [['--require', 'client=']],
    [['--nonsense']],
    [['/nowhere/at/all']],
  ])('refuses wrong use: %j', (args) => {
    expect(run('', ...args).code).toBe(2);
  });
});

describe('this repository', () => {
  test('knows every statement once, and what is to be looked at', () => {
    const statements = readStatements();
    expect(new Set(statements.map(({ id }) => id)).size).toBe(392);
    for (const { id, binds, layer, check } of statements) {
      expect(id).toMatch(/^v[35] MQTT-\d+(\.\d+)*-\d+[a-z]?$/);
      expect(['client', 'server', 'both']).toContain(binds);
      expect(['codec', 'session', 'connection', 'topic', 'transport', 'none']).toContain(layer);
      expect(check).not.toBe('');
    }
  });

  test('cites no statement that does not exist', () => {
    const files = sourceFiles(fileURLToPath(new URL('..', import.meta.url)));
    expect(unknownCitations(readStatements(), locate(files))).toEqual([]);
  });
});
