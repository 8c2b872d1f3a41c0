/** Results as they are kept in bench/results/, one file for each part of a run. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { figures } from './measure.js';
import { MachineSchema, type Machine } from './machine.js';

const FOLDER = join(import.meta.dirname, '../results');

/** What is measured, in the order of the tables. */
export const PARTS = ['library', 'parties', 'primes', 'first-signature', 'end-to-end', 'envelopes', 'sustained'] as const;
export const PartSchema = z.enum(PARTS, `must be one of ${PARTS.join(', ')}`);
export type Part = z.infer<typeof PartSchema>;

/** The Rust crate: its big integers by GMP, the same with its precomputed tables, or by num-bigint. */
export const CRATES = ['GMP', 'GMP, tables', 'num-bigint'] as const;
const CrateSchema = z.enum(CRATES);
export type Crate = z.infer<typeof CrateSchema>;

const FiguresSchema = z.strictObject({
  samples: z.int().min(1),
  minimum: z.number(),
  median: z.number(),
  p95: z.number(),
  mean: z.number(),
  values: z.array(z.number()).min(1),
});

const FigureSchema = z.enum(['median', 'p95', 'mean']);

const BoundSchema = z.strictObject({
  figure: FigureSchema,
  /** A ratio of ours to the crate's; else our figure itself. */
  against: CrateSchema.optional(),
  side: z.enum(['at most', 'at least']),
  limit: z.number(),
});
export type Bound = z.infer<typeof BoundSchema>;

const ResultSchema = z.strictObject({
  name: z.string().min(1),
  unit: z.enum(['ms', '/s', 'MiB', 'MiB/min', '']),
  /** CPU time, wall-clock time, or neither. */
  clock: z.enum(['CPU', 'wall', '']),
  /** The figure that the table in bench/RESULTS.md shows, if it has this operation. */
  headline: FigureSchema.nullable(),
  ours: FiguresSchema,
  crate: z.partialRecord(CrateSchema, FiguresSchema),
  bounds: z.array(BoundSchema),
});
export type Result = z.infer<typeof ResultSchema>;

/** Of our own alone. @param values at least one */
export function result(
  name: string,
  unit: Result['unit'],
  clock: Result['clock'],
  values: readonly number[],
  more: Partial<Pick<Result, 'headline' | 'bounds'>> = {},
): Result {
  return { name, unit, clock, headline: null, bounds: [], ...more, ours: figures(values), crate: {} };
}

const SeriesSchema = z.strictObject({ name: z.string(), unit: z.string(), every_s: z.number(), values: z.array(z.number()) });
export type Series = z.infer<typeof SeriesSchema>;

const ResultFileSchema = z.strictObject({
  date: z.iso.datetime(),
  part: PartSchema,
  /** Small primes, few samples or only some operations: not for bench/RESULTS.md. */
  quick: z.boolean(),
  machine: MachineSchema,
  /** What a reader of the figures has to know. */
  notes: z.array(z.string()),
  results: z.array(ResultSchema),
  /** How something went over time. */
  series: z.array(SeriesSchema),
});
export type ResultFile = z.infer<typeof ResultFileSchema>;

/** What a part found out. */
export interface Findings {
  readonly results: Result[];
  readonly notes?: string[];
  readonly series?: Series[];
}

/** Keeps it as `<part>_<time>.json`. @returns the file and what it holds */
export function keepResults(
  part: Part,
  quick: boolean,
  machine: Machine,
  { results, notes = [], series = [] }: Findings,
): { path: string; file: ResultFile } {
  const file: ResultFile = { date: new Date().toISOString(), part, quick, machine, notes, results, series };
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, `${part}_${file.date.slice(0, 19).replaceAll(':', '-')}.json`);
  writeFileSync(path, `${JSON.stringify(file, null, 1)}\n`);
  return { path, file };
}

/** @throws Error that names the file and what is wrong with it */
export function loadResults(path: string): ResultFile {
  try {
    return ResultFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`${path} is no result of this benchmark: ${what}`, { cause: error });
  }
}

/** The newest file of each part that is not a quick one's. */
export function newestFiles(folder = FOLDER): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json')).sort().reverse();
  return PARTS.flatMap((part) => {
    const newest = names
      .filter((name) => name.startsWith(`${part}_`))
      .map((name) => join(folder, name))
      .find((path) => !loadResults(path).quick);
    return newest === undefined ? [] : [newest];
  });
}
