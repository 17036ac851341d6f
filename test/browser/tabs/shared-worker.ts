/** A shared worker on the connection of the tabs: it sends back what it gets. */

import { connectShared } from 'mqtide/shared';

declare const self: { onconnect: ((event: MessageEvent) => void) | null };

self.onconnect = ({ ports: [port] }) => {
  if (!port) return;
  port.onmessage = ({ data: url }: MessageEvent<string>) => {
    echo(url).then(
      () => port.postMessage('ready'),
      (error: unknown) => port.postMessage(String(error)),
    );
  };
};

async function echo(url: string): Promise<void> {
  const client = await connectShared(url);
  await client.subscribe('to/worker', { qos: 2 }, (message) => {
    void client.publish('to/tab', `${message.text()} from the worker`, { qos: 2 });
  });
}
