import {
  auxInfo,
  generateSafePrime,
  keygen,
  parseKeyShare,
  parsePrimes,
  presign,
  ProtocolAborted,
  serializeAuxInfo,
  serializeCoreKeyShare,
  settleTogether,
  sign,
  systemRng,
  type KeyShare,
  type SecurityParams,
  type Session,
} from 'cggmp24';
import type { FromThread, Job, JobFailure, JobKind, JobResults, ToThread } from './jobs.js';

/** A search for a prime reports after each this many candidates: about once a second at full size. */
const CANDIDATES_PER_REPORT = 500;

type Result = JobResults[JobKind];

/** A session, whatever its output. */
interface HostedSession {
  /** Somebody waits for it: it is a full signing. */
  readonly urgent: boolean;
  readonly isPresignature: boolean;
  /** Presignatures with the same number are made together. Lower numbers go first. */
  readonly cohort: number;
  readonly session: Session<unknown>;
  readonly proceed: () => ReturnType<Session<Result>['proceed']>;
  runnable: boolean;
  /** How many messages it was given. */
  received: number;
  /** How many times it has had claims to settle. */
  settlings: number;
  /** It has claims to settle, together with other sessions that have some. */
  isSettling: boolean;
}

class SearchStopped extends Error {}

export interface SessionHostOptions {
  readonly params: SecurityParams;
  readonly post: (message: FromThread) => void;
  /** CPU time of this thread so far, ms. */
  readonly cpuMs: () => number;
  /** Hands over the messages that have come meanwhile, by calling `handle`. */
  readonly drain: () => void;
}

/**
 * Runs many sessions in one thread, one step at a time: full signings first, then the oldest sessions. Claims of presignatures wait until
 * the presignatures that began together have all come to theirs, and are settled together. While all sessions wait, it searches for primes.
 */
export class SessionHost {
  readonly #options: SessionHostOptions;
  /** In the order in which they began. */
  readonly #sessions = new Map<number, HostedSession>();
  readonly #searches = new Set<number>();
  /** Does a full signing compute in any thread, which has all cores then, or is the CPU time of presignatures spent? */
  #presignaturesHeld = false;
  /** Number of the youngest presignatures. */
  #cohort = 1;
  #keyShare: KeyShare | null = null;

  constructor(options: SessionHostOptions) {
    this.#options = options;
  }

