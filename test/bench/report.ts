/** What a bench found, printed and written as Markdown. */

/** A table. */
export interface Table {
  readonly title: string;
  /** How it was measured, in a sentence or two. */
  readonly about: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One bench: gives its tables. */
export type Bench = (rounds: number) => Promise<readonly Table[]>;

/** A table as Markdown; the columns are padded so that it can be read as text too. */
export function markdown({ title, about, head, rows }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length), 3));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return `## ${title}\n\n${about}\n\n${[line(head), rule, ...rows.map(line)].join('\n')}\n`;
}

/** Whether a goal is reached, as it stands in a cell. */
export function verdict(reached: boolean): string {
  return reached ? 'yes' : '**no**';
}
