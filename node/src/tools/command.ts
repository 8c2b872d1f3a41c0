import { parseArgs } from 'node:util';
import { Refused } from 'sealing/errors';
import type { z } from 'zod';

/** The answer is no: not valid, not found, or not reachable. Exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}

/** The command was called wrongly. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** How a program is called. */
interface Call {
  readonly options: z.ZodObject;
  /** The option that is given without its name, such as a file. */
  readonly argument?: string;
  /** Options without a value: true when given. */
  readonly flags?: readonly string[];
  /** Options with any number of values, up to the next option. */
  readonly lists?: readonly string[];
  /** Environment variables, by the options whose defaults they are. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A program that answers one question. */
export interface Command<Options extends z.ZodObject> extends Call {
  readonly name: string;
  /** The text of `--help`. Every command has that option, so it is not among `options`. */
  readonly help: string;
  /** A key is the name of an option, without its dashes. Its value is one text, unless it is a flag or a list. */
  readonly options: Options;
  /** @returns the text for stdout @throws CommandFailure, UsageError */
  readonly run: (options: z.output<Options>) => Promise<string>;
}

/** Runs `command` with the arguments of this process. Answers go to stdout, complaints to stderr. Exit code: 0 yes, 1 no, 2 misuse. */
export async function main<Options extends z.ZodObject>(command: Command<Options>): Promise<void> {
  try {
    const values = readArguments(command, process.argv.slice(2));
    process.stdout.write(values['help'] === true ? command.help : await command.run(parseOptions(command, values)));
  } catch (error) {
    if (!(error instanceof CommandFailure || error instanceof Refused || error instanceof UsageError)) throw error;
    const hint = error instanceof UsageError ? `Try '${command.name} --help'.\n` : '';
    process.stderr.write(`${error.message}\n${hint}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

function readArguments({ options, argument, flags = [], lists = [], environment = {} }: Call, args: string[]): Record<string, unknown> {
  const names = Object.keys(options.shape).filter((name) => name !== argument);
  const typeOf = (name: string) => (flags.includes(name) ? 'boolean' : 'string');
  const types = names.map((name) => [name, { type: typeOf(name), multiple: lists.includes(name) }] as const);
  try {
    const { values, positionals } = parseArgs({
      args: spreadLists(args, lists),
      allowPositionals: argument !== undefined,
      options: { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } },
    });
    const [first, second] = positionals;
    if (second !== undefined) throw new UsageError(`${second}: there is one argument too many`);
    return { ...fromEnvironment(environment), ...values, ...(argument === undefined || first === undefined ? {} : { [argument]: first }) };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** `--cards a b` becomes `--cards=a --cards=b`. */
function spreadLists(args: readonly string[], lists: readonly string[]): string[] {
  let list: string | undefined;
  return args.flatMap((word) => {
    if (!word.startsWith('-')) return list === undefined ? word : `${list}=${word}`;
    list = lists.map((name) => `--${name}`).find((name) => name === word);
    return list === undefined ? word : [];
  });
}

function fromEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const set = Object.entries(environment).map(([option, variable]) => [option, process.env[variable] ?? ''] as const);
  return Object.fromEntries(set.filter(([, value]) => value !== ''));
}

function parseOptions<Options extends z.ZodObject>(
  { options, argument }: Call & { readonly options: Options },
  values: Record<string, unknown>,
): z.output<Options> {
  const parsed = options.safeParse(values);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ path, message, code }) => {
    const name = String(path[0]);
    const complaint = values[name] === undefined && code !== 'custom' ? 'is required' : message;
    return `${name === argument ? name.toUpperCase() : `--${name}`}: ${complaint}`;
  });
  // Two checks may say the same of one value.
  throw new UsageError([...new Set(complaints)].join('\n'));
}
