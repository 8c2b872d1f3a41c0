import { z } from 'zod';

/** A whole number in an environment variable. */
export function integer(min: number, max: number, preset?: number): z.ZodType<number> {
  const range = `must be a whole number, ${min} to ${max}`;
  const digits = z.string().regex(/^\d{1,15}$/, range);
  const value = digits.transform(Number).refine((number) => number >= min && number <= max, range);
  return preset === undefined ? value : value.default(preset);
}

/**
 * Parses the environment; a variable that is set to nothing counts as not set.
 * @throws Error whose message names each wrong variable
 */
export function parseEnv<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
}

/** Every variable: what it is for, and its preset. */
export function describeVariables(schema: z.ZodObject): string {
  const width = Math.max(...Object.keys(schema.shape).map((name) => name.length));
  const lines = Object.entries(schema.shape).map(([name, variable]) => {
    const preset: unknown = z.safeParse(variable, undefined).data;
    const shown = typeof preset === 'string' || typeof preset === 'number' ? ` (${preset})` : '';
    return `  ${name.padEnd(width)}  ${z.globalRegistry.get(variable)?.description ?? ''}${shown}\n`;
  });
  return lines.join('');
}

/**
 * A service takes no arguments: `--help` prints what it is and what it reads from the environment, and ends the process; anything else
 * ends it with code 2.
 * @param about a sentence
 */
export function refuseArguments(about: string, schema: z.ZodObject): void {
  const args = process.argv.slice(2);
  const [first] = args;
  if (first === undefined) return;
  if (!args.includes('--help') && !args.includes('-h')) {
    process.stderr.write(`${first}: there are no arguments, everything is read from the environment: --help\n`);
    process.exit(2);
  }
  process.stdout.write(`${about}\n\nUsage: node main.js        everything is read from the environment:\n${describeVariables(schema)}`);
  process.exit(0);
}

/** As {@link parseEnv}; says on stderr what is wrong and ends the process with code 1. */
export function configure<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  try {
    return parseEnv(schema, env);
  } catch (error) {
    return refuse(error);
  }
}

/** What has to be read before a service can start, or the end of the process, as in {@link configure}. */
export async function loaded<T>(loading: Promise<T>): Promise<T> {
  return loading.catch(refuse);
}

function refuse(error: unknown): never {
  process.stderr.write(`configuration: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
