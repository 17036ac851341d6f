/** Reads figures from messages, which anyone may have published: what is not a number is not shown. */

/**
 * The named members of a JSON object.
 *
 * @returns undefined unless the text is an object that has all of them as finite numbers
 */
export function readNumbers<Name extends string>(
  text: string,
  ...names: readonly Name[]
): Readonly<Record<Name, number>> | undefined {
  const value = parseObject(text);
  if (value === undefined) return undefined;
  const numbers: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const number = Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
    numbers[name] = number;
  }
  return isComplete(numbers, names) ? numbers : undefined;
}

/** A member of a JSON object, if it is a string. */
export function readString(text: string, name: string): string | undefined {
  const value = parseObject(text);
  const member = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof member === 'string' ? member : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isComplete<Name extends string>(
  numbers: Partial<Record<Name, number>>,
  names: readonly Name[],
): numbers is Record<Name, number> {
  return names.every((name) => numbers[name] !== undefined);
}
