/** `npm run bench [-- --only size|codec|route|node|broker|memory|scale|browser] [--rounds N] [--write]` */

import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../support/built-package';
import { type Bench, markdown } from './report';

/** Loaded when asked for: the browser's needs Playwright, the others do not. */
const benches: Record<string, () => Promise<Bench>> = {
  size: async () => (await import('./size')).sizeBench,
  codec: async () => (await import('./codec-bench')).codecBench,
  route: async () => (await import('./route')).routeBench,
  node: async () => (await import('./node')).nodeBench,
  broker: async () => (await import('./broker')).brokerBench,
  memory: async () => (await import('./memory')).memoryBench,
  scale: async () => (await import('./scale')).scaleBench,
  browser: async () => (await import('./browser')).browserBench,
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});
const names = values.only?.flatMap((list) => list.split(',')) ?? Object.keys(benches);
const rounds = Number(values.rounds);
const unknown = names.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`usage: npm run bench -- [--only ${Object.keys(benches).join('|')}] [--rounds N] [--write]`);
  process.exit(2);
}

ensureBuilt();
const parts: string[] = [];
for (const name of names) {
  console.log(`${name} ...`);
  const bench = await benches[name]?.();
  for (const table of (await bench?.(rounds)) ?? []) {
    const text = markdown(table);
    console.log(`\n${text}`);
    parts.push(text);
  }
}

if (values.write || values.only === undefined) {
  const file = fileURLToPath(new URL('RESULTS.md', import.meta.url));
  const processors = cpus();
  writeFileSync(
    file,
    `# Results of \`npm run bench\`

Side by side in one run with the peers and the bare socket; the ratios count, not the times.

${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${processors.length} x ${processors[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}; ${rounds} rounds, interleaved.

${parts.join('\n')}`,
  );
  console.log(`written to ${file}`);
}
process.exit();
