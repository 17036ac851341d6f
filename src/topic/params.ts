/** The type of the params that a pattern yields. */

/** Name in one level of a pattern: `'id'` of `'+id'`; any string when the level is not known to the compiler. */
type NameIn<Level extends string> = string extends Level
  ? string
  : Level extends `+${infer Name}` | `#${infer Name}`
    ? Name extends ''
      ? never
      : Name
    : never;

/** Names of all levels; the accumulator makes it tail-recursive, so that long patterns compile. */
type NamesIn<Rest extends string, Names extends string> = Rest extends `${infer Level}/${infer Tail}`
  ? NamesIn<Tail, Names | NameIn<Level>>
  : Names | NameIn<Rest>;

/**
 * Params of a pattern: `ParamsOf<'sensor/+id/temperature'>` is `{ id: string }`. Of a union of patterns it is the
 * union, of a `string` that is no literal `Record<string, string>`.
 */
export type ParamsOf<Pattern extends string> = Pattern extends string
  ? { [Name in NamesIn<Pattern, never>]: string }
  : never;
