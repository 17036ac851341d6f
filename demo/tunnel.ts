/**
 * The page's way to the broker: WebSocket connections that arrive at the page's own port and are carried on as
 * bytes. Each can be cut for a while, so that the client's recovery can be watched:
 *
 *   silence   bytes are held, both ways, and nobody is told: what a dead radio link looks like
 *   reset     the connection is torn down and new ones are refused: what a crashed server looks like
 *
 * Connections with the same link name are cut and mended together.
 */

import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';

/** How a link is cut, see the head of this file. */
export type CutMode = 'silence' | 'reset';

/** Bytes that a cut keeps of one connection; with more, the connection is lost. */
const heldLimit = 16 * 1024 * 1024;

/** Where the tunnels lead. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
  /** Path of the broker's WebSocket endpoint. */
  readonly path: string;
}

/** A cut that is going on. */
interface Cut {
  readonly mode: CutMode;
  readonly timer: NodeJS.Timeout;
}

/** All tunnels to one broker. */
export class Tunnels {
  readonly #target: TunnelTarget;
  /** Open tunnels by link, in the order in which they were opened. */
  readonly #tunnels = new Map<string, Set<Tunnel>>();
  /** Cuts by link. */
  readonly #cuts = new Map<string, Cut>();

  constructor(target: TunnelTarget) {
    this.#target = target;
  }

  /**
   * Carries a WebSocket handshake, and all that follows it, to the broker.
   *
   * @param head what was read behind the handshake
   */
  open(link: string, request: IncomingMessage, client: Socket, head: Buffer): void {
    const cut = this.#cuts.get(link);
    if (cut?.mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const tunnels = this.#tunnels.get(link) ?? new Set();
    this.#tunnels.set(link, tunnels);
    const tunnel = new Tunnel(client, this.#target, [handshake(request, this.#target), head], () => {
      tunnels.delete(tunnel);
      if (tunnels.size === 0 && this.#tunnels.get(link) === tunnels) this.#tunnels.delete(link);
    });
    tunnels.add(tunnel);
    if (cut === undefined) tunnel.release();
  }

  /** Cuts a link; another cut of the same link replaces the first. */
  cut(link: string, milliseconds: number, mode: CutMode): void {
    clearTimeout(this.#cuts.get(link)?.timer);
    this.#cuts.set(link, { mode, timer: setTimeout(() => this.mend(link), milliseconds) });
    for (const tunnel of this.#tunnels.get(link) ?? []) {
      if (mode === 'reset') tunnel.reset();
      else tunnel.hold();
    }
  }

  /** Ends a cut: of what was held, only the newest connection goes on, as a client uses one at a time. */
  mend(link: string): void {
    const cut = this.#cuts.get(link);
    if (cut === undefined) return;
    clearTimeout(cut.timer);
    this.#cuts.delete(link);
    const tunnels = [...(this.#tunnels.get(link) ?? [])];
    const newest = tunnels.pop();
    for (const tunnel of tunnels) tunnel.reset();
    newest?.release();
  }

  /** Drops everything. */
  close(): void {
    for (const { timer } of this.#cuts.values()) clearTimeout(timer);
    this.#cuts.clear();
    for (const tunnels of [...this.#tunnels.values()]) for (const tunnel of [...tunnels]) tunnel.reset();
  }
}

/** The handshake as the broker is to see it: its own path, everything else as it came. */
function handshake(request: IncomingMessage, target: TunnelTarget): Buffer {
  let text = `GET ${target.path} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    text += `${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** One connection through the tunnel; it begins on hold. */
class Tunnel {
  readonly #client: Socket;
  readonly #target: TunnelTarget;
  readonly #onEnd: () => void;
  /** Made at the first release, so that the broker sees nothing of an attempt during a cut. */
  #server: Socket | undefined;
  #state: 'held' | 'open' | 'ended' = 'held';
  /** While held: what came from the client, and from the server. */
  #toServer: Buffer[];
  #toClient: Buffer[] = [];
  #heldBytes = 0;
  /** While held: one side has gone, or bytes were lost, which nobody must learn before the release. */
  #broken = false;

  constructor(client: Socket, target: TunnelTarget, firstBytes: Buffer[], onEnd: () => void) {
    this.#client = client;
    this.#target = target;
    this.#toServer = firstBytes;
    this.#onEnd = onEnd;
    client.setNoDelay(true);
    client.on('data', (chunk) => this.#carry(chunk, this.#toServer, client, this.#server));
    this.#watch(client);
  }

  /** Stops carrying, and keeps what arrives. */
  hold(): void {
    if (this.#state === 'open') this.#state = 'held';
  }

  /** Carries what was kept, and goes on; ends instead when one side has gone meanwhile. */
  release(): void {
    if (this.#state !== 'held') return;
    if (this.#broken) {
      this.reset();
      return;
    }
    this.#state = 'open';
    this.#heldBytes = 0;
    const server = this.#server ?? this.#connect();
    for (const chunk of this.#toServer.splice(0)) server.write(chunk);
    for (const chunk of this.#toClient.splice(0)) this.#client.write(chunk);
  }

  /** Tears both sides down, without an orderly end. */
  reset(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#onEnd();
  }

  #connect(): Socket {
    const server = connect(this.#target.port, this.#target.host);
    server.setNoDelay(true);
    server.on('data', (chunk) => this.#carry(chunk, this.#toClient, server, this.#client));
    this.#watch(server);
    this.#server = server;
    return server;
  }

  #carry(chunk: Buffer, kept: Buffer[], from: Socket, to: Socket | undefined): void {
    if (this.#state === 'held') this.#keep(chunk, kept);
    else if (to?.write(chunk) === false) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }

  #keep(chunk: Buffer, kept: Buffer[]): void {
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > heldLimit) this.#broken = true;
    if (!this.#broken) kept.push(chunk);
  }

  #watch(socket: Socket): void {
    const gone = () => {
      if (this.#state === 'held') this.#broken = true;
      else if (this.#state === 'open') this.#end();
    };
    socket.on('end', gone);
    socket.on('close', gone);
    socket.on('error', gone);
  }

  /** One side has ended: what is on its way still arrives, then the other side ends too. */
  #end(): void {
    this.#state = 'ended';
    this.#client.destroySoon();
    this.#server?.destroySoon();
    this.#onEnd();
  }
}
