/**
 * All nodes agree on the result of one attempt at key generation, or aux info, whichever of them is killed when.
 *
 * Each announces what it has. A result is first *pending*, on disk, and *committed* once all n have announced the same one,
 * or someone has committed it. Either all commit the same or nobody commits:
 *
 * - A node commits attempt k only when all n have held its result on disk (it has seen so, or one that has seen so).
 * - A node discards a pending result of k only when it has seen a node that can never hold it: one that is past k (it has begun
 *   a later attempt, or has failed k) without holding it, or that holds another result of k. Attempts only go up, an
 *   attempt is never run twice (the journal), and who discards a result is past it: so what was seen stays true.
 * - Both cannot be of one k: the first to discard has seen a node that never held the result, which then did not announce it,
 *   so nobody has seen n announcements. Hence who commits does so for all, and the others follow when they see it.
 * - A node without a committed result begins an attempt only when all are alive and none of them has committed; a node that
 *   has committed never takes part again. So there is never a second result beside a committed one.
 */
import type { SetupStatus } from 'message-board/contract';
import type { Logger } from 'pino';
import { sleep, type Clock } from 'service/clock';
import type { Culprit, Culprits } from '../evidence/culprits.js';
import { DamagedFile, SetupRefused } from '../base/errors.js';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import type { ResultStore } from '../storage/key_store.js';
import type { PeerView, PresenceView } from '../cluster/presence.js';
import { decide, superseded, type SetupPeer } from './setup_decision.js';
import { Wakeup } from '../base/wakeup.js';

/** Looks at everything again after so long, even without news. */
const LOOK_MS = 2_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
const REFUSED = 'refused';

/** What the generic algorithm needs to know about key generation, or aux info. */
export interface Phase {
  /** As a stage, and in logs. */
  readonly name: 'keygen' | 'aux_info';
  readonly store: ResultStore;
  /** Number of an attempt, from 0, to its execution id. */
  readonly executionId: (attempt: number) => string;
  /** ... and back; null for any other id. */
  readonly attemptOf: (executionId: string) => number | null;
  /** SHA-256, hexadecimal, of a result's public part. */
  readonly digestOf: (result: string) => string;
  /** Resolves when this node could begin an attempt. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** Why no attempt may be begun at all; null when one may. */
  readonly obstacle: (signal: AbortSignal) => Promise<string | null>;
  /** Runs the protocol. @returns its result as text */
  readonly run: (attempt: number, signal: AbortSignal) => Promise<string>;
}

export interface AgreementDeps {
  readonly presence: PresenceView;
  readonly journal: Pick<ExecutionJournal, 'claim'>;
  /** With those that it lists no attempt is begun. */
  readonly culprits: Pick<Culprits, 'list'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told what an operator has to resolve, and null when it is resolved. */
  readonly onProblem: (reason: string | null) => void;
}

/** What this node has of a phase when it starts. @throws DamagedFile */
export async function initialStatus({ store, attemptOf, digestOf }: Phase, journal: Pick<ExecutionJournal, 'ids'>): Promise<SetupStatus> {
  const begun = [...journal.ids()].flatMap((id) => attemptOf(id) ?? []);
  const next = 1 + begun.reduce((highest, attempt) => Math.max(highest, attempt), -1);
  const status = { ready: false, next, running: null, completed: null, committed: null };
  const kept = await store.load();
  if (kept !== null) {
    await store.discardPending();
    return { ...status, committed: digestOf(kept) };
  }
  const pending = await store.loadPending();
  if (pending === null) return status;
  const { attempt, text } = pending;
  return { ...status, completed: { attempt, digest: digestOf(text) } };
}

/**
 * Runs attempts until all nodes have the same result, and this one has it for good.
 * @returns the result; at once when it was there already
 */
export async function agree(phase: Phase, deps: AgreementDeps, signal: AbortSignal): Promise<string> {
  const agreement = new Agreement(phase, deps);
  const wakeup = new Wakeup(deps.clock);
  const unsubscribe = deps.presence.onChange(() => {
    wakeup.notify();
  });
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = await agreement.step(signal);
      if (step.kind === 'done') return step.result;
      if (step.kind === 'wait') await wakeup.sleep(LOOK_MS, signal);
      if (step.kind === 'pause') await sleep(deps.clock, step.ms, signal);
    }
  } finally {
    unsubscribe();
  }
}

