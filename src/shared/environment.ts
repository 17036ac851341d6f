/** What `connectShared` needs of the tab that it runs in. */

import { UsageError } from '../errors';

/** A channel to the other tabs of the origin: the part of `BroadcastChannel` that is used here. */
export interface Channel {
  postMessage(data: unknown): void;
  close(): void;
}

/** One tab. */
export interface Environment {
  readonly locks: Pick<LockManager, 'request' | 'query'>;
  /** @param receive called with what others post there */
  openChannel(name: string, receive: (data: unknown) => void): Channel;
  /** Whether the tab is hidden now; a worker never is. */
  isHidden(): boolean;
  /** Calls back when `isHidden` changed. @returns ends that */
  onVisibility(listener: () => void): () => void;
  /** Calls back when the browser is about to stop the tab's clock. @returns ends that */
  onFreeze(listener: () => void): () => void;
  /** Calls back when the page is shown again after it was left: its locks are gone. @returns ends that */
  onRestore(listener: () => void): () => void;
  /** Calls back when the page is left for good. @returns ends that */
  onGone(listener: () => void): () => void;
}

/**
 * The page or worker that this runs in.
 * @throws UsageError where it has no Web Locks or no BroadcastChannel
 */
export function thisEnvironment(): Environment {
  const locks = globalThis.navigator?.locks;
  const { BroadcastChannel: Broadcast, document } = globalThis;
  if (!locks || !Broadcast) {
    throw unsupported(locks ? 'BroadcastChannel' : 'Web Locks (navigator.locks)');
  }
  const listen = (event: string, listener: () => void) => {
    document?.addEventListener(event, listener);
    return () => document?.removeEventListener(event, listener);
  };
  const onTurn = (event: 'pageshow' | 'pagehide', persisted: boolean, listener: () => void) => {
    const turned = (turn: Event) => {
      if ((turn as PageTransitionEvent).persisted === persisted) listener();
    };
    // Caught on its way: the client has something else to say to the server when the page goes.
    globalThis.addEventListener?.(event, turned, true);
    return () => globalThis.removeEventListener?.(event, turned, true);
  };
  return {
    locks,
    openChannel(name, receive) {
      const channel = new Broadcast(name);
      channel.onmessage = ({ data }) => receive(data);
      return channel;
    },
    isHidden: () => document?.visibilityState === 'hidden',
    onVisibility: (listener) => listen('visibilitychange', listener),
    onFreeze: (listener) => listen('freeze', listener),
    onRestore: (listener) => onTurn('pageshow', true, listener),
    onGone: (listener) => onTurn('pagehide', false, listener),
  };
}

/** What is wrong with a page that must not, or cannot, know of the others. */
export function unsupported(missing: string, cause?: unknown): UsageError {
  return new UsageError(
    `connectShared: there are no ${missing} here. Browsers have them on pages from https: or localhost that are in no sandboxed frame; elsewhere, and in Node, use connect()`,
    'unsupported',
    { cause },
  );
}
