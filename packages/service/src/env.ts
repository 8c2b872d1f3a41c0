import { z } from 'zod';

/** A whole number in an environment variable. */
export function integer(min: number, max: number, defaultValue?: number): z.ZodType<number> {
  const range = `must be a whole number, ${min} to ${max}`;
  const digits = z.string().regex(/^\d{1,15}$/, range);
  const value = digits.transform(Number).refine((number) => number >= min && number <= max, range);
  return defaultValue === undefined ? value : value.default(defaultValue);
}

/**
 * Parses the environment. A variable that is set to nothing counts as not set.
 * @throws Error whose message is one line that names each wrong variable
 */
export function parseEnv<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error([...new Set(complaints)].join('; '));
}

/** Every variable with its description and its default. */
export function describeVariables(schema: z.ZodObject): string {
  const width = Math.max(...Object.keys(schema.shape).map((name) => name.length));
  const lines = Object.entries(schema.shape).map(([name, variable]) => {
    const defaultValue: unknown = z.safeParse(variable, undefined).data;
    const shown = typeof defaultValue === 'string' || typeof defaultValue === 'number' ? ` (${defaultValue})` : '';
    return `  ${name.padEnd(width)}  ${z.globalRegistry.get(variable)?.description ?? ''}${shown}\n`;
  });
  return lines.join('');
}
