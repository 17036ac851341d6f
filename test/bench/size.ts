/** What users download: an application that connects, subscribes and publishes, bundled for the browser. */

import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from '../support/built-package';
import { type Bench, verdict } from './report';

const applications: Readonly<Record<string, string>> = {
  mqtide: `import { connect } from './dist/index.js';
    const client = await connect('wss://broker.example/mqtt');
    await client.subscribe('a/#', (message) => console.log(message.text()));
    await client.publish('a/b', 'hello', { qos: 1 });`,
  'u8-mqtt': `import mqtt from 'u8-mqtt';
    const client = mqtt().with_websock('wss://broker.example/mqtt').with_autoreconnect();
    await client.connect();
    client.subscribe_topic('a/*', (packet) => console.log(packet.utf8()));
    await client.send('a/b', 'hello');`,
  paho: `import Paho from 'paho-mqtt';
    const client = new Paho.Client('wss://broker.example/mqtt', 'id');
    client.onMessageArrived = (message) => console.log(message.payloadString);
    client.connect({ onSuccess() { client.subscribe('a/#'); client.send('a/b', 'hello', 1); } });`,
  'MQTT.js': `import mqtt from 'mqtt';
    const client = mqtt.connect('wss://broker.example/mqtt');
    client.on('message', (topic, payload) => console.log(payload.toString()));
    await client.subscribeAsync('a/#');
    await client.publishAsync('a/b', 'hello', { qos: 1 });`,
};

/** Bytes after brotli at its best. */
export function brotliSize(text: string): number {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;

/** The size bench. */
export const sizeBench: Bench = async () => {
  const rows: string[][] = [];
  const add = (name: string, text: string, goal?: number): void => {
    const brotli = brotliSize(text);
    rows.push([
      name,
      kilobytes(text.length),
      kilobytes(gzipSync(text, { level: 9 }).length),
      kilobytes(brotli),
      goal === undefined ? '' : kilobytes(goal),
      goal === undefined ? '' : verdict(brotli <= goal),
    ]);
  };
  for (const [name, contents] of Object.entries(applications))
    add(name, await bundle(contents), name === 'mqtide' ? 10_000 : undefined);
  add('mqtide.min.js', readFileSync(`${root}/dist/mqtide.min.js`, 'utf8'), 18_000);
  add('MQTT.js mqtt.min.js', readFileSync(`${root}/node_modules/mqtt/dist/mqtt.min.js`, 'utf8'));
  return [
    {
      title: 'Size',
      about:
        'An application with connect, subscribe and publish, bundled by esbuild for the browser, and the files for a script tag.',
      head: ['what', 'minified', 'gzip', 'brotli', 'goal', 'reached'],
      rows,
    },
  ];
};
