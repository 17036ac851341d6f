import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import getPort from 'get-port';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { findMosquitto, howToGetMosquitto, requiresMosquitto, startMosquitto } from '../support/mosquitto';
import { waitFor } from '../support/wait-for';
import { matrixTable } from './matrix-table';

/** Whether somebody listens there. */
function listens(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ port, host });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** A port that is in use until the test ends. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

const free = () => getPort({ host: '127.0.0.1' });

describe('a started Mosquitto', () => {
  beforeEach(({ skip }) => {
    if (findMosquitto() === undefined && !requiresMosquitto()) skip(howToGetMosquitto);
  });

  test('listens on two ports of 127.0.0.1 and nowhere else, until it is closed', async () => {
    const { port, wsPort, close, log } = await startMosquitto();
    const directory = /Config loaded from (.*)\/mosquitto.conf/.exec(log)?.[1] ?? '';
    for (const one of [port, wsPort]) {
      expect(await listens(one)).toBe(true);
      expect(await listens(one, '127.0.0.2')).toBe(false);
      expect(await listens(one, '::1')).toBe(false);
    }
    expect(existsSync(directory)).toBe(true);
    await close();
    expect(await listens(port)).toBe(false);
    expect(await listens(wsPort)).toBe(false);
    expect(existsSync(directory)).toBe(false);
  });

  test('is started on other ports when somebody has taken the first', async () => {
    const tries: (readonly [number, number])[] = [
      [await takenPort(), await free()],
      [await free(), await takenPort()],
      [await free(), await free()],
    ];
    const { port, wsPort, close } = await startMosquitto({
      ports: async (attempt) => tries[attempt - 1] ?? [0, 0],
    });
    expect([port, wsPort]).toEqual(tries[2]);
    await close();
  });

  test('says what is wrong with its configuration', async () => {
    await expect(startMosquitto({ config: ['no_such_option 1'] })).rejects.toThrow(/no_such_option/);
  });

  test('ends with the process that started it, even when that is killed', async () => {
    const program = `
      import { startMosquitto } from ${JSON.stringify(new URL('../support/mosquitto.ts', import.meta.url).href)};
      const { port, log } = await startMosquitto({ awake: true });
      console.log(JSON.stringify({ port, log }));
    `;
    const options = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').once('data', resolve);
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    });
    const { port, log } = JSON.parse(line) as { port: number; log: string };
    const directory = /Config loaded from (.*)\/mosquitto.conf/.exec(log)?.[1] ?? '';
    expect(await listens(port)).toBe(true);
    child.kill('SIGKILL');
    await waitFor(async () => !(await listens(port)) && !existsSync(directory), { what: 'its end' });
  });
});

describe('Mosquitto', () => {
  test('is looked for where MOSQUITTO_PATH says', () => {
    expect(findMosquitto({ MOSQUITTO_PATH: process.execPath, PATH: '/usr/sbin' })).toBe(process.execPath);
    expect(() => findMosquitto({ MOSQUITTO_PATH: '/no/where' })).toThrow('/no/where');
  });

  test('is required by MQTIDE_REQUIRE_BROKERS alone', () => {
    expect(requiresMosquitto({})).toBe(false);
    expect(requiresMosquitto({ MQTIDE_REQUIRE_BROKERS: '' })).toBe(false);
    expect(requiresMosquitto({ MQTIDE_REQUIRE_BROKERS: ' mosquitto ' })).toBe(true);
    expect(() => requiresMosquitto({ MQTIDE_REQUIRE_BROKERS: 'mosquito' })).toThrow('mosquito,');
  });
});

test('the table of the matrix says what became of each cell, and why some were skipped', () => {
  const results: Record<string, { state?: string; note?: string }> = {
    'a/x': { state: 'pass' },
    'a/y': { state: 'fail' },
    'b/x': { state: 'skip', note: 'not here' },
  };
  expect(matrixTable(['a', 'b'], ['x', 'y'], (row, column) => results[`${row}/${column}`])).toBe(
    [
      '   x        y',
      'a  passed   FAILED',
      'b  skipped  not run',
      '4 cells: 1 passed, 1 FAILED, 1 skipped, 1 not run',
      'skipped: not here',
    ].join('\n'),
  );
});
