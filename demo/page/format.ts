/** Numbers, times and names as people read them. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `1536` is `1.5 kB`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `7265` seconds are `2 h 1 min`: the two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/** Made once: to ask each time for what the reader's language wants takes longer than all else that a row needs. */
const clockFormat = new Intl.DateTimeFormat([], {
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
  hourCycle: 'h23',
});
const numberFormat = new Intl.NumberFormat('en');

/** Time of day, to the second. */
export function clock(time: Date): string {
  return clockFormat.format(time);
}

/** `12345` is `12,345`. */
export function grouped(count: number): string {
  return numberFormat.format(count);
}

/** Time of day, to the millisecond. */
export function preciseClock(time: Date): string {
  return `${clock(time)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** `receiveMaximum` is `Receive maximum`. */
export function words(camelCase: string): string {
  const spaced = camelCase
    .replace(/qos/i, ' qos')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .trim()
    .toLowerCase();
  return (spaced.charAt(0).toUpperCase() + spaced.slice(1)).replace(/qos/i, 'QoS');
}

/** `0x87`. */
export function hexCode(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}

/** An error for people: what kind it is, and its own words. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return `${error.name}${code}: ${error.message}`;
}

/** Any value of a limit, counter or property, in one line. */
export function plain(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return grouped(value);
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return JSON.stringify(value) ?? String(value);
}
