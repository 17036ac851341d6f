/** Filters as arguments give them, and as they are on the wire. */

/** A pattern as a filter on the wire: without the names of its wildcards. */
export function wireFilter(pattern: string): string {
  return pattern.replace(/(^|\/)([+#])[^/+#]+/g, '$1$2');
}

/** The filters of an argument, if they are any. */
export function filtersOf(argument: unknown): string[] {
  return [argument].flat().filter((filter) => typeof filter === 'string');
}
