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
  addEventListener?(type: string, listener: (event: PageEvent) => void, options?: object | true): void;
  removeEventListener?(type: string, listener: (event: PageEvent) => void, options: true): void;
  readonly document?: { readonly visibilityState: string };
  readonly navigator?: { readonly onLine?: boolean };
}

const page: Page = globalThis as unknown as Page;

const types = ['online', 'offline', 'visibilitychange', 'pageshow', 'pagehide', 'resume'];

/** Tells until the function that it returns is called. */
export function watchPage(tell: (news: PageNews) => void): () => void {
  const leave = () => tell('gone');
  const listener = ({ type, persisted }: PageEvent) => {
    if (type === 'offline') tell(type);
    else if (type === 'pagehide') {
      // A page in the back/forward cache may come back. The others may still say something: we leave last.
      if (!persisted) page.addEventListener?.(type, leave, { once: true });
    } else if (
      type === 'pageshow'
        ? persisted
        : page.document?.visibilityState !== 'hidden' || type !== 'visibilitychange'
    )
      tell('alive');
  };
  // Those of the document are caught on their way.
  for (const type of types) page.addEventListener?.(type, listener, true);
  return () => {
    for (const type of types) page.removeEventListener?.(type, listener, true);
  };
}

/** Whether the machine says that it has no network; only a server on the machine itself can be reached then. */
export function isOffline(): boolean {
  return page.navigator?.onLine === false;
}
