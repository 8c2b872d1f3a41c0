import type { RequestRecord } from 'message-board/contract';
import { readThrough } from 'message-board/read_through';
import { keepReading, untilAnswered } from '../cluster/reading.js';
import { PresignatureMaker } from '../presigning/presignature.js';
import { Assignments } from './assignments.js';
import type { SigningDeps } from './signing_deps.js';
import { SigningTask, wake } from './signing_task.js';
import { SigningWork } from './signing_work.js';
import { Suspicion } from './suspicion.js';

/** The longest time for which the board may hold back an empty answer. */
const READ_MS = 25_000;
/**
 * All pending requests are read again this often: the board may have kept one back. Smaller: needless reading. Larger: a request that the
 * board kept back is signed later.
 */
const AGAIN_MS = 10_000;

/**
 * Signs what clients ask for: one task for each pending request, with a presignature when there is one, else in full. When this node
 * decides not to sign a request, it refuses it.
 */
class SigningCoordinator {
  /** By request id, the oldest first. */
  readonly #tasks = new Map<string, SigningTask>();
  readonly #presignatures: PresignatureMaker;
  readonly #assignments: Assignments;
  readonly #work: SigningWork;
  /** When pending requests are read again, on the monotonic clock. */
  #againAt: number;

  /** @param life ends with the node */
  constructor(
    private readonly deps: SigningDeps,
    private readonly life: AbortSignal,
  ) {
    const suspicion = new Suspicion(deps, life);
    this.#presignatures = new PresignatureMaker({
      ...deps,
      onAdded: () => {
        this.#wake();
      },
      onSilent: (parties) => {
        suspicion.suspect(parties);
      },
    });
    this.#assignments = new Assignments(deps, this.#presignatures);
    this.#work = new SigningWork(deps, this.#presignatures, this.#assignments, suspicion, () => this.#tasks.values());
    this.#againAt = deps.clock.monotonic() + AGAIN_MS;
  }

  /** Fills the pool and follows the board's requests until the node ends. Then nothing of it goes on. */
  async run(): Promise<void> {
    const { deps, life } = this;
    const { logger, presence } = deps;
    await untilAnswered(deps, 'presignature_requests', life, () => this.#presignatures.prepare(life));
    // It is not ready when its files have turned out to be of another key than the others'.
    if (presence.status.stage !== 'refusing') presence.update({ stage: 'ready' });
    const filling = this.#presignatures.run(life);
    logger.info({ event: 'signing_loop_started' }, 'Main signing loop started');
    await Promise.all([filling, this.#followRequests()]);
    // All of it is aborted by now, but has yet to write its last lines to the audit log.
    await this.#work.idle();
  }

  async #followRequests(): Promise<void> {
    const { deps, life } = this;
    const unsubscribe = deps.presence.onChange(() => {
      this.#wake();
    });
    try {
      await keepReading(deps, 'requests', life, async (changedAfter = '0') => {
        const records = await deps.client.listRequests({ changedAfter, wait: READ_MS, signal: life });
        for (const record of records) this.#see(record);
        await this.#readAgain();
        return records.at(-1)?.revision ?? changedAfter;
      });
    } finally {
      unsubscribe();
      for (const task of [...this.#tasks.values()]) task.end('the node is stopping');
    }
  }

  async #readAgain(): Promise<void> {
    const { client, clock } = this.deps;
    if (clock.monotonic() < this.#againAt) return;
    const read = (changedAfter = '0'): Promise<RequestRecord[]> =>
      client.listRequests({ status: 'pending', changedAfter, signal: this.life });
    for await (const record of readThrough({ read, cursorOf: ({ revision }) => revision })) this.#see(record);
    this.#againAt = clock.monotonic() + AGAIN_MS;
  }

  #see(record: RequestRecord): void {
    const task = this.#tasks.get(record.id);
    if (task === undefined) {
      void this.#assignments.note(record);
      void this.#work.seeLate(record);
    } else {
      this.#work.see(task, record);
    }
    // This ends a task whose request is finished, or has given way to another one under its id.
    if (record.status === 'pending' && !this.#tasks.has(record.id)) this.#start(record);
  }

  #start(record: RequestRecord): void {
    // An answer of the board that comes after the end begins nothing.
    if (this.life.aborted) return;
    const task = new SigningTask(this.deps, record);
    this.#tasks.set(task.id, task);
    task.ended.addEventListener('abort', () => this.#tasks.delete(task.id), { once: true });
    this.#work.start(task);
  }

  #wake(): void {
    wake(this.#tasks.values());
  }
}

/** Signs what clients ask for, and fills the pool, until the signal aborts: the node's life once its key share is complete. */
export async function runSigning(deps: SigningDeps, signal: AbortSignal): Promise<void> {
  await new SigningCoordinator(deps, signal).run();
}
