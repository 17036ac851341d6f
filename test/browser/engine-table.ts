/** A reporter that prints a table, scenario by engine and context, of the tests that have a cell of it. */

import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter';

/** A place in a table. */
interface Cell {
  /** Which table: tables differ in their columns. */
  readonly table: string;
  /** What is tried. */
  readonly row: string;
  /** Where; every engine has all columns. */
  readonly column: string;
}

/** The details that give a test a cell. */
export function inTable(table: string, row: string, column: string) {
  const cell: Cell = { table, row, column };
  return { annotation: { type: 'cell', description: JSON.stringify(cell) } };
}

/** What became of a cell. */
interface Outcome extends Cell {
  readonly engine: string;
  readonly mark: 'passed' | 'FAILED';
}

/** Prints the tables at the end. Where every test has to run, a cell that is empty is a failure. */
export default class EngineTable implements Reporter {
  readonly #outcomes: Outcome[] = [];

  printsToStdio(): boolean {
    return false;
  }

  onTestEnd(test: TestCase, { status }: TestResult): void {
    const cell = test.annotations.find(({ type }) => type === 'cell')?.description;
    const engine = test.parent.project()?.name;
    if (cell === undefined || engine === undefined || status === 'skipped') return;
    const mark = status === 'passed' ? 'passed' : 'FAILED';
    this.#outcomes.push({ ...(JSON.parse(cell) as Cell), engine, mark });
  }

  async onEnd(): Promise<{ status?: FullResult['status'] }> {
    const tables = [...new Set(this.#outcomes.map(({ table }) => table))].map((name) =>
      tableOf(
        name,
        this.#outcomes.filter(({ table }) => table === name),
      ),
    );
    for (const { text } of tables) console.log(`\n${text}`);
    const isComplete = tables.every(({ empty }) => empty === 0);
    return isComplete || process.env['CI'] === undefined ? {} : { status: 'failed' };
  }
}

/** One table as text, and how many of its cells are empty. */
export function tableOf(name: string, outcomes: readonly Outcome[]): { text: string; empty: number } {
  const distinct = (values: readonly string[]) => [...new Set(values)];
  const rows = distinct(outcomes.map(({ row }) => row));
  const engines = distinct(outcomes.map(({ engine }) => engine));
  const columns = distinct(outcomes.map(({ column }) => column));
  const marks = new Map(
    outcomes.map(({ row, engine, column, mark }) => [[row, engine, column].join('\n'), mark]),
  );

  let empty = 0;
  const width = Math.max(name.length, ...rows.map((row) => row.length)) + 2;
  const cellWidth = Math.max(...[...engines, ...columns, 'passed'].map(({ length }) => length)) + 2;
  const lines = rows.map((row) => {
    const cells = engines.flatMap((engine) =>
      columns.map((column) => {
        const mark = marks.get([row, engine, column].join('\n'));
        if (mark === undefined) empty += 1;
        return (mark ?? 'EMPTY').padEnd(cellWidth);
      }),
    );
    return row.padEnd(width) + cells.join('');
  });
  const engineLine = engines.map((engine) => engine.padEnd(cellWidth * columns.length)).join('');
  const columnLine = engines.flatMap(() => columns.map((column) => column.padEnd(cellWidth))).join('');
  const text = [' '.repeat(width) + engineLine, name.padEnd(width) + columnLine, ...lines]
    .map((line) => line.trimEnd())
    .join('\n');
  return { text, empty };
}
