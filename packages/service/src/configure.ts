import type { z } from 'zod';
import { describeVariables, parseEnv } from './env.js';

/** Exit code of a program that was called wrongly or has a bad configuration. */
const MISUSE = 2;
const SETTINGS = 'Settings are environment variables; a default is in parentheses:';
const EXIT_CODES = '\nExit code: 0 stopped by a signal, 1 something went wrong, 2 called wrongly or a bad setting.\n';

export interface Configuration<Settings, T> {
  /** What the program is: a sentence for `--help`. */
  readonly about: string;
  /** The environment variables that it reads. */
  readonly schema: z.ZodObject & z.ZodType<Settings>;
  /** Reads the files that the settings name. @throws Error whose message says in one line what to change */
  readonly load: (settings: Settings) => T | Promise<T>;
}

/**
 * Reads the configuration of this process. The only argument is `--help`: it prints the environment variables and ends the process.
 * Any other argument, or a bad configuration, ends it with code 2 and one line on stderr.
 */
export async function configure<Settings, T>({ about, schema, load }: Configuration<Settings, T>): Promise<T> {
  readArguments(about, schema);
  try {
    return await load(parseEnv(schema, process.env));
  } catch (error) {
    process.stderr.write(`configuration: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(MISUSE);
  }
}

function readArguments(about: string, schema: z.ZodObject): void {
  const args = process.argv.slice(2);
  const [first] = args;
  if (first === undefined) return;
  if (!args.includes('--help') && !args.includes('-h')) {
    process.stderr.write(`${first}: there are no arguments, everything is read from the environment: --help\n`);
    process.exit(MISUSE);
  }
  process.stdout.write(`Usage: node main.js\n\n${about}\n\n${SETTINGS}\n${describeVariables(schema)}${EXIT_CODES}`);
  process.exit(0);
}
