/** The command line. */
import { parseArgs } from 'node:util';
import { integer } from 'service/env';
import { z } from 'zod';
import { PARTS, PartSchema, type Part } from './results.js';

const ClusterSchema = z
  .string()
  .regex(/^[2-7]-of-[2-7]$/, 'must be like 3-of-4, with at most 7 nodes')
  .transform((text) => ({ threshold: Number(text[0]), nodes: Number(text.at(-1)) }))
  .refine(({ threshold, nodes }) => threshold <= nodes, 'more signers than nodes');

const OptionsSchema = z.strictObject({
  quick: z.boolean().default(false),
  only: z.string().default(''),
  cluster: z.array(ClusterSchema).min(1).optional(),
  pool: integer(4, 5000).optional(),
  'in-flight': integer(1, 1000, 64),
  'small-primes': z.boolean().default(false),
  minutes: integer(1, 10_000, 10),
  runs: integer(1, 1000, 5),
});

export interface Options extends z.infer<typeof OptionsSchema> {
  readonly parts: Part[];
}

const CONFIG = {
  quick: { type: 'boolean' },
  only: { type: 'string' },
  cluster: { type: 'string', multiple: true },
  pool: { type: 'string' },
  'in-flight': { type: 'string' },
  'small-primes': { type: 'boolean' },
  minutes: { type: 'string' },
  runs: { type: 'string' },
} as const;

/** Called wrongly; the message says what to change. */
export class UsageError extends Error {}

/**
 * @param args names of parts, all of them when there is none, and options
 * @throws UsageError
 */
export function parseOptions(args: readonly string[]): Options {
  const { positionals, values } = parsed(args);
  const parts = z.array(PartSchema).safeParse(positionals);
  const options = OptionsSchema.safeParse(values);
  const complaints = [
    ...(parts.error?.issues ?? []).map(({ path, message }) => `${String(positionals[Number(path[0])])}: ${message}`),
    ...(options.error?.issues ?? []).map(({ path, message }) => `--${String(path[0])}: ${message}`),
  ];
  if (!parts.success || !options.success) throw new UsageError(complaints.join('\n'));
  return { parts: PARTS.filter((part) => parts.data.length === 0 || parts.data.includes(part)), ...options.data };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: CONFIG, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
