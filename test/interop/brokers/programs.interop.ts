import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../support/wait-for';

/** Whether somebody listens there. */
function listens(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host }, () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

test.each([
  ['NATS', '../../support/nats-server.ts', 'startNats'],
  ['a NATS cluster', '../../support/nats-cluster.ts', 'startNatsCluster'],
  ['RabbitMQ', '../../support/rabbitmq.ts', 'startRabbitMq'],
])(
  '%s listens on loopback alone, and ends with the process that started it, even when that is killed',
  async (_name, file, start) => {
    const directory = mkdtempSync(join(tmpdir(), 'mqtide-programs-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const program = `
      import { ${start} } from ${JSON.stringify(new URL(file, import.meta.url).href)};
      console.log(JSON.stringify((await ${start}()).ports));
    `;
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      // tsx keeps its cache in TMPDIR, too.
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: directory } },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').once('data', resolve);
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    });
    const ports = JSON.parse(line) as number[];
    const left = () => readdirSync(directory).filter((name) => name.startsWith('mqtide-broker-'));
    const open = async (host: string) => {
      const answers = await Promise.all(ports.map((port) => listens(port, host)));
      return ports.filter((_, index) => answers[index]);
    };
    expect(await open('127.0.0.1')).toEqual(ports);
    expect(await open('127.0.0.2')).toEqual([]);
    expect(left().length).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await waitFor(async () => (await open('127.0.0.1')).length === 0 && left().length === 0, {
      what: 'its end',
      timeout: 20_000,
    });
  },
  120_000,
);
