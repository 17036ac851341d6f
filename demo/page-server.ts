/** Serves the page, carries its WebSocket connections to the broker, and takes its commands. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { PageFile } from './page-bundle';
import { isLoopback } from './ports';
import type { Tunnels } from './tunnel';

/** Path of the page's WebSocket; `link` in its query names the link, see `Tunnels`. */
export const webSocketPath = '/mqtt';

/** Does what a `POST` of the page asks for. @throws Error when the query makes no sense */
export type Command = (query: URLSearchParams) => void;

/** What a page server is made of. */
export interface PageServerOptions {
  readonly host: string;
  readonly port: number;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly tunnels: Tunnels;
  /** By path. */
  readonly commands: ReadonlyMap<string, Command>;
  /** What `GET /demo.json` answers. */
  readonly about: () => unknown;
}

/** A page server that listens. */
export interface PageServer {
  close(): Promise<void>;
}

/** Starts to listen. */
export async function servePage(options: PageServerOptions): Promise<PageServer> {
  const { files, tunnels, commands, about } = options;

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const host = hostOf(request);
    if (host === undefined) return send(response, 403, 'This host name does not lead here.\n');
    const url = urlOf(request);
    if (url === undefined) return send(response, 404, 'There is no such file.\n');

    if (request.method === 'POST') {
      const command = commands.get(url.pathname);
      if (command === undefined) return send(response, 404, 'There is no such command.\n');
      if (!isSameOrigin(request, host))
        return send(response, 403, 'Only the page itself may ask for this.\n');
      try {
        command(url.searchParams);
      } catch (error) {
        return send(response, 400, `${error instanceof Error ? error.message : error}\n`);
      }
      return send(response, 204);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return send(response, 405, 'Only GET and POST.\n');
    if (url.pathname === '/demo.json') {
      return send(response, 200, JSON.stringify(about()), 'application/json');
    }
    const file = files.get(url.pathname);
    if (file === undefined) return send(response, 404, 'There is no such file.\n');
    return send(response, 200, file.body, file.type);
  };

  /** Browsers send the host they were asked for; a name that is not ours is an attempt to rebind DNS. */
  const hostOf = (request: IncomingMessage): string | undefined => {
    const host = request.headers.host ?? '';
    if (!/^[\w.:[\]-]+$/.test(host)) return undefined;
    const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    return isLoopback(options.host) && !isLoopback(name) ? undefined : host;
  };

  const server = createServer(answer);
  server.on('upgrade', (request, socket, head) => {
    // Whoever is refused may not wait for the words.
    socket.on('error', () => {});
    const host = hostOf(request);
    const url = urlOf(request);
    if (
      host === undefined ||
      !(socket instanceof Socket) ||
      url?.pathname !== webSocketPath ||
      !isSameOrigin(request, host)
    ) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    tunnels.open(url.searchParams.get('link') ?? '', request, socket, head);
  });
  await listen(server, options.port, options.host);

  return {
    async close() {
      tunnels.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Path and query of a request; undefined for what is none, such as `//`. */
function urlOf({ url = '/' }: IncomingMessage): URL | undefined {
  try {
    return new URL(url, 'http://localhost');
  } catch {
    return undefined;
  }
}

/** Browsers name the origin of every WebSocket and every POST, and a page cannot change it. */
function isSameOrigin(request: IncomingMessage, host: string): boolean {
  return request.headers.origin === `http://${host}`;
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array = '',
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': [
      "default-src 'self'",
      // The page connects to whatever broker it is told to.
      "connect-src 'self' ws: wss:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "object-src 'none'",
      "require-trusted-types-for 'script'",
    ].join('; '),
  });
  response.end(body);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
