/** Code points that a string should not have, and that a receiver may refuse [v5 1.5.4, v3 1.5.3]. */

import { MalformedPacketError } from '../../src/errors';
import type { Settings } from './options';

/** Control characters and non-characters; U+0000 and surrogates never come out of the decoder. */
const disallowed = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/**
 * Refuses names that have one of them.
 *
 * @throws MalformedPacketError
 */
export function checkCodePoints({ disallowedCodePoints }: Settings, ...names: (string | undefined)[]): void {
  if (disallowedCodePoints === 'taken') return;
  for (const name of names) {
    if (name !== undefined && disallowed.test(name)) {
      throw new MalformedPacketError('A string has a control character or a non-character');
    }
  }
}
