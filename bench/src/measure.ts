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

/** All in milliseconds. */
export interface Figures {
  readonly samples: number;
  readonly minimum: number;
  readonly median: number;
  /** The smallest sample that at least 95% do not exceed. */
  readonly p95: number;
  readonly mean: number;
  /** In the order in which they were taken. */
  readonly values: readonly number[];
}

/** @param values at least one */
export function figures(values: readonly number[]): Figures {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (k: number): number => sorted[k] ?? NaN;
  const half = sorted.length >> 1;
  return {
    samples: sorted.length,
    minimum: at(0),
    median: sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2,
    p95: at(Math.ceil(0.95 * sorted.length) - 1),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    values,
  };
}

/**
 * Runs an operation on this thread. What counts is the CPU time of the process, the garbage collector's included: it
 * depends less on what else the machine does.
 */
export function measure({ samples, per, warmUp, prepare }: Operation): Figures {
  if (warmUp) prepare()();
  const sample = (): number => {
    const run = prepare();
    const started = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000 / per;
  };
  return figures(Array.from({ length: samples }, sample));
}
