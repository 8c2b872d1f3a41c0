import type { Blame, IncomingMessage, OutgoingMessage, Signature } from 'cggmp24';
import { ProtocolAborted, type Job, type JobEvents, type JobResult, type PresignatureRunner, type RunningJob } from 'node/parts';
import type { Clock, Timer } from 'service/clock';
import type { Random } from './random.js';
import { newSignature, type PresignatureHalf } from './stand_ins/cggmp24.js';

/** Each round is a message to all, and everybody waits for those of all others. The real protocols have three to five. */
const ROUNDS = 2;

/** What a member does wrong in protocols, so that its messages prove it. */
export type Cheat = 'none' | 'wrong_message' | 'wrong_half';

export interface ArithmeticDeps {
  /** Own party index. */
  readonly index: number;
  readonly clock: Clock;
  readonly random: Random;
  /** A node computes for at most this long before a message, and before the result; at least half as long. */
  readonly stepMs: number;
  readonly cheat: Cheat;
  readonly onStart: (job: Job) => void;
}

/** In place of worker threads that run protocols: real messages, and computations that take virtual time. */
export class Arithmetic implements PresignatureRunner {
  /** Each session has a processor of its own. */
  readonly heldMs = 0;
  readonly #running = new Set<Run>();

  constructor(private readonly deps: ArithmeticDeps) {}

  /** How many sessions are under way. */
  get running(): number {
    return this.#running.size;
  }

  run<J extends Job>(job: J, events: JobEvents): RunningJob<JobResult<J>> {
    if (job.kind !== 'sign' && job.kind !== 'presign') throw new Error(`${job.kind}: not in a simulation`);
    const run: Run = new Run(this.deps, job, events, () => this.#running.delete(run));
    this.#running.add(run);
    this.deps.onStart(job);
    // It ends with the result of its kind.
    return run as RunningJob<unknown> as RunningJob<JobResult<J>>;
  }
}

interface Settling {
  readonly resolve: (result: string | Signature) => void;
  readonly reject: (reason: unknown) => void;
}

type SigningJob = Extract<Job, { readonly kind: 'sign' | 'presign' }>;

class Run implements RunningJob<string | Signature> {
  readonly result: Promise<string | Signature>;
  #settle: Settling | null = null;
  readonly #received = Array.from({ length: ROUNDS + 1 }, () => new Set<number>());
  /** The round whose message was sent last. While it is computed, 0.5 less. */
  #round = 0;
  readonly #position: number;
  #computing: Timer | undefined;

  constructor(
    private readonly deps: ArithmeticDeps,
    private readonly job: SigningJob,
    private readonly events: JobEvents,
    private readonly onEnd: () => void,
  ) {
    this.#position = job.signers.indexOf(deps.index);
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.result.catch(() => undefined);
    this.#compute(() => {
      this.#send(1);
    });
  }

  receive({ sender, payload }: IncomingMessage): void {
    if (this.#settle === null) return;
    const { round, isWrong } = JSON.parse(payload) as { readonly round: number; readonly isWrong: boolean };
    if (isWrong) {
      const blame: Blame[] = [{ party: sender, reason: 'a wrong message' }];
      this.abort(new ProtocolAborted('invalid_affine_proof', `round ${round}`, blame));
      return;
    }
    this.#received[round]?.add(sender);
    this.#goOn();
  }

  abort(reason: unknown): void {
    const settle = this.#end();
    settle?.reject(reason);
  }

  #compute(then: () => void): void {
    const { clock, random, stepMs } = this.deps;
    this.#round += 0.5;
    this.events.onProgress?.('');
    this.#computing = clock.after(random.between(stepMs / 2, stepMs), () => {
      this.#round += 0.5;
      then();
    });
  }

  #send(round: number): void {
    const isWrong = this.deps.cheat === 'wrong_message' && round === ROUNDS;
    const message: OutgoingMessage = { to: 'all', round, payload: JSON.stringify({ round, isWrong }) };
    this.events.onSend?.(message);
    this.#goOn();
  }

  #goOn(): void {
    const round = this.#round;
    if (!Number.isInteger(round) || round > ROUNDS) return;
    const missing = this.job.signers.map((_, k) => k).filter((k) => k !== this.#position && this.#received[round]?.has(k) !== true);
    if (missing.length > 0) this.events.onWaiting?.(`round ${round}`, missing);
    else if (round < ROUNDS) this.#compute(() => { this.#send(round + 1); });
    else this.#compute(() => this.#end()?.resolve(this.#output()));
  }

  #output(): string | Signature {
    const { job, deps } = this;
    if (job.kind === 'sign') return newSignature(job.executionId, textOf(job));
    const isWrong = deps.cheat === 'wrong_half';
    const place = { party: deps.index, position: this.#position, signers: job.signers.length };
    return JSON.stringify({ id: job.executionId, ...place, isWrong } satisfies PresignatureHalf);
  }

  /** @returns what settles the result; null when it is settled already */
  #end(): Settling | null {
    const settle = this.#settle;
    this.#settle = null;
    this.#computing?.stop();
    if (settle !== null) this.onEnd();
    return settle;
  }
}

/** The simulation's clients ask for texts alone. */
function textOf(job: Extract<Job, { readonly kind: 'sign' }>): string {
  if ('digest' in job) throw new Error('a digest: not in a simulation');
  return job.message;
}
