import { afterAll, beforeEach, describe, type RunnerTestCase, test } from 'vitest';
import { brokerKinds } from '../support/broker-kinds';
import { useBroker } from '../support/use-broker';
import { cells } from './cells';
import { matrixTable } from './matrix-table';

const transports = ['TCP', 'WebSocket'] as const;
const versions = [
  { protocolVersion: 4, version: '3.1.1' },
  { protocolVersion: 5, version: '5.0' },
] as const;

/** Tests that ran, by their full names. */
const ran = new Map<string, Readonly<RunnerTestCase>>();

beforeEach(({ task }) => {
  ran.set(task.name, task);
});

const rows = brokerKinds.flatMap((kind) =>
  transports.flatMap((transport) =>
    versions.map(({ version }) => `${kind.name} over ${transport} in MQTT ${version}`),
  ),
);

afterAll(() => {
  console.log(matrixTable(rows, Object.keys(cells), (row, cell) => ran.get(`${row}: ${cell}`)?.result));
});

describe.each(brokerKinds)('$name', (kind) => {
  const broker = useBroker(kind);

  for (const transport of transports) {
    for (const { protocolVersion, version } of versions) {
      test.each(Object.entries(cells))(
        `${kind.name} over ${transport} in MQTT ${version}: %s`,
        async (_name, cell) => {
          await cell({ transport, port: broker().port(transport), protocolVersion });
        },
      );
    }
  }
});
