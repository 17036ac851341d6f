/** What the page remembers. A browser that allows it no storage makes it forgetful, and nothing else. */

/** Of this browser, or of this tab. */
type Where = 'localStorage' | 'sessionStorage';

/** What was remembered, if anything. */
export function recall(where: Where, key: string): string | undefined {
  try {
    return globalThis[where].getItem(key) ?? undefined;
  } catch {
    // Cookies are blocked: even a look at the storage throws.
    return undefined;
  }
}

/** Remembers, where that is allowed. */
export function remember(where: Where, key: string, value: string): void {
  try {
    globalThis[where].setItem(key, value);
  } catch {
    // As above, or it is full.
  }
}
