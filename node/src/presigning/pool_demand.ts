/** A use counts for about so long, ms: the rate is an average with weights that fall by e in this time. */
const MEMORY_MS = 60_000;
/** The weight of the newest in the average of how long a presignature takes. */
const NEWEST = 1 / 8;

export interface PoolBounds {
  /** Presignatures that the cluster keeps while nobody asks for signatures. */
  readonly target: number;
  /** The most it keeps; a node that holds so many takes part in making no more. */
  readonly max: number;
}

export interface PoolDemandSummary {
  readonly aim: number;
  readonly uses_per_second: number;
  readonly refill_ms: number;
}

/**
 * Learns how fast presignatures are used and how long one takes to be made, and so how many the cluster should hold: the target, against
 * bursts, and what is used until those that are asked for now are there. Every node sees every request, so whoever comes to lead knows it already.
 */
export class PoolDemand {
  #weight = 0;
  #at: number;
  #refillMs = 0;

  /** @param now milliseconds of a clock that never goes back */
  constructor(
    readonly bounds: PoolBounds,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#at = now();
  }

  /** A signature was asked for that this node signs. */
  used(): void {
    this.#weight = this.#decayed() + 1;
    this.#at = this.now();
  }

  /** A presignature is there, `ms` after this node began it. */
  made(ms: number): void {
    this.#refillMs = this.#refillMs === 0 ? ms : this.#refillMs + NEWEST * (ms - this.#refillMs);
  }

  get usesPerSecond(): number {
    return this.#decayed() / (MEMORY_MS / 1000);
  }

  /** How long a presignature takes, ms, from being asked for to being there; 0 when none was made yet. */
  get refillMs(): number {
    return this.#refillMs;
  }

  /** How many the cluster should hold, those in the making included. */
  get aim(): number {
    const { target, max } = this.bounds;
    return Math.min(max, target + Math.ceil((this.usesPerSecond * this.#refillMs) / 1000));
  }

  /** What an operator is told, rounded. */
  get summary(): PoolDemandSummary {
    return { aim: this.aim, uses_per_second: Number(this.usesPerSecond.toFixed(3)), refill_ms: Math.round(this.#refillMs) };
  }

  #decayed(): number {
    return this.#weight * Math.exp((this.#at - this.now()) / MEMORY_MS);
  }
}