  handle(message: ToThread): void {
    switch (message.kind) {
      case 'load_key_share':
        this.#keyShare = parseKeyShare(message.text, this.#options.params);
        return;
      case 'hold_presignatures':
        this.#presignaturesHeld = message.held;
        return;
      case 'start':
        this.#guarded(message.id, () => {
          if (message.job.kind === 'safe_prime') this.#searches.add(message.id);
          else this.#sessions.set(message.id, this.#begin(message.job));
        });
        return;
      case 'message': {
        const hosted = this.#sessions.get(message.id);
        if (hosted === undefined) return;
        hosted.runnable = true;
        hosted.received += 1;
        this.#guarded(message.id, () => {
          hosted.session.receive(message.message);
        });
        return;
      }
      case 'abort':
        this.#sessions.delete(message.id);
        this.#searches.delete(message.id);
    }
  }

  /** Works until all sessions wait and no search goes on. */
  run(): void {
    do {
      this.#runSessions();
    } while (this.#search());
  }

  #runSessions(): void {
    for (;;) {
      this.#options.drain();
      const isHeld = ({ isPresignature }: HostedSession): boolean => isPresignature && this.#presignaturesHeld;
      const runnable = [...this.#sessions].filter(([, session]) => session.runnable && !isHeld(session));
      const [first] = runnable;
      if (first === undefined) return;
      const [id, hosted] = runnable.reduce((next, other) => (goesBefore(other[1], next[1]) ? other : next), first);
      this.#metered(id, hosted, () => {
        if (hosted.isSettling) this.#settle();
        this.#guarded(id, () => {
          this.#step(id, hosted);
        });
      });
    }
  }

  #settle(): void {
    const settling = [...this.#sessions.values()].filter(({ isSettling }) => isSettling);
    settleTogether(settling.map(({ session }) => session));
    for (const session of settling) session.isSettling = false;
  }

  /** Reports what a presignature costs, as there is a bound on that. */
  #metered(id: number, { isPresignature }: HostedSession, action: () => void): void {
    if (!isPresignature) {
      action();
      return;
    }
    const { cpuMs, post } = this.#options;
    const before = cpuMs();
    action();
    post({ id, kind: 'spent', cpuMs: cpuMs() - before });
  }

  #step(id: number, hosted: HostedSession): void {
    const { post } = this.#options;
    const step = hosted.proceed();
    switch (step.kind) {
      case 'send':
        post({ id, kind: 'send', message: step.message });
        return;
      case 'waiting':
        hosted.runnable = false;
        post({ id, kind: 'waiting', round: step.round, missing: step.missing, received: hosted.received });
        return;
      case 'paused':
        post({ id, kind: 'progress', progress: step.progress });
        return;
      case 'settling':
        hosted.settlings += 1;
        // Somebody waits for a full signing: its next step settles its claims alone.
        hosted.isSettling = hosted.isPresignature;
        return;
      case 'done':
        this.#sessions.delete(id);
        post({ id, kind: 'done', result: step.output });
    }
  }

  /** Searches for one prime; sessions go on meanwhile. @returns false when none is wanted */
  #search(): boolean {
    const { params, post } = this.#options;
    const [id] = this.#searches;
    if (id === undefined) return false;
    this.#guarded(id, () => {
      try {
        const prime = generateSafePrime(params.primeBits, {
          rng: systemRng,
          onProgress: (tested) => {
            if (tested > 0 && tested % CANDIDATES_PER_REPORT === 0) post({ id, kind: 'progress', progress: String(CANDIDATES_PER_REPORT) });
            this.#runSessions();
            if (!this.#searches.has(id)) throw new SearchStopped();
          },
        });
        this.#searches.delete(id);
        post({ id, kind: 'done', result: prime.toString(16) });
      } catch (error) {
        if (!(error instanceof SearchStopped)) throw error;
      }
    });
    return true;
  }

  #begin(job: Exclude<Job, { kind: 'safe_prime' }>): HostedSession {
    const executionId = new TextEncoder().encode(job.executionId);
    switch (job.kind) {
      case 'keygen':
        return hosted(keygen({ ...job, executionId }), serializeCoreKeyShare);
      case 'aux_info':
        return hosted(auxInfo({ ...job, executionId, primes: parsePrimes(job.primes, this.#options.params) }), serializeAuxInfo);
      case 'presign':
        return {
          ...hosted(presign({ executionId, signers: job.signers, share: this.#share() }), (presignature) => presignature.handOver()),
          isPresignature: true,
          cohort: this.#nextCohort(),
        };
      case 'sign': {
        const { signers, identification } = job;
        const signed = 'digest' in job ? { digest: Buffer.from(job.digest, 'hex') } : { message: new TextEncoder().encode(job.message) };
        const session = sign({ executionId, signers, ...signed, identification, share: this.#share() });
        return { ...hosted(session, (signature) => signature), urgent: true };
      }
    }
  }

  /** A presignature that begins after others have come to their claims would only hold them up. */
  #nextCohort(): number {
    const isUnderWay = [...this.#sessions.values()].some(({ cohort, settlings }) => cohort === this.#cohort && settlings > 0);
    if (isUnderWay) this.#cohort += 1;
    return this.#cohort;
  }

  #share(): KeyShare {
    if (this.#keyShare === null) throw new Error('the key share is not loaded');
    return this.#keyShare;
  }

  /** An error ends its own job alone. */
  #guarded(id: number, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#sessions.delete(id);
      this.#searches.delete(id);
      this.#options.post({ id, kind: 'failed', failure: asFailure(error) });
    }
  }
}

function hosted<Output>(session: Session<Output>, toResult: (output: Output) => Result): HostedSession {
  return {
    urgent: false,
    isPresignature: false,
    cohort: 0,
    session,
    runnable: true,
    received: 0,
    settlings: 0,
    isSettling: false,
    proceed: () => {
      const step = session.proceed();
      return step.kind === 'done' ? { kind: 'done', output: toResult(step.output) } : step;
    },
  };
}

/** Of two equal ones the first stays first. */
function goesBefore(one: HostedSession, other: HostedSession): boolean {
  if (one.urgent !== other.urgent) return one.urgent;
  return one.cohort === other.cohort ? one.settlings < other.settlings : one.cohort < other.cohort;
}

function asFailure(error: unknown): JobFailure {
  if (error instanceof ProtocolAborted) return { kind: 'aborted', code: error.code, round: error.round, blame: error.blame };
  return { kind: 'broken', message: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown' };
}
