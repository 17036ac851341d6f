/** Installs the built package once for all tests of this folder. */

import type { TestProject } from 'vitest/node';
import { ensureBuilt, installPackage } from '../../support/built-package';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder whose `node_modules` holds mqtide as it is published, and `ws`. */
    consumer: string;
  }
}

export default function setup(project: TestProject): () => void {
  ensureBuilt();
  const consumer = installPackage(['ws', '@types/node', 'undici-types']);
  project.provide('consumer', consumer.folder);
  return consumer.remove;
}
