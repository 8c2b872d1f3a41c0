import type { Clock } from 'service/clock';

/**
 * The rate of use is an average whose weights fall by a factor of e in this time. Smaller: a short burst makes the pool grow and shrink.
 * Larger: the pool follows a new rate late.
 */
const MEMORY_MS = 60_000;
/**
 * Weight of the newest value in the average time that making a presignature takes. Smaller: the average follows slowly. Larger: one slow
 * making counts too much.
 */
const NEWEST_WEIGHT = 1 / 8;
/**
 * A making ends when a maker is silent for this many times the time that one takes, within these bounds. Smaller: a maker on a busy machine
 * is given up. Larger: one that says nothing holds up its batch for longer.
 */
const SILENCE_REFILLS = 4;
const [LEAST_SILENCE_MS, MOST_SILENCE_MS] = [10_000, 60_000];
/** The same, as long as nobody knows how long one takes. */
const FIRST_SILENCE_MS = 30_000;

export interface PoolBounds {
  /** Presignatures that the cluster keeps while nobody asks for signatures. */
  readonly target: number;
  /** The most it keeps; a node that holds this many takes part in making no more. */
  readonly max: number;
}

export interface PoolDemandSummary {
  readonly aim: number;
  readonly uses_per_second: number;
  readonly refill_ms: number;
}

/**
 * Learns how fast presignatures are used and how long making one takes. Both say how many the cluster should hold: the target, for bursts,
 * and those that are used before the ones that are being made are ready. Every node sees every request, so a new leader knows the rate
 * already.
 */
export class PoolDemand {
  #weight = 0;
  #at: number;
  #refillMs = 0;

  constructor(
    readonly bounds: PoolBounds,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#at = clock.monotonic();
  }

  /** This node signs one more request. */
  used(): void {
    this.#weight = this.#decayed() + 1;
    this.#at = this.clock.monotonic();
  }

  /** A presignature is ready, `ms` after this node began it. */
  made(ms: number): void {
    this.#refillMs = this.#refillMs === 0 ? ms : this.#refillMs + NEWEST_WEIGHT * (ms - this.#refillMs);
  }

  get usesPerSecond(): number {
    return this.#decayed() / (MEMORY_MS / 1000);
  }

  /** How long it takes from asking for a presignature until it is ready, in milliseconds; 0 when none has been made yet. */
  get refillMs(): number {
    return this.#refillMs;
  }

  /** A making ends when a maker is silent for this long, in milliseconds. */
  get silenceMs(): number {
    if (this.#refillMs === 0) return FIRST_SILENCE_MS;
    return Math.min(MOST_SILENCE_MS, Math.max(LEAST_SILENCE_MS, SILENCE_REFILLS * this.#refillMs));
  }

  /** How many the cluster should hold, including those being made. */
  get aim(): number {
    const { target, max } = this.bounds;
    return Math.min(max, target + Math.ceil((this.usesPerSecond * this.#refillMs) / 1000));
  }

  /** For the log and for operators, rounded. */
  get summary(): PoolDemandSummary {
    return { aim: this.aim, uses_per_second: Number(this.usesPerSecond.toFixed(3)), refill_ms: Math.round(this.#refillMs) };
  }

  #decayed(): number {
    return this.#weight * Math.exp((this.#at - this.clock.monotonic()) / MEMORY_MS);
  }
}
