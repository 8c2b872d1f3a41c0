import { parseArgs } from 'node:util';
import type { z } from 'zod';

/** The answer is no: not valid, not found, not reachable. Exit code 1. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** The command was called wrongly. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A program that answers one question. */
export interface Command<Options extends z.ZodObject> {
  readonly name: string;
  /** The text of `--help`, which is there without being among the options. */
  readonly help: string;
  /** One text value for each key; the key is the option's name without its dashes. */
  readonly options: Options;
  /** @returns what goes to stdout @throws Refusal, UsageError */
  readonly run: (options: z.output<Options>) => Promise<string>;
}

/** Runs `command` with the arguments of this process: answers to stdout, complaints to stderr, exit code 0 yes, 1 no, 2 called wrongly. */
export async function main<Options extends z.ZodObject>(command: Command<Options>): Promise<void> {
  try {
    const values = readArguments(command, process.argv.slice(2));
    process.stdout.write(values['help'] === true ? command.help : await command.run(parseOptions(command, values)));
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof UsageError)) throw error;
    const hint = error instanceof UsageError ? `Try '${command.name} --help'.\n` : '';
    process.stderr.write(`${error.message}\n${hint}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

function readArguments({ options }: Command<z.ZodObject>, args: string[]): Record<string, string | boolean | undefined> {
  const texts = Object.fromEntries(Object.keys(options.shape).map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args, options: { ...texts, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function parseOptions<Options extends z.ZodObject>({ options }: Command<Options>, values: Record<string, unknown>): z.output<Options> {
  const parsed = options.safeParse(values);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    return `--${name}: ${values[name] === undefined ? 'is required' : message}`;
  });
  throw new UsageError(complaints.join('\n'));
}
