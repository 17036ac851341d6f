/** The page's client, and the commands of the demo's server. */

import { type Client, createClient } from 'mqtide';

/** Short, so that a cut link is noticed while one watches; an application would take a minute. */
const keepAlive = 5;

/** The client, and the name of its link for {@link command}. */
export interface PageClient {
  readonly client: Client;
  readonly link: string;
}

/**
 * Makes a client for this page. Everything but the times is default: the session starts clean and is resumed
 * whenever the link comes back.
 */
export function createPageClient(): PageClient {
  const link = `page${Math.random().toString(36).slice(2, 12)}`;
  const url = new URL(`/mqtt?link=${link}`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = createClient(url, {
    clientId: link,
    keepAlive,
    connectTimeout: 5_000,
    reconnect: { initial: true, minDelay: 500, maxDelay: 4_000 },
  });
  return { client, link };
}

/** Subscribes now, and again whenever the client is opened after it was closed: closing ends what was subscribed to. */
export function keepSubscribed(client: Client, subscribe: () => void): void {
  let wasClosed = false;
  client.on('status', ({ type }) => {
    if (wasClosed && type !== 'closed') subscribe();
    wasClosed = type === 'closed';
  });
  subscribe();
}

/**
 * Asks the demo's server for something.
 *
 * @throws Error in the server's words when it refuses
 */
export async function command(path: string, query: Readonly<Record<string, string>> = {}): Promise<void> {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`, { method: 'POST' });
  if (!response.ok) throw new Error((await response.text()).trim());
}