/** What follows a step: the next one at once, after news, or after a pause. */
export type Step = { readonly kind: 'done'; readonly result: string } | { readonly kind: 'again' } | { readonly kind: 'wait' } | { readonly kind: 'pause'; readonly ms: number };

/** The agreement of one node, step by step. */
export class Agreement {
  #failures = 0;
  /** What was last said to be waited for; it is said once. */
  #announced = '';

  constructor(
    private readonly phase: Phase,
    private readonly deps: AgreementDeps,
  ) {}

  get #own(): SetupStatus {
    return this.deps.presence.status[this.phase.name];
  }

  /** Decides, and does it. */
  async step(signal: AbortSignal): Promise<Step> {
    const { store, prepare, name } = this.phase;
    if (this.#own.committed !== null) {
      const result = await store.load();
      if (result === null) throw new DamagedFile(`${name}: its file was removed while the node was running`);
      this.deps.onProblem(null);
      return { kind: 'done', result };
    }
    const decision = decide(this.#own, this.#peers());
    const begins = this.#own.completed === null && (decision.kind === 'prepare' || decision.kind === 'wait' || decision.kind === 'start');
    const culprits = begins ? this.deps.culprits.list() : [];
    if (culprits.length > 0) return this.#distrust(culprits);
    switch (decision.kind) {
      case 'refuse':
        return this.#refuse(decision.reason);
      case 'commit':
        await store.commit(decision.attempt);
        this.#publish({ completed: null, committed: decision.digest });
        return { kind: 'again' };
      case 'discard':
        await store.discardPending();
        this.#publish({ completed: null });
        return { kind: 'again' };
      case 'skip':
        this.#publish({ next: decision.next });
        return { kind: 'again' };
      case 'prepare':
        this.#stage(`preparing_${name}`);
        await prepare(signal);
        this.#publish({ ready: true });
        return { kind: 'again' };
      case 'wait':
        this.#stage('waiting_for_nodes');
        this.#announce({ event: 'waiting_for_nodes', phase: name, missing: decision.missing }, `Waiting for ${decision.missing.join(', ')}${this.#whatTheySay()}`);
        return { kind: 'wait' };
      case 'start':
        return this.#attempt(decision.attempt, signal);
    }
  }

  async #attempt(attempt: number, signal: AbortSignal): Promise<Step> {
    const { phase, deps } = this;
    const obstacle = await this.#guarded(attempt, () => phase.obstacle(signal), signal);
    if (obstacle instanceof Error) return this.#pause();
    if (obstacle !== null) return this.#refuse(obstacle);
    deps.onProblem(null);
    const claimed = await deps.journal.claim(phase.executionId(attempt));
    this.#publish({ ready: false, next: attempt + 1, running: claimed ? attempt : null });
    if (!claimed) return { kind: 'again' };
    this.#stage(phase.name);
    this.#announced = '';
    deps.logger.info({ event: `${phase.name}_started`, attempt }, `${phase.name} attempt started`);
    const result = await this.#guarded(attempt, () => this.#run(attempt, signal), signal);
    if (result instanceof Error) {
      this.#publish({ running: null });
      return this.#pause();
    }
    // If this fails the node must stop as it is: to go on would say that it never held what may well be on the disk.
    await phase.store.savePending(attempt, result);
    this.#publish({ running: null, completed: { attempt, digest: phase.digestOf(result) } });
    return { kind: 'again' };
  }

  /** Ends early when another node shows that the attempt cannot end well. */
  async #run(attempt: number, signal: AbortSignal): Promise<string> {
    const ended = new AbortController();
    const stop = (): void => {
      ended.abort(signal.reason);
    };
    const look = (): void => {
      const reason = superseded(attempt, this.#peers());
      if (reason !== null) ended.abort(new Error(reason));
    };
    signal.addEventListener('abort', stop);
    const unsubscribe = this.deps.presence.onChange(look);
    try {
      look();
      return await this.phase.run(attempt, ended.signal);
    } finally {
      signal.removeEventListener('abort', stop);
      unsubscribe();
    }
  }

  /** What fails on the way is logged, and is no reason to stop; unless the signal has aborted. */
  async #guarded<T>(attempt: number, work: () => Promise<T>, signal: AbortSignal): Promise<T | Error> {
    const { name } = this.phase;
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      this.deps.logger.warn({ event: `${name}_failed`, attempt, err: error }, `${name} attempt failed, trying again`);
      return error instanceof Error ? error : new Error('unknown', { cause: error });
    }
  }

  #pause(): Step {
    return { kind: 'pause', ms: Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS) };
  }

  /** Says so, and waits: an operator may restore the file meanwhile. */
  async #refuse(reason: string): Promise<Step> {
    const { phase, deps } = this;
    const restored = await phase.store.load();
    if (restored !== null) {
      this.#publish({ completed: null, committed: phase.digestOf(restored) });
      return { kind: 'again' };
    }
    const problem = `${phase.name}: ${reason}. No second one is made. Restore this node's files from its backup; to make a new key, stop all nodes and the board and empty all data folders`;
    this.#stage('refusing');
    deps.onProblem(problem);
    if (this.#announced !== REFUSED) deps.logger.error({ event: 'setup_refused', phase: phase.name }, problem);
    this.#announced = REFUSED;
    return { kind: 'wait' };
  }

  /** A cheat would make every attempt fail, and each costs all nodes their primes: who has seen one waits for its operator. */
  #distrust(culprits: readonly Culprit[]): Step {
    const { phase, deps } = this;
    const named = culprits.map(({ nodeId, reason, namedBy }) => `${nodeId} has cheated (${reason ?? `seen by ${namedBy.join(', ')}`})`).join(', ');
    const problem =
      `${phase.name}: ${named}, and all nodes have to take part. verify-evidence shows the files in DATA_DIR/evidence to anybody. ` +
      'Once its operator has mended it, move them away at every node and start these again; or make a cluster without it';
    if (this.#own.ready) this.#publish({ ready: false });
    this.#stage('refusing');
    deps.onProblem(problem);
    if (this.#announced !== problem) deps.logger.error({ event: 'setup_refused', phase: phase.name, culprits: culprits.map(({ nodeId }) => nodeId) }, problem);
    this.#announced = problem;
    return { kind: 'wait' };
  }

  /** Why others may not come: what they say of one another. */
  #whatTheySay(): string {
    const sayings = this.deps.presence.peers().flatMap(({ nodeId, status }) => {
      const culprits = status?.culprits ?? [];
      return culprits.length === 0 ? [] : [`${nodeId} says that ${culprits.join(', ')} cheated`];
    });
    return sayings.map((saying) => `; ${saying}`).join('');
  }

  #announce(fields: object, text: string): void {
    if (this.#announced !== text) this.deps.logger.info(fields, text);
    this.#announced = text;
  }

  #peers(): SetupPeer[] {
    return this.deps.presence.peers().map(({ nodeId, live, status }: PeerView) => ({ nodeId, live, setup: status?.[this.phase.name] }));
  }

  #publish(patch: Partial<SetupStatus>): void {
    const setup = { ...this.#own, ...patch };
    this.deps.presence.update(this.phase.name === 'keygen' ? { keygen: setup } : { aux_info: setup });
  }

  #stage(stage: string): void {
    if (this.deps.presence.status.stage !== stage) this.deps.presence.update({ stage });
  }
}

/**
 * With Rust nodes, which announce nothing: there is one attempt, with whoever answers, and whoever has a result keeps it.
 * @throws SetupRefused when it must not be begun, or was begun before
 */
export async function runOnlyAttempt({ store, executionId, obstacle, prepare, run, name }: Phase, journal: Pick<ExecutionJournal, 'claim'>, signal: AbortSignal): Promise<string> {
  const kept = await store.load();
  if (kept !== null) return kept;
  if ((await store.loadPending()) === null) {
    const reason = await obstacle(signal);
    if (reason !== null) throw new SetupRefused(`${name}: ${reason}`);
    await prepare(signal);
    if (!(await journal.claim(executionId(0)))) {
      throw new SetupRefused(`${name}: its only attempt was begun before and did not end well. Stop all nodes and the board, empty all data folders and start again`);
    }
    await store.savePending(0, await run(0, signal));
  }
  await store.commit(0);
  const result = await store.load();
  if (result === null) throw new SetupRefused(`${name}: its file is gone`);
  return result;
}
