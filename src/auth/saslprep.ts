/**
 * SASLprep [RFC 4013], the profile of stringprep [RFC 3454] for user names and passwords: two ways to type the same
 * password give the same bytes.
 *
 * Covered are all four steps: mapping (2.1), NFKC (2.2), prohibited output (2.3) and bidirectional text (2.4). Three
 * differences are deliberate. Normalization is the engine's, of its own Unicode version, not that of Unicode 3.2.
 * And code points that Unicode 3.2 had not assigned (2.5) are let through, else no password could hold an emoji;
 * that is what the profile says of user names, and not what it says of passwords. Left-to-right characters other than
 * letters are let through within right-to-left text: their table is larger than the rest of this room.
 */

import { UsageError } from '../errors';

/** Non-ASCII spaces, each becomes a space [RFC 3454 C.1.2]. Comes first: U+200B is in B.1 too. */
const spaces = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;

/** Characters commonly mapped to nothing [RFC 3454 B.1]. */
const nothings = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;

/** Prohibited output by name [RFC 4013 2.3]; tables of RFC 3454. */
const prohibited: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a control character', /[\p{Cc}\u06DD\u070F\u180E\u2028\u2029\u2061-\u2063\u{1D173}-\u{1D17A}]/u], // C.2.1, C.2.2
  ['a private use character', /\p{Co}/u], // C.3
  ['a character code that is not a character', /\p{Noncharacter_Code_Point}/u], // C.4
  ['half of a surrogate pair', /\p{Cs}/u], // C.5
  ['a character that is not plain text', /[\uFFF9-\uFFFD]/], // C.6
  ['an ideographic description character', /[\u2FF0-\u2FFB]/], // C.7
  // C.8, without U+0340 and U+0341, which NFKC has replaced.
  ['a character that changes how text is displayed', /[\u200E\u200F\u202A-\u202E\u206A-\u206F]/],
  ['a tagging character', /[\u{E0001}\u{E0020}-\u{E007F}]/u], // C.9
];

/** Right-to-left characters [RFC 3454 D.1], without U+06DD and U+200F, which are prohibited above. */
const rightToLeft =
  /[\u05BE\u05C0\u05C3\u05D0-\u05EA\u05F0-\u05F4\u061B\u061F\u0621-\u063A\u0640-\u064A\u066D-\u066F\u0671-\u06D5\u06E5\u06E6\u06FA-\u06FE\u0700-\u070D\u0710\u0712-\u072C\u0780-\u07A5\u07B1\uFB1D\uFB1F-\uFB28\uFB2A-\uFB36\uFB38-\uFB3C\uFB3E\uFB40\uFB41\uFB43\uFB44\uFB46-\uFBB1\uFBD3-\uFD3D\uFD50-\uFD8F\uFD92-\uFDC7\uFDF0-\uFDFC\uFE70-\uFE74\uFE76-\uFEFC]/;

/** Letters; those that are not right-to-left stand for the 360 ranges of left-to-right characters [RFC 3454 D.2]. */
const letter = /[\p{Lu}\p{Ll}\p{Lt}\p{Lo}]/u;

/**
 * Prepares a user name or password.
 *
 * @param what names the argument in the error, e.g. `'password'`; the error never holds the text itself
 * @throws UsageError `'invalid-argument'` when nothing is left, or when it holds a prohibited character
 */
export function saslprep(text: string, what: string): string {
  const prepared = text.replace(spaces, ' ').replace(nothings, '').normalize('NFKC');
  if (prepared === '') throw new UsageError(`scram: the ${what} must not be empty`);
  for (const [name, pattern] of prohibited) {
    if (pattern.test(prepared))
      throw new UsageError(`scram: the ${what} must not hold ${name} [RFC 4013 2.3]`);
  }
  if (rightToLeft.test(prepared)) checkDirection([...prepared], what);
  return prepared;
}

/** Right-to-left text begins and ends so, and holds no left-to-right letter [RFC 3454 6]. */
function checkDirection(characters: readonly string[], what: string): void {
  const ends = [characters.at(0) ?? '', characters.at(-1) ?? ''];
  const mixed = characters.some((character) => letter.test(character) && !rightToLeft.test(character));
  if (!mixed && ends.every((character) => rightToLeft.test(character))) return;
  throw new UsageError(`scram: the ${what} must not mix right-to-left with other text [RFC 4013 2.4]`);
}
