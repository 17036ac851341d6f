/** What a browser tells of a tab's life and of the network. Elsewhere nothing is told. */

/**
 * - `alive`: the page is seen, thawed or restored, or the network is back: the connection may have died unnoticed
 * - `offline`: the machine says that it has no network
 * - `gone`: the page goes for good
 */
export type PageNews = 'alive' | 'offline' | 'gone';

interface PageEvent {
  readonly type: string;
  readonly persisted?: boolean;
}

/** The part of `globalThis` that matters here; looked at when a client opens, never at import. */
interface Page {
  addEventListener?(type: string, listener: (event: PageEvent) => void, capture: boolean): void;
  removeEventListener?(type: string, listener: (event: PageEvent) => void, capture: boolean): void;
  readonly document?: Pick<EventTarget, 'addEventListener'> & {
    readonly visibilityState: string;
    /** Only in some browsers. */
    readonly prerendering?: boolean;
  };
  readonly navigator?: { readonly onLine?: boolean };
}

const page: Page = globalThis as unknown as Page;

const types = ['online', 'offline', 'visibilitychange', 'pageshow', 'pagehide', 'resume'];

/** Tells until the function that it returns is called. */
export function watchPage(tell: (news: PageNews) => void): () => void {
  let leaving = false;
  const listener = ({ type, persisted }: PageEvent) => {
    const isHidden = page.document?.visibilityState === 'hidden';
    // A page in the back/forward cache may come back.
    if (type === 'pagehide') leaving = !persisted;
    if (type === 'offline') tell(type);
    else if (type === 'pagehide' || (type === 'visibilitychange' && isHidden)) {
      // It is hidden after all listeners for `pagehide`: what they have to say is said [HTML, unload a document].
      if (leaving && isHidden) tell('gone');
    } else if (type !== 'pageshow' || persisted) tell('alive');
  };
  // Those of a document are caught on their way; Cloudflare's workers throw at a wish to.
  const capture = page.document !== undefined;
  const all = (verb: 'addEventListener' | 'removeEventListener') => {
    for (const type of types) page[verb]?.(type, listener, capture);
  };
  all('addEventListener');
  return () => all('removeEventListener');
}

/**
 * A promise that resolves when someone has come to a page that the browser has loaded ahead; undefined elsewhere. Until
 * then it grants no sockets and no locks, for as long as it takes: who waits for these would take them for refused.
 */
export function pageVisited(): Promise<unknown> | undefined {
  const { document } = page;
  return document?.prerendering
    ? new Promise((resolve) => document.addEventListener('prerenderingchange', resolve))
    : undefined;
}

/** Whether the machine says that it has no network; only a server on the machine itself can be reached then. */
export function isOffline(): boolean {
  return page.navigator?.onLine === false;
}
