/** Where scenarios run. */

/** In a page or in one of its workers. */
export const contexts = ['page', 'worker', 'shared worker', 'service worker'] as const;

export type Context = (typeof contexts)[number];

/** Kinds of pages, by the headers they come with. `http:`, unless their name says otherwise. */
export const pageKinds = {
  plain: {},
  'strict policy': {
    // No unsafe-eval, no blob, and only strings that somebody vouched for.
    'content-security-policy':
      "default-src 'self'; connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*; require-trusted-types-for 'script'",
  },
  isolated: {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  },
  'by https:': {},
  'closed policy': { 'content-security-policy': "default-src 'self'" },
  // An origin that is nobody's, which has no storage, and to which even its own files are foreign.
  sandboxed: { 'content-security-policy': 'sandbox allow-scripts', 'access-control-allow-origin': '*' },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type PageKind = keyof typeof pageKinds;
