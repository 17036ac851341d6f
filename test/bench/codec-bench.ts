/** The codec in Node and in Chromium. */

import { codecTable } from './codec';
import { openPages } from './pages';
import type { Bench, Table } from './report';

async function inChromium(rounds: number): Promise<Table[]> {
  const pages = await openPages();
  if (!pages) return [];
  try {
    const page = await pages.browser.newPage();
    page.on('pageerror', (error) => console.log(`  ${error}`));
    await page.goto(`${pages.server.url}/codec.html`);
    // It imports the built files first.
    await page.waitForFunction(() => 'codecTable' in globalThis);
    const table = await page.evaluate(
      (count) =>
        (globalThis as unknown as { codecTable: (where: string, rounds: number) => Table }).codecTable(
          'Chromium',
          count,
        ),
      rounds,
    );
    return [table];
  } finally {
    await pages.close();
  }
}

/** The codec's bench. */
export const codecBench: Bench = async (rounds) => [
  codecTable('Node', rounds),
  ...(await inChromium(rounds)),
];
