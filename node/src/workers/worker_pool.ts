import { Worker } from 'node:worker_threads';
import type { IncomingMessage, SecurityParams } from 'cggmp24';
import type { Logger } from 'pino';
import type { Clock, Timer } from 'service/clock';
import { BATCH } from './batch.js';
import type { CpuBudget } from './cpu_budget.js';
import { ProtocolAborted, WorkerFailed } from '../base/errors.js';
import type {
  FromThread,
  Job,
  JobEvents,
  JobFailure,
  JobKind,
  JobResult,
  JobResults,
  PresignatureRunner,
  RunningJob,
  ToThread,
} from './jobs.js';

export interface ProtocolThread {
  post(message: ToThread): void;
  terminate(): Promise<unknown>;
}

/** Starts a thread. `onExit` is called once, also when it could not be started. */
export type StartThread = (onMessage: (message: FromThread) => void, onExit: (error: unknown) => void) => ProtocolThread;

/**
 * Real threads.
 * @param script the compiled worker
 */
export function workerThreads(params: SecurityParams, script = new URL('./protocol_worker.js', import.meta.url)): StartThread {
  return (onMessage, onExit) => {
    const worker = new Worker(script, { workerData: params });
    let failure: unknown = new Error('the thread ended');
    worker.on('message', onMessage);
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => {
      onExit(failure);
    });
    return {
      post: (message) => {
        worker.postMessage(message);
      },
      terminate: () => worker.terminate(),
    };
  };
}

interface Entry {
  readonly job: Job;
  readonly events: JobEvents;
  readonly resolve: (result: JobResults[JobKind]) => void;
  readonly reject: (error: unknown) => void;
  /** How many messages it was given. */
  given: number;
  /** How many it had when it last said that it waits. While that is not all of them, it computes. */
  waitedWith: number | null;
}

interface Slot {
  thread: ProtocolThread | null;
  readonly entries: Map<number, Entry>;
}

export interface WorkerPoolOptions {
  /** How many. */
  readonly threads: number;
  readonly startThread: StartThread;
  /** Bounds the CPU time of presignatures; full signing is not bounded. */
  readonly budget: CpuBudget;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Threads that run protocols. A job stays in one thread for its whole life. A crashed thread is replaced when it is needed again. */
export class WorkerPool implements PresignatureRunner {
  readonly #slots: readonly Slot[];
  #keyShare: string | null = null;
  #presignaturesHeld = false;
  /** Since when a full signing computes, on the monotonic clock; null while none does. */
  #signingSince: number | null = null;
  /** For how long full signings have computed before. */
  #signingMs = 0;
  /** Is set while presignatures have no CPU time left. */
  #pause: Timer | null = null;
  #lastId = 0;
  #closed = false;

  constructor(private readonly options: WorkerPoolOptions) {
    this.#slots = Array.from({ length: options.threads }, () => ({ thread: null, entries: new Map() }));
    for (const slot of this.#slots) this.#threadOf(slot);
  }

  /** Gives every thread, now and later, the key share. @param text `serializeKeyShare`: secret */
  loadKeyShare(text: string): void {
    this.#keyShare = text;
    for (const { thread } of this.#slots) thread?.post({ kind: 'load_key_share', text });
  }

  run<J extends Job>(job: J, events: JobEvents): RunningJob<JobResult<J>> {
    if (this.#closed) throw new WorkerFailed('the worker pool is closed');
    this.#lastId += 1;
    const id = this.#lastId;
    const slot = this.#slotFor(job);
    const result = new Promise<JobResults[JobKind]>((resolve, reject) => {
      slot.entries.set(id, { job, events, resolve, reject, given: 0, waitedWith: null });
    });
    this.#holdPresignatures();
    // Whoever waits for it hears of a failure. A job that nobody waits for must not end the process.
    result.catch(() => undefined);
    this.#threadOf(slot).post({ kind: 'start', id, job });
    return {
      // The thread ends a job with the result of its kind.
      result: result as Promise<JobResult<J>>,
      receive: (message: IncomingMessage) => {
        const entry = slot.entries.get(id);
        if (entry === undefined) return;
        entry.given += 1;
        this.#holdPresignatures();
        slot.thread?.post({ kind: 'message', id, message });
      },
      abort: (reason) => {
        const entry = slot.entries.get(id);
        if (!slot.entries.delete(id)) return;
        slot.thread?.post({ kind: 'abort', id });
        this.#holdPresignatures();
        entry?.reject(reason);
      },
    };
  }

  get heldMs(): number {
    return this.#signingMs + (this.#signingSince === null ? 0 : this.options.clock.monotonic() - this.#signingSince);
  }

  /** Ends all threads, and all jobs with them. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#pause?.stop();
    await Promise.all(
      this.#slots.map(async ({ thread }) => {
        await thread?.terminate();
      }),
    );
  }

  /** A batch of presignatures shares a thread. Other jobs go to the thread with the fewest sessions; searches for primes hardly count. */
  #slotFor(job: Job): Slot {
    const batch = this.#slots.find((slot) => {
      const { length } = jobsOf(slot).filter((other) => areOneBatch(job, other));
      return length > 0 && length < BATCH;
    });
    if (batch !== undefined) return batch;
    const load = (slot: Slot): number => {
      const searches = jobsOf(slot).filter(({ kind }) => kind === 'safe_prime').length;
      const sessions = slot.entries.size - searches;
      return job.kind === 'safe_prime' ? searches + sessions / 1e6 : sessions + searches / 1e6;
    };
    return this.#slots.reduce((least, slot) => (load(slot) < load(least) ? slot : least));
  }

