import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, type RunnerTestCase, test } from 'vitest';
import type { RunningBroker, TransportName } from '../../support/broker-kinds';
import { matrixBrokers } from './brokers';
import { type FeatureName, features } from './features';
import { type Outcome, type ResultRow, resultTable } from './results';

const transports: readonly TransportName[] = ['TCP', 'WebSocket'];
const versions = [
  ['MQTT 3.1', 3],
  ['MQTT 3.1.1', 4],
  ['MQTT 5.0', 5],
  ["'auto'", 'auto'],
] as const;

const columns = Object.keys(features) as FeatureName[];
const lines = matrixBrokers.flatMap((broker) =>
  transports.flatMap((transport) =>
    versions.map(([version, protocolVersion]) => {
      const expectedVersion = protocolVersion === 'auto' ? broker.autoVersion : protocolVersion;
      const name = `${broker.name}, ${transport}, ${version}`;
      return { name, broker, transport, protocolVersion, expectedVersion };
    }),
  ),
);

/** Tests by their names. */
const tests = new Map<string, Readonly<RunnerTestCase>>();

function cell(line: (typeof lines)[number], feature: FeatureName): ResultRow['cells'][number] {
  const state = tests.get(`${line.name}: ${feature}`)?.result?.state;
  const outcome: Outcome = state === 'pass' ? 'passed' : state === 'fail' ? 'FAILED' : 'not run';
  const gap = line.broker.gap(feature, line);
  return outcome === 'passed' && gap ? { reason: gap.reason } : outcome;
}

afterAll(() => {
  const rows = lines.map((line) => ({ name: line.name, cells: columns.map((name) => cell(line, name)) }));
  const table = resultTable(columns, rows);
  console.log(table);
  // A part of the matrix, by a filter or for want of a broker, is no result.
  if (rows.some(({ cells }) => cells.includes('not run'))) return;
  writeFileSync(
    new URL('../RESULTS.md', import.meta.url),
    `# Brokers\n\nWhat each broker takes, as \`npm run test:interop\` saw it, which writes this.\n\n${table}\n`,
  );
});

describe.each(matrixBrokers)('$name', (broker) => {
  let running: RunningBroker | undefined;
  beforeAll(async () => {
    if (broker.missing !== undefined) throw new Error(broker.missing);
    running = await broker.start();
  });
  afterAll(() => running?.close());

  for (const line of lines.filter((line) => line.broker === broker)) {
    for (const feature of columns) {
      test(`${line.name}: ${feature}`, async ({ task }) => {
        tests.set(task.name, task);
        const gap = broker.gap(feature, line);
        const port = running?.port(line.transport) ?? 0;
        await (gap?.shows ?? features[feature])({ ...line, port, path: broker.path });
      });
    }
  }
});
