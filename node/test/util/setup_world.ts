import { createHash } from 'node:crypto';
import type { NodeStatus } from 'message-board/contract';
import { pino } from 'pino';
import { Agreement } from '../../src/setup/agreement.js';
import { initialStatus, type Phase } from '../../src/setup/phase.js';
import type { ResultStore } from '../../src/storage/key_store.js';
import type { PresenceView } from '../../src/cluster/presence.js';
import { systemClock } from 'service/clock';
import { nodeId } from '../../src/base/utils.js';
import { present } from 'testkit/present';
import { nodeStatus } from './node_status.js';

/** What a node keeps through its deaths. */
interface Disk {
  /** Has it ever been emptied? */
  wiped: boolean;
  readonly claimed: Set<string>;
  readonly pending: Map<number, string>;
  final: string | null;
}

/** One run of a node's process. */
interface Life {
  readonly index: number;
  readonly incarnation: string;
  dead: boolean;
  status: NodeStatus;
  /** What it has last read from the board, and who looked alive then. */
  view: ReadonlyMap<number, { readonly status: NodeStatus; readonly live: boolean }>;
  readonly callbacks: Set<() => void>;
  done: string | null;
}

/** Something that has been begun and will happen, in whatever order. */
interface Pending {
  readonly life: Life;
  /** Happens, if at all, also when the node dies meanwhile. */
  readonly happen: () => void;
  /** What the node does then, if it still lives. */
  readonly goOn: () => void;
}

interface Messages {
  readonly commitments: Map<number, string>;
  readonly confirmations: Set<number>;
}

const ID = /^attempt\.(\d+)$/;

/**
 * n nodes that run the real agreement over a board, disks and a protocol in memory. Everything that takes time is a pending
 * event; whoever holds the world picks what happens next, and who dies between any two of them.
 */
export class SetupWorld {
  readonly disks: readonly Disk[];
  readonly #lives: (Life | null)[];
  readonly #board = new Map<number, NodeStatus>();
  readonly #messages = new Map<number, Messages>();
  #pending: Pending[] = [];
  #lifeCount = 0;
  /** May an attempt fail, and a dead node look alive? */
  #chaos = true;

  /**
   * @param draw a number from 0 to below its argument
   * @param patience one of so many readings in an attempt is given up
   */
  constructor(
    private readonly n: number,
    private readonly draw: (below: number) => number,
    private readonly patience: number,
  ) {
    this.disks = Array.from({ length: n }, () => ({ wiped: false, claimed: new Set(), pending: new Map(), final: null }));
    this.#lives = this.disks.map(() => null);
  }

  get stages(): (string | null)[] {
    return this.#lives.map((life) => life?.status.stage ?? null);
  }

  /** All nodes, and what each has ended with. */
  get results(): (string | null)[] {
    return this.#lives.map((life) => life?.done ?? null);
  }

  calm(): void {
    this.#chaos = false;
  }

  start(index: number): void {
    if (this.#lives[index] != null) return;
    this.#lifeCount += 1;
    const incarnation = String(this.#lifeCount);
    const status = nodeStatus({ incarnation, stage: 'starting' });
    const life: Life = { index, incarnation, dead: false, status, view: new Map(), callbacks: new Set(), done: null };
    this.#lives[index] = life;
    void this.#live(life);
  }

  /** As kill -9 does: of what was under way each thing may have happened or not. */
  kill(index: number): void {
    const life = this.#lives[index];
    if (life == null) return;
    life.dead = true;
    this.#lives[index] = null;
    const [its, others] = [this.#pending.filter((event) => event.life === life), this.#pending.filter((event) => event.life !== life)];
    for (const { happen } of its) if (this.draw(2) === 0) happen();
    this.#pending = others;
  }

  /** Empties the disk of a node that does not run. */
  wipe(index: number): void {
    const disk = this.disks[index];
    if (disk === undefined || this.#lives[index] != null) return;
    disk.wiped = true;
    disk.claimed.clear();
    disk.pending.clear();
    disk.final = null;
  }

  /** Lets one pending event happen, and everybody react. */
  async step(): Promise<void> {
    const [event] = this.#pending.splice(this.draw(this.#pending.length), 1);
    event?.happen();
    if (event?.life.dead === false) event.goOn();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async #live(life: Life): Promise<void> {
    const phase = this.#phase(life);
    const journal = { ids: () => this.disks[life.index]?.claimed ?? [], claim: (id: string) => this.#claim(life, id) };
    life.status = { ...life.status, keygen: await initialStatus(phase, journal) };
    this.#heartbeats(life);
    this.#readings(life);
    const system = { clock: systemClock, logger: pino({ level: 'silent' }) };
    const parts = { presence: this.#presence(life), journal, culprits: { list: () => [] }, onProblem: () => undefined };
    const agreement = new Agreement(phase, { ...system, ...parts });
    while (life.done === null) {
      const step = await agreement.step(new AbortController().signal);
      if (step.kind === 'done') life.done = step.result;
      else if (step.kind !== 'again') await this.#event(life, () => undefined);
    }
  }

  /** Resolves after the event has happened, never when the node dies. */
  #event<T>(life: Life, effect: () => T): Promise<T> {
    return new Promise((resolve) => {
      let value: T;
      const happen = (): void => {
        value = effect();
      };
      this.#pending.push({
        life,
        happen,
        goOn: () => {
          resolve(value);
        },
      });
    });
  }

  #claim(life: Life, id: string): Promise<boolean> {
    const { claimed } = present(this.disks[life.index]);
    const fresh = !claimed.has(id);
    return this.#event(life, () => {
      claimed.add(id);
      return fresh;
    });
  }

