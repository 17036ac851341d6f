/** Runs in a page: the codec's bench. */

import { codecTable } from './codec';

Object.assign(globalThis, { codecTable });
