/** Options by table: what each may be, and what stands for it when it is left out. */

import { type Check, checkOptions } from '../check';

/** Rules by option: a check and, where there is one, a default. */
export type Rules<Name extends PropertyKey = string> = Readonly<
  Record<Name, readonly [check: Check<unknown>, fallback?: unknown]>
>;

/** What rules make of options. */
export type Resolved<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends readonly [Asks<infer Value>, infer Fallback]
    ? Exclude<Value, undefined> | Fallback
    : Table[Name] extends readonly [Asks<infer Value>]
      ? Value
      : never;
};

type Asks<Value> = (value: unknown, name: string) => Value;

/** Checks and completes options; what was given is not written to. @throws UsageError */
export function resolve<Table extends Rules>(given: unknown, name: string, rules: Table): Resolved<Table> {
  checkOptions(given, name, Object.keys(rules));
  const options = given as Readonly<Record<string, unknown>> | undefined;
  return Object.fromEntries(
    Object.entries(rules).map(([key, [check, fallback]]) => {
      const value = check(options?.[key], `${name}.${key}`);
      return [key, value === undefined ? fallback : value];
    }),
  ) as Resolved<Table>;
}
