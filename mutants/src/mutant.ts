import { createHash } from 'node:crypto';
import { z } from 'zod';

/** One change of one file. */
export const MutantSchema = z.strictObject({
  /** From the project's root. */
  file: z.string(),
  /** From 1. */
  line: z.int(),
  /** Where the replaced text begins and ends, in UTF-16 units from the start of the file. */
  start: z.int(),
  end: z.int(),
  before: z.string(),
  after: z.string(),
});
export type Mutant = z.infer<typeof MutantSchema>;

/** Names a mutant, whatever else changes in its file. */
export function idOf({ file, line, start, before, after }: Mutant): string {
  return createHash('sha256').update(JSON.stringify([file, line, start, before, after])).digest('hex').slice(0, 12);
}

/** The file's text with the change. @throws Error when the file is not what it was when the mutant was made */
export function applyTo(text: string, { file, start, end, before, after }: Mutant): string {
  if (text.slice(start, end) !== before) throw new Error(`${file} has changed since its mutants were made: begin again`);
  return text.slice(0, start) + after + text.slice(end);
}

/** Some of the mutants, chosen by the seed alone. A file that changes leaves the choice in other files as it is. */
export function sample(mutants: readonly Mutant[], seed: number, count: number): Mutant[] {
  const place = (mutant: Mutant): string => createHash('sha256').update(`${seed} ${idOf(mutant)}`).digest('hex');
  const placed = mutants.map((mutant) => ({ mutant, place: place(mutant) }));
  placed.sort((a, b) => (a.place < b.place ? -1 : 1));
  return placed.slice(0, count).map(({ mutant }) => mutant);
}
