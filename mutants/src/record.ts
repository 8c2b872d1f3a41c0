/** What is known of the mutants of one seed. It is written after each, so that a run that was interrupted goes on where it was. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { idOf, MutantSchema, type Mutant } from './mutant.js';
import { ROOT } from './targets.js';
import type { Verdict } from './trial.js';

const RecordSchema = z.strictObject({
  /** Hash of all that is mutated: verdicts about other code mean nothing. */
  code: z.string(),
  verdicts: z.record(z.string(), z.strictObject({ ...MutantSchema.shape, verdict: z.enum(['killed', 'survived']) })),
});

export class Record {
  readonly #path: string;
  readonly #verdicts: z.infer<typeof RecordSchema>['verdicts'] = {};

  /** @param code hash of all that is mutated */
  constructor(
    seed: number,
    private readonly code: string,
  ) {
    const folder = join(ROOT, 'mutants', 'results');
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `seed_${seed}.json`);
    if (!existsSync(this.#path)) return;
    const known = RecordSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    if (known.code === code) Object.assign(this.#verdicts, known.verdicts);
  }

  has(mutant: Mutant): boolean {
    return this.#verdicts[idOf(mutant)] !== undefined;
  }

  add(mutant: Mutant, verdict: Verdict): void {
    this.#verdicts[idOf(mutant)] = { ...mutant, verdict };
    writeFileSync(`${this.#path}.tmp`, JSON.stringify({ code: this.code, verdicts: this.#verdicts }, null, 1));
    renameSync(`${this.#path}.tmp`, this.#path);
  }

  /** The number of mutants with a verdict. */
  get size(): number {
    return Object.keys(this.#verdicts).length;
  }

  /** Those that no test has found, by file and line. */
  survivors(): Mutant[] {
    const survivors = Object.values(this.#verdicts).filter(({ verdict }) => verdict === 'survived');
    return survivors.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
  }
}
