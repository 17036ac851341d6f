/** What scenarios need outside the browser: brokers, a proxy, servers for each kind of page, and somebody who obeys. */

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';
import { startBroker } from '../../broker/broker';
import { root } from '../../support/built-package';
import { certificates } from '../../support/certificates';
import { startFaultProxy } from '../../support/fault-proxy';
import { bundlePages, distPath } from '../../support/page-bundle';
import { type StaticServer, serveFolders } from '../../support/static-server';
import { type PageKind, pageKinds } from './contexts';
import { type Here, type OrderName, orders } from './here';

/** All of it. */
export interface World {
  /** Address of a page of a kind. */
  pageUrl(kind: PageKind): string;
  /** A place of its own for a scenario. */
  here(): Here;
  close(): Promise<void>;
}

/** Starts it. */
export async function startWorld(): Promise<World> {
  const broker = await startBroker();
  const bare = await startBroker();
  bare.faults.always({ subprotocol: null });
  const deadPort = await getPort({ host: '127.0.0.1' });
  const proxy = await startFaultProxy(broker.wsPort);
  const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const pages = await bundlePages([fileOf('page.ts'), fileOf('worker.ts')], [fileOf('page.html')]);
  const servers = new Map<PageKind, StaticServer>();
  for (const [kind, headers] of Object.entries(pageKinds) as [PageKind, Record<string, string>][]) {
    const tls = kind === 'by https:' ? (await certificates()).server : undefined;
    const folders = { '/': pages.folder, [distPath]: join(root, 'dist') };
    servers.set(kind, await serveFolders(folders, { headers, tls }));
  }

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
  return {
    pageUrl: (kind) => `${servers.get(kind)?.url}/page.html`,
    here() {
      places += 1;
      proxy.heal();
      return {
        brokerUrl: broker.wsUrl,
        proxyUrl: `ws://127.0.0.1:${proxy.port}/mqtt`,
        bareUrl: bare.wsUrl,
        deadUrl: `ws://127.0.0.1:${deadPort}/mqtt`,
        controlUrl: `http://127.0.0.1:${(control.address() as AddressInfo).port}`,
        name: `place-${process.pid}-${places}`,
      };
    },
    async close() {
      control.closeAllConnections();
      control.close();
      for (const server of servers.values()) await server.close();
      await proxy.close();
      await bare.close();
      await broker.close();
      pages.remove();
    },
  };
}
