import { BoardClient } from 'message-board/client';
import { sessionsOf } from 'message-board/contract';
import {
  Culprits, DecidedRequestsFile, PoolDemand, Presence, Problems, runSigning, SEALED_CLUSTER, SealedAccuser, Seals, watchSelf,
  type AuditRecord, type Job, type OwnLife, type Policy, type SelfWatchDeps, type SigningDeps,
} from 'node/parts';
import type { Logger } from 'pino';
import type { Members } from 'testkit/roster';
import { Arithmetic } from './arithmetic.js';
import { MATERIAL_DIGEST, PUBLIC_KEY, SET_UP, SHARED_PUBLIC_KEY } from './cluster_facts.js';
import { CorruptClient } from './corrupt_client.js';
import { Mischief } from './mischief.js';
import type { Random } from './random.js';
import { newProcess, ProcessClock, type ClockOptions, type Process, type Timeline } from './timeline.js';
import { HONEST, type Vices } from './vices.js';

/** The settings of a node. */
export type NodeSettings = SigningDeps['config'] & { readonly peerDeadAfterMs: number };

export interface NodeHostDeps {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly members: Members;
  readonly index: number;
  readonly n: number;
  readonly t: number;
  readonly clock: ClockOptions;
  readonly settings: NodeSettings;
  /** The longest computation between two messages. */
  readonly stepMs: number;
  readonly vices: Vices;
  /** Does its policy refuse this message? */
  readonly refuses: (message: string) => boolean;
  readonly logger: (process: Process) => Logger;
  readonly onAudit: (record: AuditRecord) => void;
  readonly onJob: (job: Job) => void;
}

/** One life of a node. */
interface Life {
  readonly process: Process;
  readonly ending: AbortController;
  readonly over: Promise<unknown>;
  readonly presence: Presence;
  readonly arithmetic: Arithmetic;
}

/** A machine with a node that has its key share. What its disk has survives the process. */
export class NodeHost {
  readonly #clock: ProcessClock;
  /** The ids that it has begun, as its journal has them. */
  readonly #journal = new Set<string>();
  /** What it has decided about requests. That survives its process, too. */
  readonly #decided: DecidedRequestsFile;
  #lives = 0;
  /** The number of its last life. */
  #started = 0;
  #life: Life | null = null;

  constructor(private readonly deps: NodeHostDeps) {
    this.#clock = new ProcessClock(deps.timeline, newProcess(`node-${deps.index + 1}-machine`), deps.clock);
    this.#decided = DecidedRequestsFile.open(':memory:', { clock: this.#clock });
  }

  get index(): number {
    return this.deps.index;
  }

  get isHonest(): boolean {
    return this.deps.vices === HONEST;
  }

  /** The process that runs now; null while it is down. */
  get process(): Process | null {
    return this.#life?.process ?? null;
  }

  /** What its wall clock says, milliseconds since 1970. */
  get wallTime(): number {
    return this.#clock.now();
  }

  /** Sessions under way. */
  get running(): number {
    return this.#life?.arithmetic.running ?? 0;
  }

  /** Attempts that it announces now. */
  get announced(): readonly string[] {
    return this.#life?.presence.status.attempts ?? [];
  }

  start(): void {
    if (this.#life !== null) return;
    this.#lives += 1;
    const { index } = this.deps;
    const process = newProcess(`node-${index + 1}-life-${this.#lives}`);
    this.#life = this.#live(process);
  }

  /** Ends its process at once: whatever it was about to do never happens. */
  kill(): void {
    if (this.#life === null) return;
    this.#life.process.isAlive = false;
    this.#life = null;
  }

  /** Tells it to stop. @returns resolves when nothing of it goes on */
  async stop(): Promise<void> {
    const reason = new DOMException('the node is stopping', 'AbortError');
    this.#life?.ending.abort(reason);
    await this.#life?.over.catch((error: unknown) => {
      // It was still starting.
      if (error !== reason) throw error;
    });
  }

