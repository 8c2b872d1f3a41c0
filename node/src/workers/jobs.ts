import type { AbortCode, Blame, IncomingMessage, OutgoingMessage, Signature } from 'cggmp24';

/**
 * What a worker thread can do. Everything is plain data, so that it passes between threads. Indices are those of the
 * protocol, from 0; an execution id is text whose UTF-8 bytes are bound into every proof.
 */
export type Job =
  | { readonly kind: 'keygen'; readonly executionId: string; readonly index: number; readonly parties: number; readonly threshold: number }
  | {
      readonly kind: 'aux_info';
      readonly executionId: string;
      readonly index: number;
      readonly parties: number;
      /** `serializePrimes` of four fresh primes. */
      readonly primes: string;
      /** The Rust crate's form of Pi^prm; mixed clusters only. */
      readonly insecurePrmFirstWordOnly: boolean;
    }
  /** Needs the key share. `signers` are key-share indices. */
  | { readonly kind: 'presign'; readonly executionId: string; readonly signers: readonly number[] }
  /**
   * Needs the key share. `message` is signed as the SHA-256 of its UTF-8 bytes, `digest`, 64 hexadecimal digits, as it is.
   * `identification`: do all signers know that phase?
   */
  | ({
      readonly kind: 'sign';
      readonly executionId: string;
      readonly signers: readonly number[];
      readonly identification: boolean;
    } & ({ readonly message: string } | { readonly digest: string }))
  /** Runs while the thread has nothing else to do. */
  | { readonly kind: 'safe_prime' };

export type JobKind = Job['kind'];

/** A job that runs with other nodes. */
export type SessionJob = Exclude<Job, { readonly kind: 'safe_prime' }>;

/** The result of a job, by its kind. */
export interface JobResults {
  /** `serializeCoreKeyShare`: secret. */
  readonly keygen: string;
  /** `serializeAuxInfo`: secret. */
  readonly aux_info: string;
  /** `Presignature.handOver()`: secret, and the only copy there is. */
  readonly presign: string;
  readonly sign: Signature;
  /** Hexadecimal: secret. */
  readonly safe_prime: string;
}

export type JobResult<J extends Job> = JobResults[J['kind']];

/** What a running job reports. */
export interface JobEvents {
  /** It sends a message. They come in the order in which they have to be sent. */
  readonly onSend?: (message: OutgoingMessage) => void;
  /** It waits for the messages of a round from `missing`, protocol indices. */
  readonly onWaiting?: (round: string, missing: readonly number[]) => void;
  /** It computes; `progress` is for people. A search for a prime reports how many candidates it has tested. */
  readonly onProgress?: (progress: string) => void;
}

export interface RunningJob<Result> {
  /** Gives the session a message. Does nothing when it has ended. */
  receive(message: IncomingMessage): void;
  /** Ends it: `result` rejects with the reason at once. A second call does nothing. */
  abort(reason: unknown): void;
  /** @throws ProtocolAborted when a peer misbehaved; WorkerFailed; the reason that `abort` was given */
  readonly result: Promise<Result>;
}

/** Where protocols run: a `WorkerPool`. */
export interface ProtocolRunner {
  run<J extends Job>(job: J, events: JobEvents): RunningJob<JobResult<J>>;
}

/** One in which presignatures give way to full signings. */
export interface PresignatureRunner extends ProtocolRunner {
  /** For how long presignatures have been held for full signings, in all, milliseconds. */
  readonly heldMs: number;
}

/** Messages to a thread. */
export type ToThread =
  | { readonly kind: 'load_key_share'; readonly text: string }
  /** While presignatures are held, no thread works on them: a full signing computes, or the CPU time of presignatures is spent. */
  | { readonly kind: 'hold_presignatures'; readonly held: boolean }
  | { readonly kind: 'start'; readonly id: number; readonly job: Job }
  | { readonly kind: 'message'; readonly id: number; readonly message: IncomingMessage }
  | { readonly kind: 'abort'; readonly id: number };

/**
 * Messages from a thread. After `done` or `failed` a job reports only what it has `spent`: CPU time of the thread on a presignature.
 * `received` is how many messages the waiting session has: it has not yet seen others, which are on their way to it.
 */
export type FromThread = { readonly id: number } & (
  | { readonly kind: 'send'; readonly message: OutgoingMessage }
  | { readonly kind: 'waiting'; readonly round: string; readonly missing: readonly number[]; readonly received: number }
  | { readonly kind: 'progress'; readonly progress: string }
  | { readonly kind: 'spent'; readonly cpuMs: number }
  | { readonly kind: 'done'; readonly result: JobResults[JobKind] }
  | { readonly kind: 'failed'; readonly failure: JobFailure }
);

/** An error as plain data. */
export type JobFailure =
  | { readonly kind: 'aborted'; readonly code: AbortCode; readonly round: string; readonly blame: readonly Blame[] }
  | { readonly kind: 'broken'; readonly message: string };
