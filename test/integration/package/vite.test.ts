import { expect, inject, test } from 'vitest';
import { namesIn, nodeGlobals } from '../../support/identifiers';
import { buildWithVite } from '../../support/vite-application';

test('a production build with Vite has no warning and no polyfill', async () => {
  const { code, warnings } = await buildWithVite(inject('consumer'));
  expect(warnings).toEqual([]);
  // The application and the package are in it, and nothing that stands in for a module of Node.
  expect(code).toContain('rooms/kitchen/greeting');
  expect(code).not.toContain('__vite-browser-external');
  expect(namesIn(code).filter((name) => nodeGlobals.includes(name))).toEqual([]);
});
