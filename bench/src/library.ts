/** Times operations of the library and, alternately, those of the Rust crate. */
import { cpuSampler, interleave } from './measure.js';
import { operations, type Compared, type LibraryPart } from './operations.js';
import type { Findings, Result } from './results.js';
import { cratesFor, CrateBench } from './rust.js';

async function compare(operation: Compared, quick: boolean): Promise<Result> {
  const { name, samples, rival, headline, bounds } = operation;
  const crates =
    rival === null
      ? []
      : cratesFor(rival.op).map((crate) => ({ crate, samples: quick ? 1 : rival.samples[crate], bench: new CrateBench(crate, rival.op) }));
  try {
    const theirs = crates.map(({ bench, samples }) => ({ samples, sample: () => bench.sample() }));
    const [ours, ...others] = await interleave([{ samples, sample: cpuSampler(operation) }, ...theirs]);
    if (ours === undefined) throw new Error('nothing was measured');
    const crate: Result['crate'] = {};
    for (const [k, { crate: name }] of crates.entries()) {
      const figures = others[k];
      if (figures !== undefined) crate[name] = figures;
    }
    return { name, unit: 'ms', clock: 'CPU', headline, ours, crate, bounds };
  } finally {
    await Promise.all(crates.map(({ bench }) => bench.stop()));
  }
}

/** @param only what has this text in its name @throws Error when nothing has */
export async function measureLibrary(part: LibraryPart, quick: boolean, only: string): Promise<Findings> {
  const results: Result[] = [];
  const chosen = operations(part, quick, only);
  for (const operation of chosen) {
    process.stderr.write(`${operation.name} …\n`);
    results.push(await compare(operation, quick));
  }
  const complete = chosen.every(({ rival }) => rival === null) || cratesFor('keygen').includes('GMP');
  const notes = complete
    ? []
    : ['The Rust crate with GMP was not there: `interop/build.sh bench` builds it, with cargo, m4, make and a C compiler.'];
  return { results, notes };
}
