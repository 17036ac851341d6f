import { ensureBuilt } from '../support/built-package';

/** Browser tests run the built files. */
export default function setup(): void {
  ensureBuilt();
}
