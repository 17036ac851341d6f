/** The rules for every UTF-8 string in MQTT [v5 1.5.4, v3 1.5.3]. */

/** A UTF-8 string has a two-byte length [v5 1.5.4]. */
const maximumLength = 65_535;

/** A string of at most this many UTF-16 units fits, whatever it holds: none takes more than three bytes. */
export const alwaysFits = 21_845;

/**
 * Finds what forbids a string in MQTT.
 *
 * @returns the rule that it breaks, `'must not …'`, or undefined
 */
export function flawIn(text: string): string | undefined {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0) return 'must not contain the null character U+0000'; // [v5 MQTT-1.5.4-2]
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else {
      const next = text.charCodeAt(index + 1); // NaN at the end
      // [v5 MQTT-1.5.4-1]
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) {
        return 'must be well-formed: it contains half of a surrogate pair';
      }
      bytes += 4;
      index++;
    }
    if (bytes > maximumLength) return `must not be longer than ${maximumLength} bytes in UTF-8`; // [v5 MQTT-4.7.3-3]
  }
  return undefined;
}

/** A topic for a message: in quotes, and not too much of it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
