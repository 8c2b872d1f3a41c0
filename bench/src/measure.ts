/** What is timed, and the figures that come of it. */

export interface Operation {
  readonly name: string;
  readonly samples: number;
  /** How many of what is named one run does: a sample is the CPU time of a run divided by it. */
  readonly per: number;
  /** Runs once without being counted, so that the code is compiled; for what is so short that it matters. */
  readonly warmUp: boolean;
  /** Makes one run ready; only what it returns is timed. */
  readonly prepare: () => () => unknown;
}

/** Of one operation, all in the unit of its values. */
export interface Figures {
  readonly samples: number;
  readonly minimum: number;
  readonly median: number;
  /** The smallest sample that at least 95% do not exceed. */
  readonly p95: number;
  readonly mean: number;
  /** In the order in which they were taken. */
  readonly values: number[];
}

/** @param values at least one */
export function figures(values: readonly number[]): Figures {
  if (values.length === 0) throw new RangeError('figures of no samples');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (k: number): number => sorted[k] ?? NaN;
  const half = sorted.length >> 1;
  return {
    samples: sorted.length,
    minimum: at(0),
    median: sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2,
    p95: at(Math.ceil(0.95 * sorted.length) - 1),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    values: [...values],
  };
}

/** Takes one sample. */
export type Sampler = () => number | Promise<number>;

/**
 * Samples of an operation on this thread, in milliseconds. What counts is the CPU time of the process, the garbage
 * collector's included: it depends less on what else the machine does.
 */
export function cpuSampler({ per, warmUp, prepare }: Operation): Sampler {
  if (warmUp) prepare()();
  return () => {
    const run = prepare();
    const started = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000 / per;
  };
}

/** How many of `samples` are taken in round `round` of `rounds`, so that they are spread evenly over all of them. */
export function turns(samples: number, rounds: number, round: number): number {
  return Math.floor(((round + 1) * samples) / rounds) - Math.floor((round * samples) / rounds);
}

/** Takes the samples of several operations alternately: other work on the machine then disturbs all of them alike. */
export async function interleave(samplers: readonly { readonly samples: number; readonly sample: Sampler }[]): Promise<Figures[]> {
  const rounds = Math.max(...samplers.map(({ samples }) => samples));
  const values = samplers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [k, { samples, sample }] of samplers.entries()) {
      for (let turn = turns(samples, rounds, round); turn > 0; turn--) values[k]?.push(await sample());
    }
  }
  return values.map(figures);
}