  #phase(life: Life): Phase {
    return {
      name: 'keygen',
      store: this.#store(life),
      executionId: (attempt) => `attempt.${attempt}`,
      attemptOf: (id) => (ID.test(id) ? Number(ID.exec(id)?.[1]) : null),
      digestOf: (result) => createHash('sha256').update(result).digest('hex'),
      prepare: () => this.#event(life, () => undefined),
      obstacle: () => this.#event(life, () => null),
      run: (attempt, signal) => this.#run(life, attempt, signal),
    };
  }

  #store({ index, ...rest }: Life): ResultStore {
    const life = this.#lives[index] ?? { index, ...rest };
    const disk = present(this.disks[index]);
    return {
      load: () => this.#event(life, () => disk.final),
      loadPending: () =>
        this.#event(life, () => {
          const [attempt, text] = [...disk.pending].sort(([a], [b]) => b - a)[0] ?? [-1, ''];
          return attempt < 0 ? null : { attempt, text };
        }),
      savePending: (attempt, text) => this.#event(life, () => void disk.pending.set(attempt, text)),
      commit: async (attempt) => {
        await this.#event(life, () => {
          const text = disk.pending.get(attempt);
          if (text === undefined || disk.final !== null) throw new Error('nothing to commit, or something there');
          disk.final = text;
        });
        await this.#event(life, () => {
          disk.pending.clear();
        });
      },
      discardPending: () =>
        this.#event(life, () => {
          disk.pending.clear();
        }),
    };
  }

  /** A protocol of two rounds: everybody's commitment, then everybody's word that all are there. What is posted stays. */
  async #run(life: Life, attempt: number, signal: AbortSignal): Promise<string> {
    const messages = this.#messages.get(attempt) ?? { commitments: new Map<number, string>(), confirmations: new Set<number>() };
    this.#messages.set(attempt, messages);
    const leftovers = await this.#event(life, () => {
      const there = messages.commitments.has(life.index);
      if (there && this.disks[life.index]?.wiped === false) throw new Error(`${nodeId(life.index)} has run attempt ${attempt} twice`);
      if (!there) messages.commitments.set(life.index, life.incarnation);
      return there;
    });
    if (leftovers) throw new Error('the board holds messages of an earlier attempt');
    await this.#until(life, signal, () => messages.commitments.size === this.n);
    await this.#event(life, () => messages.confirmations.add(life.index));
    await this.#until(life, signal, () => messages.confirmations.size === this.n);
    return JSON.stringify([attempt, [...messages.commitments].sort(([a], [b]) => a - b)]);
  }

  async #until(life: Life, signal: AbortSignal, holds: () => boolean): Promise<void> {
    for (;;) {
      const there = await this.#event(life, holds);
      signal.throwIfAborted();
      if (this.#chaos && this.draw(this.patience) === 0) throw new Error('silence');
      if (there) return;
      // Without chaos a node that is dead, or in another life, is noticed.
      const all = this.#lives.every((other) => other !== null && (other.done !== null || other.status.keygen.running !== null));
      if (!this.#chaos && !all && this.draw(4) === 0) throw new Error('silence');
    }
  }

  #presence(life: Life): PresenceView {
    const peers = (): ReturnType<PresenceView['peers']> =>
      this.disks.flatMap((_, index) => {
        const seen = life.view.get(index);
        return index === life.index ? [] : [{ index, nodeId: nodeId(index), live: seen?.live ?? false, ageMs: 0, status: seen?.status }];
      });
    return {
      incarnation: life.incarnation,
      get status() {
        return life.status;
      },
      update: (patch) => {
        life.status = { ...life.status, ...patch };
        const { status } = life;
        // An update that a later one overtakes.
        void this.#event(life, () => this.#board.set(life.index, status));
      },
      peers,
      onChange: (callback) => {
        life.callbacks.add(callback);
        return () => life.callbacks.delete(callback);
      },
    };
  }

  #heartbeats(life: Life): void {
    void this.#event(life, () => this.#board.set(life.index, life.status)).then(() => {
      this.#heartbeats(life);
    });
  }

  #readings(life: Life): void {
    void this.#event(life, () => {
      const looksLive = (index: number): boolean => this.#lives[index] != null || (this.#chaos && this.draw(2) === 0);
      return new Map([...this.#board].map(([index, status]) => [index, { status, live: looksLive(index) }]));
    }).then((view) => {
      life.view = view;
      for (const callback of [...life.callbacks]) callback();
      this.#readings(life);
    });
  }
}
