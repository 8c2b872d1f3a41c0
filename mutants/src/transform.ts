/** Jest's transform: as everywhere, by swc, except that the text of one file is that of the mutant in `MUTANT`. */
import { join } from 'node:path';
import swc from '@swc/jest';
import { applyTo, MutantSchema } from './mutant.js';
import { ROOT } from './targets.js';

const { MUTANT } = process.env;
const mutant = MUTANT === undefined ? null : MutantSchema.parse(JSON.parse(MUTANT));
const path = mutant === null ? null : join(ROOT, mutant.file);

type Transformer = ReturnType<typeof swc.createTransformer>;

/** @param options as in jest.config.js */
function createTransformer(options: Parameters<typeof swc.createTransformer>[0]): Transformer {
  const { process: now, processAsync: later, getCacheKey: key } = swc.createTransformer(options);
  if (now === undefined || later === undefined || key === undefined) throw new Error('@swc/jest has another interface than was expected');
  const changed = (text: string, file: string): string => (mutant !== null && file === path ? applyTo(text, mutant) : text);
  return {
    process: (text, file, rest) => now(changed(text, file), file, rest),
    processAsync: (text, file, rest) => later(changed(text, file), file, rest),
    getCacheKey: (text, file, rest) => key(changed(text, file), file, rest),
  };
}

export default { createTransformer };
