import { describe, expectTypeOf, test } from 'vitest';
import type { ParamsOf } from '../../../src/topic/params';

/** `Text` sixteen times, separated by `/`. */
type Times4<Text extends string> = `${Text}/${Text}/${Text}/${Text}`;
/** 64 levels. */
type Levels64 = Times4<Times4<Times4<'a'>>>;

describe('the type of params', () => {
  test('has a string for each named wildcard', () => {
    expectTypeOf<ParamsOf<'sensor/+id/temperature'>>().toEqualTypeOf<{ id: string }>();
    expectTypeOf<ParamsOf<'+a/x/+b/#rest'>>().toEqualTypeOf<{ a: string; b: string; rest: string }>();
    expectTypeOf<ParamsOf<'#rest'>>().toEqualTypeOf<{ rest: string }>();
    expectTypeOf<ParamsOf<'/+id/'>>().toEqualTypeOf<{ id: string }>();
  });

  test('ignores the prefix of a shared subscription', () => {
    expectTypeOf<ParamsOf<'$share/group/+id/x'>>().toEqualTypeOf<{ id: string }>();
  });

  test('is empty without names', () => {
    expectTypeOf<keyof ParamsOf<'a/+/#'>>().toEqualTypeOf<never>();
    expectTypeOf<keyof ParamsOf<'a'>>().toEqualTypeOf<never>();
    expectTypeOf<keyof ParamsOf<''>>().toEqualTypeOf<never>();
  });

  test('knows nothing of a string that is no literal', () => {
    expectTypeOf<ParamsOf<string>>().toEqualTypeOf<Record<string, string>>();
    expectTypeOf<ParamsOf<`sensor/${string}`>>().toEqualTypeOf<Record<string, string>>();
    expectTypeOf<ParamsOf<`sensor/${string}/+id`>>().toEqualTypeOf<Record<string, string>>();
    expectTypeOf<ParamsOf<`+${string}/a`>>().toEqualTypeOf<Record<string, string>>();
  });

  test('is a union for several patterns', () => {
    expectTypeOf<ParamsOf<'a/+x' | 'b/+y/+z'>>().toEqualTypeOf<{ x: string } | { y: string; z: string }>();
  });

  test('is computed for more than sixty levels', () => {
    expectTypeOf<ParamsOf<`${Levels64}/+id/${Levels64}/#rest`>>().toEqualTypeOf<{
      id: string;
      rest: string;
    }>();
  });

  test('is inferred from the argument of a call', () => {
    const subscribe = <const Filter extends string>(filter: Filter | readonly Filter[]) =>
      filter as unknown as ParamsOf<Filter>;
    expectTypeOf(subscribe('a/+id')).toEqualTypeOf<{ id: string }>();
    expectTypeOf(subscribe(['a/+x', 'b/+y'])).toEqualTypeOf<{ x: string } | { y: string }>();
    expectTypeOf(subscribe('a/b' as string)).toEqualTypeOf<Record<string, string>>();
  });

  test('can be taken for params in general', () => {
    expectTypeOf<ParamsOf<'a/+id'>>().toExtend<Record<string, string>>();
    expectTypeOf<ParamsOf<'a'>>().toExtend<Record<string, string>>();
  });
});
