/** Checks of arguments. Some callers have no compiler, so each public function checks its arguments before anything else. */
import { z } from 'zod';
import { InvalidArgument } from './errors.js';

/**
 * Checks an argument. Fields that the schema does not name are ignored.
 * @param name of the argument, to which the path of a wrong field is added. Empty for an object of options: only the field is named
 * @throws InvalidArgument naming the first field that is wrong, never its value
 */
export function checkArgument(name: string, schema: z.ZodType, value: unknown): void {
  const { error } = schema.safeParse(value);
  if (error === undefined) return;
  const [issue] = error.issues;
  const path = [name, ...(issue?.path ?? [])].filter((part) => part !== '').join('.');
  throw new InvalidArgument(path === '' ? 'options' : path, issue?.message ?? 'is invalid');
}

export const Bytes = z.instanceof(Uint8Array, { error: 'must be a Uint8Array' });
export const NonEmptyBytes = Bytes.refine(({ length }) => length > 0, 'must not be empty');
export const Bytes32 = Bytes.refine(({ length }) => length === 32, 'must be 32 bytes');
export const Text = z.string({ error: 'must be a string' });
export const NonEmptyText = Text.refine(({ length }) => length > 0, 'must not be empty');
export const Flag = z.boolean({ error: 'must be a boolean' });
export const Callback = z.custom((value) => typeof value === 'function', 'must be a function');
export const Integer = z.bigint({ error: 'must be a bigint' });
export const Natural = Integer.nonnegative('must not be negative');

/** An integer from `least` to `most`, both included. */
export function integerBetween(least: number, most: number): z.ZodType<number> {
  const error = `must be an integer from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** An object with at least these fields. */
export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape> {
  return z.object(shape, { error: 'must be an object' });
}

/** A list of at least `least` items. */
export function listOf(item: z.ZodType, least = 0): z.ZodType {
  const tooShort = least === 1 ? 'must not be empty' : `must have at least ${least} items`;
  return z.array(item, { error: 'must be an array' }).min(least, { error: tooShort });
}

/** An instance of one of this package's own classes. @param what the class with its article, for the error */
export function instanceOf<T>(constructor: abstract new (...args: never[]) => T, what: string): z.ZodType<T> {
  return z.custom<T>((value) => value instanceof constructor, `must be ${what}`);
}
