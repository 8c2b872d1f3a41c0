/**
 * All nodes agree on the result of one attempt at key generation, or aux info, whichever of them is killed at whatever moment.
 *
 * Each node announces what it has. A result is first *pending*, on disk. It is *committed* once all n nodes have announced the same one,
 * or some node has committed it. Either all nodes commit the same result, or none commits any:
 *
 * - A node commits attempt k only when all n nodes have held its result on disk: it has seen that, or it sees a node that has.
 * - A node discards a pending result of k only when it has seen a node that can never hold it: one that is past k (it has begun a later
 *   attempt, or has failed k) without holding it, or that holds another result of k. Attempts only go up, an attempt is never run twice
 *   (the journal), and a node that discards a result is past it. So what was seen stays true.
 * - Both cannot happen to one k: the first node to discard has seen one that never held the result and so never announced it. Hence nobody
 *   has seen n announcements. A node that commits therefore does so for all, and the others follow when they see it.
 * - A node without a committed result begins an attempt only when all nodes are alive and none has committed. A node that has committed
 *   never takes part again. So there is never a second result beside a committed one.
 *
 * A node announces all of this in one statement, on the topic `setup`. So the others see a state that it has been in, never a mixture of
 * two. That other topics, such as presence, may be newer or older than it changes nothing: none of the above depends on them.
 */
import type { SetupStatus } from 'message-board/contract';
import type { Logger } from 'pino';
import { sleep, type Clock } from 'service/clock';
import { DamagedFile } from '../base/errors.js';
import { Wakeup } from '../base/wakeup.js';
import type { PeerView } from 'message-board/peer_view';
import type { PresenceView } from '../cluster/presence.js';
import type { Culprit, Culprits } from '../evidence/culprits.js';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import type { Phase } from './phase.js';
import { nextAction, reasonToGiveUp, type SetupPeer } from './setup_action.js';

/** A node that waits looks at everything again this often. News wakes it earlier. */
const LOOK_MS = 2_000;
/** Pause after an attempt that failed: this long after the first, twice as long after each further one, up to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
const STOPPED = 'stopped';

export interface AgreementDeps {
  readonly presence: PresenceView;
  readonly journal: Pick<ExecutionJournal, 'claim'>;
  /** No attempt is begun while there are any. */
  readonly culprits: Pick<Culprits, 'list'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told what an operator has to resolve, and null when it is resolved. */
  readonly onProblem: (reason: string | null) => void;
}

/**
 * Runs attempts until all nodes have the same result, and this node has committed it.
 * @returns the result; at once when it is committed already
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

/** What follows a step: the end, or the next step at once, after news, or after a pause. */
export type AgreementStep =
  | { readonly kind: 'done'; readonly result: string }
  | { readonly kind: 'again' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'pause'; readonly ms: number };

/** The agreement of one node, step by step. */
export class Agreement {
  #failures = 0;
  /** What the log was last told of: the same is not logged twice in a row. */
  #logged = '';

  constructor(
    private readonly phase: Phase,
    private readonly deps: AgreementDeps,
  ) {}

