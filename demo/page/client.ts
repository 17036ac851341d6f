/** The page's client, and the commands of the demo's server. */

import { type Client, type ClientOptions, createClient } from 'mqtide';
import { type Choice, optionsFor, recallChoice } from './connect-choice';

/** Short, so that a cut link is noticed while one watches; an application would take a minute. */
const keepAlive = 5;

/** The client, and the name of its link for {@link command}. */
export interface PageClient {
  readonly client: Client;
  readonly link: string;
  /** What was chosen in the form. */
  readonly choice: Choice;
  /** Why the client could not be made as it was chosen, and is as ever instead. */
  readonly mistake: unknown;
  /** Whether another server than the demo's own was chosen. */
  readonly isElsewhere: boolean;
}

/**
 * Makes a client for this page. Unless it was told otherwise, everything but the times is default: the session starts
 * clean and is resumed whenever the link comes back.
 */
export function createPageClient(): PageClient {
  const choice = recallChoice();
  const link = `page${Math.random().toString(36).slice(2, 12)}`;
  const own = new URL(`/mqtt?link=${link}`, location.href);
  own.protocol = own.protocol.replace('http', 'ws');
  const options: ClientOptions = {
    clientId: link,
    keepAlive,
    connectTimeout: 5_000,
    reconnect: { initial: true, minDelay: 500, maxDelay: 4_000 },
  };
  const isElsewhere = choice.server !== '';
  try {
    const client = createClient(isElsewhere ? choice.server : own, { ...options, ...optionsFor(choice) });
    return { client, link, choice, isElsewhere, mistake: undefined };
  } catch (mistake) {
    return { client: createClient(own, options), link, choice, isElsewhere: false, mistake };
  }
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
  const response = await fetch(`${path}?${new URLSearchParams(query)}`, { method: 'POST' }).catch(
    (cause: unknown) => {
      throw new Error("The demo's server does not answer: is it still running?", { cause });
    },
  );
  if (!response.ok) throw new Error((await response.text()).trim());
}