  #live(process: Process): Life {
    const { timeline, random: source, members, index, n, t, settings, stepMs, vices } = this.deps;
    const random = source.stream(process.name);
    const clock = new ProcessClock(timeline, process, this.deps.clock);
    const logger = this.deps.logger(process);
    const identity = members.identities[index];
    if (identity === undefined) throw new Error(`no node ${index}`);
    const seals = new Seals(members.roster, identity);
    const wire = { clock, random: random.bytes, session: sessionsOf(members.roster, identity) };
    const url = `http://${process.name}`;
    const client = this.isHonest ? new BoardClient(url, wire) : new CorruptClient(url, wire, vices);
    const life = this.#nextLife(clock.now());
    const { incarnation } = life;
    const ending = new AbortController();
    const setup = { keygen: SET_UP, auxInfo: SET_UP, life, deadAfterMs: settings.peerDeadAfterMs };
    const presence = new Presence({ ...setup, client, clock, logger, seals, index, n, onClone: () => undefined });
    presence.update({ public_key: PUBLIC_KEY });
    const culprits = new Culprits({ presence, n, t });
    this.#watchSelf({ index, n, t, presence, clock, problems: new Problems() }, ending.signal);
    const arithmetic = new Arithmetic({ index, clock, random, stepMs, cheat: vices.cheat, onStart: this.deps.onJob });
    const signing: SigningDeps = {
      index, n, t, client, seals, presence, culprits, clock, logger, incarnation,
      random: random.bytes,
      peers: presence,
      runner: arithmetic,
      roster: members.roster,
      cluster: SEALED_CLUSTER,
      accuser: new SealedAccuser({ culprits, evidence: { save: () => Promise.resolve() }, logger }),
      journal: { claim: (id) => this.#claim(id), ids: () => this.#journal },
      decided: this.#decided,
      audit: this.#audit(),
      authorize: SEALED_CLUSTER.authorizer({ roster: members.roster, maxAgeMs: 86_400_000 }),
      policy: this.#policy(random),
      demand: new PoolDemand({ target: settings.poolTarget, max: settings.poolMax }, clock),
      keyShare: { sharedPublicKey: SHARED_PUBLIC_KEY, materialDigest: MATERIAL_DIGEST },
      config: settings,
    };
    const mischief = new Mischief({ index, n, t, vices, presence, client, seals, clock, random });
    const { signal } = ending;
    const over = Promise.all([presence.run(signal), runSigning(signing, signal), mischief.run(signal)]);
    return { process, ending, over, presence, arithmetic };
  }

  /** What keeps it from signing is published, as node.ts has it. */
  #watchSelf(deps: SelfWatchDeps & { readonly presence: Presence }, signal: AbortSignal): void {
    const { presence, problems } = deps;
    problems.onChange(() => {
      presence.impair(problems.list().map(({ code }) => code), problems.stopSigning);
    });
    watchSelf(deps, signal);
  }

  /** As `CountedLife` has it, whose file is on the disk. */
  #nextLife(now: number): OwnLife {
    this.#started = Math.max(this.#started + 1, now);
    const outlive = (other: { readonly started: number }): Promise<void> => {
      this.#started = Math.max(this.#started, other.started + 1);
      return Promise.resolve();
    };
    const started = (): number => this.#started;
    return { incarnation: `${this.#started}-${this.#lives}`, get started() { return started(); }, outlive };
  }

  #claim(id: string): Promise<boolean> {
    const isNew = !this.#journal.has(id);
    this.#journal.add(id);
    return Promise.resolve(isNew);
  }

  #audit(): SigningDeps['audit'] {
    const { onAudit } = this.deps;
    return {
      note: onAudit,
      record: (record) => {
        onAudit(record);
        return Promise.resolve();
      },
    };
  }

  #policy(random: Random): Policy {
    const { refuses, vices } = this.deps;
    const refuse = { allowed: false, code: 'policy_refused', why: 'the schedule says so' } as const;
    return {
      sha256: null,
      check: ({ payload: { message } }) => (refuses(message) || random.chance(vices.refuses) ? refuse : { allowed: true }),
    };
  }
}
