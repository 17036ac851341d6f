/** Serves folders to the pages of browser tests. */

import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import sirv from 'sirv';

/** A running server. */
export interface StaticServer {
  /** Where it listens: `http://127.0.0.1:PORT` or `https://...`, without a slash at the end. */
  readonly url: string;
  /** Ends it, open connections included. */
  close(): Promise<void>;
}

/** Options of {@link serveFolders}. */
export interface ServeOptions {
  /** Headers of every answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Makes it `https:`. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

/** Asked again each time, but not forbidden to be kept: that would keep a page out of the back/forward cache. */
const setHeaders = (response: ServerResponse) => {
  response.setHeader('Cache-Control', 'no-cache');
};

/**
 * Serves files on a free port of the loopback address.
 *
 * @param folders path prefixes (`/`, `/dist`) and the folders below them
 */
export async function serveFolders(
  folders: Readonly<Record<string, string>>,
  { headers = {}, tls }: ServeOptions = {},
): Promise<StaticServer> {
  // The longest prefix first, so that `/` does not hide the others.
  const mounts = Object.entries(folders)
    .map(([prefix, folder]) => ({
      prefix: prefix.replace(/\/$/, ''),
      serve: sirv(folder, { dev: true, setHeaders }),
    }))
    .sort((a, b) => b.prefix.length - a.prefix.length);

  const listener: RequestListener = (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = request.url ?? '/';
    const mount = mounts.find(({ prefix }) => path.startsWith(`${prefix}/`));
    const notFound = () => {
      response.writeHead(404).end();
    };
    if (mount === undefined) return notFound();
    request.url = path.slice(mount.prefix.length);
    mount.serve(request, response, notFound);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