  /**
   * Somebody waits for a full signing, so while one computes it has all threads to itself. One that waits for its signers needs none:
   * presignatures go on, or a signer that says nothing would keep the pool empty. They also need CPU time that is left for them.
   */
  #holdPresignatures(): void {
    const isSigning = this.#slots.some(({ entries }) => [...entries.values()].some(computesSignature));
    this.#meter(isSigning);
    const held = this.#pause !== null || isSigning;
    if (held === this.#presignaturesHeld) return;
    this.#presignaturesHeld = held;
    for (const { thread } of this.#slots) thread?.post({ kind: 'hold_presignatures', held });
  }

  #meter(isSigning: boolean): void {
    if (isSigning === (this.#signingSince !== null)) return;
    const now = this.options.clock.monotonic();
    if (this.#signingSince !== null) this.#signingMs += now - this.#signingSince;
    this.#signingSince = isSigning ? now : null;
  }

  #spend(cpuMs: number): void {
    const { budget, clock } = this.options;
    budget.spend(cpuMs);
    const { waitMs } = budget;
    if (waitMs === 0 || this.#pause !== null || this.#closed) return;
    this.#pause = clock.after(waitMs, () => {
      this.#pause = null;
      // The threads may have gone on for one step when they were told to stop.
      this.#spend(0);
      this.#holdPresignatures();
    });
    this.#holdPresignatures();
  }

  #threadOf(slot: Slot): ProtocolThread {
    if (slot.thread !== null) return slot.thread;
    const thread = this.options.startThread(
      (message) => {
        this.#receive(slot, message);
      },
      (error) => {
        this.#threadEnded(slot, error);
      },
    );
    slot.thread = thread;
    if (this.#keyShare !== null) thread.post({ kind: 'load_key_share', text: this.#keyShare });
    if (this.#presignaturesHeld) thread.post({ kind: 'hold_presignatures', held: true });
    return thread;
  }

  #threadEnded(slot: Slot, error: unknown): void {
    slot.thread = null;
    const jobs = [...slot.entries.values()];
    slot.entries.clear();
    this.#holdPresignatures();
    if (!this.#closed) {
      const kinds = jobs.map(({ job }) => job.kind);
      this.options.logger.error({ event: 'worker_crashed', err: error, jobs: kinds }, 'A worker thread crashed and will be replaced');
    }
    const why = this.#closed ? 'the worker pool was closed' : 'the worker thread crashed';
    for (const { reject } of jobs) reject(new WorkerFailed(why, { cause: error }));
  }

  #receive(slot: Slot, message: FromThread): void {
    if (message.kind === 'spent') {
      this.#spend(message.cpuMs);
      return;
    }
    const entry = slot.entries.get(message.id);
    if (entry === undefined) return;
    switch (message.kind) {
      case 'send':
        entry.events.onSend?.(message.message);
        return;
      case 'waiting':
        entry.waitedWith = message.received;
        this.#holdPresignatures();
        entry.events.onWaiting?.(message.round, message.missing);
        return;
      case 'progress':
        entry.events.onProgress?.(message.progress);
        return;
      case 'done':
        slot.entries.delete(message.id);
        this.#holdPresignatures();
        entry.resolve(message.result);
        return;
      case 'failed':
        slot.entries.delete(message.id);
        this.#holdPresignatures();
        entry.reject(asError(message.failure));
    }
  }
}

/** Presignatures of one signer set are made together. */
function areOneBatch(a: Job, b: Job): boolean {
  return a.kind === 'presign' && b.kind === 'presign' && a.signers.join() === b.signers.join();
}

/** Is it a full signing that has something to do? */
function computesSignature({ job, given, waitedWith }: Entry): boolean {
  return job.kind === 'sign' && given !== waitedWith;
}

function jobsOf({ entries }: Slot): Job[] {
  return [...entries.values()].map(({ job }) => job);
}

function asError(failure: JobFailure): Error {
  return failure.kind === 'aborted' ? new ProtocolAborted(failure.code, failure.round, failure.blame) : new WorkerFailed(failure.message);
}