  get #own(): SetupStatus {
    return this.deps.presence.status[this.phase.name];
  }

  /** Takes the next action. */
  async step(signal: AbortSignal): Promise<AgreementStep> {
    const { store, prepare, name } = this.phase;
    if (this.#own.committed !== null) {
      const result = await store.load();
      if (result === null) throw new DamagedFile(`${name}: its file was removed while the node was running`);
      this.deps.onProblem(null);
      return { kind: 'done', result };
    }
    const action = nextAction(this.#own, this.#peers());
    const begins = this.#own.completed === null && (action.kind === 'prepare' || action.kind === 'wait' || action.kind === 'start');
    const culprits = begins ? this.deps.culprits.list() : [];
    if (culprits.length > 0) return this.#distrust(culprits);
    switch (action.kind) {
      case 'stop':
        return this.#stop(action.reason);
      case 'commit':
        await store.commit(action.attempt);
        this.#publish({ completed: null, committed: action.digest });
        return { kind: 'again' };
      case 'discard':
        await store.discardPending();
        this.#publish({ completed: null });
        return { kind: 'again' };
      case 'skip':
        this.#publish({ next: action.next });
        return { kind: 'again' };
      case 'prepare':
        this.#stage(`preparing_${name}`);
        await prepare(signal);
        this.#publish({ ready: true });
        return { kind: 'again' };
      case 'wait':
        return this.#waitFor(action.missing);
      case 'start':
        return this.#attempt(action.attempt, signal);
    }
  }

  async #attempt(attempt: number, signal: AbortSignal): Promise<AgreementStep> {
    const { phase, deps } = this;
    const obstacle = await this.#guarded(attempt, () => phase.obstacle(signal), signal);
    if (obstacle instanceof Error) return this.#pause();
    if (obstacle !== null) return this.#stop(obstacle);
    deps.onProblem(null);
    const claimed = await deps.journal.claim(phase.executionId(attempt));
    this.#publish({ ready: false, next: attempt + 1, running: claimed ? attempt : null });
    if (!claimed) return { kind: 'again' };
    this.#stage(phase.name);
    this.#logged = '';
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
    const hopeless = new AbortController();
    const look = (): void => {
      const reason = reasonToGiveUp(attempt, this.#peers());
      if (reason !== null) hopeless.abort(new Error(reason));
    };
    const unsubscribe = this.deps.presence.onChange(look);
    try {
      look();
      return await this.phase.run(attempt, AbortSignal.any([signal, hopeless.signal]));
    } finally {
      unsubscribe();
    }
  }

  /** Logs what fails on the way: the next attempt may go well. @throws the signal's reason when it has aborted */
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

  #waitFor(missing: readonly string[]): AgreementStep {
    this.#stage('waiting_for_nodes');
    const text = `Waiting for ${missing.join(', ')}${this.#accusations()}`;
    if (this.#logged !== text) this.deps.logger.info({ event: 'waiting_for_nodes', phase: this.phase.name, missing }, text);
    this.#logged = text;
    return { kind: 'wait' };
  }

  #pause(): AgreementStep {
    return { kind: 'pause', ms: Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS) };
  }

  /** Tells the operator, and waits: the file may be restored meanwhile. */
  async #stop(reason: string): Promise<AgreementStep> {
    const { phase, deps } = this;
    const restored = await phase.store.load();
    if (restored !== null) {
      this.#publish({ completed: null, committed: phase.digestOf(restored) });
      return { kind: 'again' };
    }
    const problem =
      `${phase.name}: ${reason}. No second one is made. Restore this node's files from its backup; `
      + 'to make a new key, stop all nodes and the board and empty all data folders';
    this.#stage('refusing');
    deps.onProblem(problem);
    if (this.#logged !== STOPPED) deps.logger.error({ event: 'setup_refused', phase: phase.name }, problem);
    this.#logged = STOPPED;
    return { kind: 'wait' };
  }

  /** A cheat would make every attempt fail, and each costs all nodes their primes. A node that has seen one waits for its operator. */
  #distrust(culprits: readonly Culprit[]): AgreementStep {
    const { phase, deps } = this;
    const named = culprits.map(({ nodeId, reason, namedBy }) => `${nodeId} has cheated (${reason ?? `seen by ${namedBy.join(', ')}`})`);
    const problem =
      `${phase.name}: ${named.join(', ')}, and all nodes have to take part. `
      + 'verify-evidence shows anybody what the files in DATA_DIR/evidence prove. '
      + 'Once the operator of that node has mended it, move them away at every node and restart these nodes; '
      + 'or make a cluster without it';
    if (this.#own.ready) this.#publish({ ready: false });
    this.#stage('refusing');
    deps.onProblem(problem);
    const fields = { event: 'setup_refused', phase: phase.name, culprits: culprits.map(({ nodeId }) => nodeId) };
    if (this.#logged !== problem) deps.logger.error(fields, problem);
    this.#logged = problem;
    return { kind: 'wait' };
  }

  /** Why others may not come: whom they accuse. */
  #accusations(): string {
    const sayings = this.deps.presence.peers().flatMap(({ nodeId, status }) => {
      const culprits = status?.culprits ?? [];
      return culprits.length === 0 ? [] : [`${nodeId} says that ${culprits.join(', ')} cheated`];
    });
    return sayings.map((saying) => `; ${saying}`).join('');
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
