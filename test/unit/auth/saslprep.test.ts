import { describe, expect, test } from 'vitest';
import { saslprep } from '../../../src/auth/saslprep';
import { UsageError } from '../../../src/errors';

const prepare = (text: string) => saslprep(text, 'password');

describe('SASLprep', () => {
  test.each([
    ['I\u00ADX', 'IX', 'a soft hyphen is mapped to nothing'],
    ['user', 'user', 'no transformation'],
    ['USER', 'USER', 'case is kept'],
    ['\u00AA', 'a', 'NFKC of a feminine ordinal'],
    ['\u2168', 'IX', 'NFKC of a Roman numeral'],
  ])('example of RFC 4013 3: %j becomes %j (%3$s)', (text, prepared) => {
    expect(prepare(text)).toBe(prepared);
  });

  test.each([
    ['\u0007', 'a control character'],
    ['\u0627\u0031', 'right-to-left text that ends with a digit'],
  ])('example of RFC 4013 3: %j is refused (%s)', (text) => {
    expect(() => prepare(text)).toThrow(UsageError);
  });

  test('non-ASCII spaces become spaces, U+200B too', () => {
    expect(prepare('a\u00A0b\u1680c\u2000d\u200Be\u202Ff\u205Fg\u3000h')).toBe('a b c d e f g h');
  });

  test('characters that are commonly mapped to nothing disappear', () => {
    expect(prepare('a\u00AD\u034F\u1806\u180B\u180D\u200C\u200D\u2060\uFE00\uFE0F\uFEFFb')).toBe('ab');
  });

  test.each([
    ['C.2.1', '\u0000'],
    ['C.2.1', '\u007F'],
    ['C.2.2', '\u0080'],
    ['C.2.2', '\u2028'],
    ['C.2.2', '\u{1D173}'],
    ['C.3', '\uE000'],
    ['C.3', '\u{10FFFD}'],
    ['C.4', '\uFDD0'],
    ['C.4', '\u{1FFFE}'],
    ['C.5', '\uD800'],
    ['C.5', '\uDC00'],
    ['C.6', '\uFFFD'],
    ['C.7', '\u2FF0'],
    ['C.8', '\u202E'],
    ['C.8', '\u206A'],
    ['C.9', '\u{E0001}'],
    ['C.9', '\u{E007F}'],
  ])('a character of table %s of RFC 3454 is refused: %j', (_, character) => {
    expect(() => prepare(`a${character}b`)).toThrow(UsageError);
  });

  test('the characters of C.8 that NFKC replaces are let through, as the check is made on the result', () => {
    expect(prepare('a\u0340')).toBe('\u00E0');
  });

  test('right-to-left text is taken when it begins and ends so and holds no other letter', () => {
    expect(prepare('\u05D0\u05D1 1\u05D2')).toBe('\u05D0\u05D1 1\u05D2');
    expect(() => prepare('\u05D0a\u05D1')).toThrow(/right-to-left/);
    expect(() => prepare('1\u05D0')).toThrow(/right-to-left/);
    expect(() => prepare('\u05D0!')).toThrow(/right-to-left/);
  });

  test('an emoji, which Unicode 3.2 did not have, is let through', () => {
    expect(prepare('pass\u{1F511}word')).toBe('pass\u{1F511}word');
  });

  test('nothing, or what becomes nothing, is refused', () => {
    expect(() => prepare('')).toThrow(/must not be empty/);
    expect(() => prepare('\u00AD\uFEFF')).toThrow(/must not be empty/);
  });

  test('the error names the argument, never the text', () => {
    expect(() => saslprep('hidden\u0007', 'username')).toThrow(/^(?!.*hidden).*username/);
  });
});
