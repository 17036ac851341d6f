/** What scenarios need outside the browser: their peers, and servers for each kind of page. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../support/built-package';
import { certificates } from '../../support/certificates';
import { bundlePages, distPath } from '../../support/page-bundle';
import { type StaticServer, serveFolders } from '../../support/static-server';
import { type PageKind, pageKinds } from './contexts';
import { type Peers, startPeers } from './peers';

/** All of it. */
export interface World extends Peers {
  /** Address of a page of a kind. */
  pageUrl(kind: PageKind): string;
}

/** Starts it. */
export async function startWorld(): Promise<World> {
  const peers = await startPeers();
  const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const pages = await bundlePages([fileOf('page.ts'), fileOf('worker.ts')], [fileOf('page.html')]);
  const servers = new Map<PageKind, StaticServer>();
  for (const [kind, headers] of Object.entries(pageKinds) as [PageKind, Record<string, string>][]) {
    const tls = kind === 'by https:' ? (await certificates()).server : undefined;
    const folders = { '/': pages.folder, [distPath]: join(root, 'dist') };
    servers.set(kind, await serveFolders(folders, { headers, tls }));
  }

  return {
    here: () => peers.here(),
    pageUrl: (kind) => `${servers.get(kind)?.url}/page.html`,
    async close() {
      for (const server of servers.values()) await server.close();
      await peers.close();
      pages.remove();
    },
  };
}
