/**
 * A tab that shares its connection with a shared worker: it publishes what the worker is subscribed to, the worker what
 * it is. Its query string is the address of the broker.
 */

import { connectShared } from 'mqtide/shared';

const url = decodeURIComponent(location.search.slice(1));

async function run(): Promise<string> {
  const worker = new SharedWorker(new URL('./shared-worker.js', location.href), { type: 'module' });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onerror = () => reject(new Error('The worker did not start'));
    worker.port.onmessage = ({ data }) =>
      data === 'ready' ? resolve() : reject(new Error(`The worker failed: ${data}`));
  });
  worker.port.postMessage(url);
  await ready;
  const client = await connectShared(url);
  const echoed = new Promise<string>((resolve) => {
    void client
      .subscribe('to/tab', { qos: 2 }, (message) => resolve(message.text()))
      .then(() => client.publish('to/worker', 'hello', { qos: 2 }));
  });
  const text = await echoed;
  await client.close();
  return text;
}

run().then(
  (text) => {
    document.body.textContent = text;
  },
  (error: unknown) => {
    document.body.textContent = String(error);
  },
);
