/** What scenarios need beside their own runtime: brokers, a proxy, and somebody who obeys their orders. */

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import getPort from 'get-port';
import { startBroker } from '../../broker/broker';
import { startFaultProxy } from '../../support/fault-proxy';
import { type Here, type OrderName, orders } from './here';

/** All of it. */
export interface Peers {
  /** A place of its own for a scenario. */
  here(): Here;
  close(): Promise<void>;
}

/** Starts it. @param scheme what the scenarios connect by */
export async function startPeers(scheme: 'ws' | 'mqtt' = 'ws'): Promise<Peers> {
  const broker = await startBroker();
  const bare = await startBroker();
  bare.faults.always({ subprotocol: null });
  const deadPort = await getPort({ host: '127.0.0.1' });
  const proxy = await startFaultProxy(scheme === 'ws' ? broker.wsPort : broker.port);

  const obey: Record<OrderName, (argument: string) => unknown> = {
    cut() {
      proxy.refuse(true);
      proxy.reset();
    },
    heal: () => proxy.heal(),
    kill: (clientId) => broker.kill(clientId),
    text: (clientId) => broker.sendText(clientId, 'hello'),
    publish: (topic) => broker.publish(topic, 'from the test', { qos: 2 }),
    packets: (clientId) =>
      broker.log
        .filter((entry) => entry.direction === 'in' && entry.clientId === clientId)
        .map(({ packet }) => packet.type),
  };
  const control = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    // For isolated pages.
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    answer(request).then((answered) => response.end(JSON.stringify(answered)));
  });
  async function answer(request: IncomingMessage): Promise<{ value?: unknown; error?: string }> {
    try {
      const name = orders.find((known) => request.url === `/${known}`);
      if (name === undefined) throw new Error(`no such order: ${request.url}`);
      let argument = '';
      for await (const chunk of request.setEncoding('utf8')) argument += chunk;
      return { value: obey[name](argument) };
    } catch (error) {
      return { error: String(error) };
    }
  }
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));

  let places = 0;
  const address = (port: number) =>
    scheme === 'ws' ? `ws://127.0.0.1:${port}/mqtt` : `mqtt://127.0.0.1:${port}`;
  return {
    here() {
      places += 1;
      proxy.heal();
      return {
        brokerUrl: scheme === 'ws' ? broker.wsUrl : broker.url,
        proxyUrl: address(proxy.port),
        bareUrl: bare.wsUrl,
        deadUrl: address(deadPort),
        controlUrl: `http://127.0.0.1:${(control.address() as AddressInfo).port}`,
        name: `place-${process.pid}-${places}`,
      };
    },
    async close() {
      control.closeAllConnections();
      control.close();
      await proxy.close();
      await bare.close();
      await broker.close();
    },
  };
}
