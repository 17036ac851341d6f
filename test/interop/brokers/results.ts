/** The table of `npm run test:interop`, for the terminal and for RESULTS.md. */

/** A line of the matrix: a broker, a transport, a version. */
export interface ResultRow {
  readonly name: string;
  /** A cell each: `'passed'`, `'FAILED'`, `'not run'`, or the reason why it is not there, which was seen. */
  readonly cells: readonly (Outcome | { readonly reason: string })[];
}

/** What became of a cell that should be there. */
export type Outcome = 'passed' | 'FAILED' | 'not run';

/** A table in Markdown, with the reasons numbered below it, and a last line of counts. */
export function resultTable(columns: readonly string[], rows: readonly ResultRow[]): string {
  const reasons: string[] = [];
  const counts = new Map<string, number>();
  const text = (cell: ResultRow['cells'][number]): string => {
    const word = typeof cell === 'string' ? cell : 'verified as not there';
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (typeof cell === 'string') return cell;
    if (!reasons.includes(cell.reason)) reasons.push(cell.reason);
    return `no (${reasons.indexOf(cell.reason) + 1})`;
  };
  const lines = rows.map(({ name, cells }) => [name, ...cells.map(text)]);
  const all = [['', ...columns], ...lines];
  const widths = all[0]?.map((_, index) => Math.max(...all.map((line) => line[index]?.length ?? 0))) ?? [];
  const markdown = (line: readonly string[]) =>
    `| ${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [
    ...[markdown(['', ...columns]), rule, ...lines.map(markdown)],
    '',
    ...reasons.map((reason, index) => `${index + 1}. It ${reason}.`),
    '',
    `${rows.length * columns.length} cells: ${[...counts].map(([word, count]) => `${count} ${word}`).join(', ')}.`,
  ].join('\n');
}
