/** The table that the matrix prints. */

/** What is known of a test; undefined for one that did not run. */
export type CellResult =
  | { readonly state?: string | undefined; readonly note?: string | undefined }
  | undefined;

const words: Readonly<Record<string, string>> = { pass: 'passed', fail: 'FAILED', skip: 'skipped' };

/** Rows of cells, a sum, and below them why cells were skipped. */
export function matrixTable(
  rows: readonly string[],
  columns: readonly string[],
  resultOf: (row: string, column: string) => CellResult,
): string {
  const reasons = new Set<string>();
  const sums = new Map<string, number>();
  const lines = rows.map((row) => {
    const texts = columns.map((column) => {
      const { state = '', note } = resultOf(row, column) ?? {};
      if (state === 'skip' && note !== undefined) reasons.add(note);
      const word = words[state] ?? 'not run';
      sums.set(word, (sums.get(word) ?? 0) + 1);
      return word;
    });
    return [row, ...texts];
  });
  const widths = ['', ...columns].map((_, index) =>
    Math.max(...[['', ...columns], ...lines].map((line) => line[index]?.length ?? 0)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    line(['', ...columns]),
    ...lines.map(line),
    `${rows.length * columns.length} cells: ${[...sums].map(([word, count]) => `${count} ${word}`).join(', ')}`,
    ...[...reasons].map((reason) => `skipped: ${reason}`),
  ].join('\n');
}
