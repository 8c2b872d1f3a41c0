import type { Logger } from 'pino';
import { SIGNING_REQUEST } from 'sealing/kinds';
import { BoardHost } from './board_host.js';
import { GatewayHost } from './client_host.js';
import { membersOf, START_OF_TIME } from './cluster_facts.js';
import { Network } from './network.js';
import { NodeHost } from './node_host.js';
import { Random } from './random.js';
import { Referee } from './referee.js';
import { owedTo } from './owed.js';
import type { Fault, Schedule } from './schedule.js';
import { forgetSignatures } from './stand_ins/cggmp24.js';
import { forgetReadStatements } from './stand_ins/node_statement.js';
import { forgetStatements } from './stand_ins/statement.js';
import { connect } from './stand_ins/undici.js';
import { traitsOf, type Traits } from './traits.js';
import { Timeline, type ClockOptions, type Process } from './timeline.js';
import { describeVices } from './vices.js';

/** A world with more events in all is a loop that does not wait. Real ones have some 20,000 a minute. */
const MOST_EVENTS = 2_000_000;
/** All that is still under way ends this much later than twice `deltaMs` after the last outcome, but for presignatures in the making. */
const QUIET_MS = 300;
/** A client whose calls reach the gateway has an id after this long, whatever its calls have met before. */
const ACCEPTED_MS = 20_000;
/** A node that is told to stop has ended after this long. */
const STOP_MS = 2_000;

export interface Verdict {
  readonly seed: string;
  /** What must not happen, and did. */
  readonly violations: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
  /** From the acceptance, or from the calm if that is later, to the outcome, milliseconds; of each request. */
  readonly latencies: readonly number[];
  readonly traits: Traits;
}

/** What happens, for people: when, at whom, what. */
export type Trace = (at: number, who: string, what: string) => void;

/** Told of each line that a process logs: it can make more happen. */
export type Script = (world: World, process: string, fields: Readonly<Record<string, unknown>>) => void;

/** A cluster, its board, its gateway and their clients, on one timeline. */
export class World {
  readonly timeline = new Timeline();
  readonly referee = new Referee(() => this.timeline.now);
  readonly nodes: readonly NodeHost[];
  readonly board: BoardHost;
  readonly gateway: GatewayHost;
  readonly #network: Network;
  /** By when each request has to be completed, milliseconds of the timeline. */
  readonly #deadlines = new Map<string, number>();
  /** By when all requests have to be accepted; then, by when they have to be finished. */
  #horizon: number;
  /** All that have ever run, by name. */
  readonly #processes = new Map<string, Process>();

  constructor(
    readonly schedule: Schedule,
    private readonly trace: Trace | null = null,
    private readonly script: Script | null = null,
  ) {
    const { seed, n, t, weather, vices, calmAt, requests } = schedule;
    this.#horizon = Math.max(calmAt, ...requests.map(({ at }) => at)) + ACCEPTED_MS;
    const { timeline, referee } = this;
    const random = new Random(seed);
    const members = membersOf(n, t);
    const logger = (process: Process): Logger => {
      this.#processes.set(process.name, process);
      return this.#logger(process);
    };
    const common = { timeline, members, logger };
    this.nodes = vices.map((vice, index) => new NodeHost({
      ...common, index, n, t, vices: vice,
      random: random.stream(`node ${index}`),
      clock: this.#clock(index),
      settings: schedule.settings,
      stepMs: schedule.stepMs,
      refuses: (message) => schedule.requests.some((request) => request.message === message && request.refusedBy.includes(index)),
      onAudit: (record) => { if (this.#isHonest(index)) referee.audited(`node-${index + 1}`, record); },
      onJob: (job) => { if (this.#isHonest(index)) referee.begun(`node-${index + 1}`, job); },
    }));
    this.board = new BoardHost({ ...common, random: random.stream('board'), roster: members.roster, clock: this.#clock(n) });
    this.#network = new Network(timeline, random.stream('network'), weather, this.board);
    forgetReadStatements();
    forgetStatements((_, typ, claims) => {
      if (typ !== SIGNING_REQUEST.typ) return;
      const { id, expires } = SIGNING_REQUEST.claims.parse(claims);
      referee.expires(id, Date.parse(expires));
    });
    forgetSignatures((half) => {
      const node = this.nodes[half.party];
      if (node?.isHonest === true) referee.issued(`node-${half.party + 1}`, half, node.wallTime);
    });
    connect((caller, call, signal) => this.#network.send(this.#processOf(caller), call, signal));
    const events = {
      onAccepted: (message: string, id: string) => {
        this.#note('client', `${message}: accepted as ${id}`);
        this.#accepted(message, id);
      },
      onCancel: (id: string) => {
        this.#note('client', `${id}: cancels it`);
        referee.cancelled(id);
      },
      onOutcome: (id: string, outcome: string) => {
        this.#note('client', `${id}: ${outcome}`);
        referee.shown(id, outcome);
      },
    };
    const { lifetimeMs } = schedule;
    this.gateway = new GatewayHost({ ...common, random: random.stream('gateway'), clock: this.#clock(n + 1), lifetimeMs, events });
  }

  async run(): Promise<Verdict> {
    const { schedule, timeline, referee, nodes } = this;
    this.#describe();
    this.board.start();
    this.gateway.start();
    for (const node of nodes) node.start();
    for (const fault of schedule.faults) timeline.at(fault.at, null, () => { this.happen(fault); });
    for (const { at, message, cancelledAfterMs } of schedule.requests) {
      timeline.at(at, null, () => { void this.gateway.ask(message, cancelledAfterMs); });
    }
    await timeline.run(() => this.#isDecided());
    this.#judgeTime();
    if (referee.violations.length === 0) await this.#end();
    const { calmAt } = schedule;
    const latencies = [...referee.requests.values()].map(({ acceptedAt, endedAt }) => endedAt - Math.max(acceptedAt, calmAt));
    const traits = { ...traitsOf(schedule), outcomes: referee.outcomes };
    return { seed: schedule.seed, violations: referee.violations, events: timeline.happened, virtualMs: timeline.now, latencies, traits };
  }

  #accepted(message: string, id: string): void {
    const { referee, schedule, timeline } = this;
    const { ends, by } = owedTo(message, schedule, timeline.now);
    referee.accepted(message, id, ends);
    this.#deadlines.set(id, by);
    if (referee.requests.size === schedule.requests.length) this.#horizon = Math.max(...this.#deadlines.values());
  }

  /** Are all requests finished, or is one too late? */
  #isDecided(): boolean {
    const { timeline, referee, schedule } = this;
    if (referee.violations.length > 0 || timeline.happened > MOST_EVENTS) return true;
    return (referee.unfinished === 0 && referee.requests.size === schedule.requests.length) || timeline.now > this.#horizon;
  }

  #judgeTime(): void {
    const { referee, timeline, schedule } = this;
    if (referee.requests.size < schedule.requests.length) referee.note('a request was not accepted');
    if (timeline.happened > MOST_EVENTS) referee.note('there is no end of events');
    for (const [id, { endedAt }] of referee.requests) {
      const by = this.#deadlines.get(id) ?? Infinity;
      if (endedAt > by && (endedAt < Infinity || timeline.now > by)) referee.late(id, by);
    }
  }

  /** When all is done, nothing is under way any more, clients are shown the same again, and who is told to stop does. */
  async #end(): Promise<void> {
    const { timeline, referee, schedule } = this;
    for (const id of referee.requests.keys()) void this.gateway.look(id);
    const quietAt = timeline.now + 2 * schedule.deltaMs + QUIET_MS;
    await timeline.run(() => timeline.now > quietAt);
    const fit = this.nodes.filter(({ index }) => schedule.fit.includes(index));
    for (const node of fit.filter(({ announced }) => announced.length > 0)) {
      referee.note(`node-${node.index + 1} still announces ${node.announced.join(', ')}`);
    }
    for (const host of [...fit, this.gateway]) await this.#stop(host);
  }

  async #stop(host: NodeHost | GatewayHost): Promise<void> {
    const { timeline, referee } = this;
    const { process } = host;
    if (process === null) return;
    const stopped = new AbortController();
    void host.stop().then(() => {
      stopped.abort();
    });
    const end = timeline.now + STOP_MS;
    await timeline.run(() => stopped.signal.aborted || timeline.now > end);
    if (!stopped.signal.aborted) referee.note(`${process.name} does not stop`);
    else if (timeline.waits(process)) referee.note(`${process.name} has stopped, and still waits for something`);
  }

  happen(fault: Fault): void {
    const { who, kind } = fault;
    const name = typeof who === 'number' ? `node-${who + 1}` : who;
    this.#note(name, kind === 'freeze' || kind === 'cut' ? `${kind} for ${fault.ms.toFixed(0)} ms` : kind);
    if (kind === 'freeze' || kind === 'cut') this.#disturb(this.#runningAt(who), kind, fault.ms);
    else if (kind === 'start') this.#hostOf(who)?.start();
    else {
      const process = this.#runningAt(who);
      this.#hostOf(who)?.kill();
      if (process !== null) this.#network.serverDied(process);
    }
  }

  #hostOf(who: Fault['who']): NodeHost | BoardHost | GatewayHost | undefined {
    return typeof who === 'number' ? this.nodes[who] : this[who];
  }

  #runningAt(who: Fault['who']): Process | null {
    return this.#hostOf(who)?.process ?? null;
  }

  #disturb(process: Process | null, kind: 'freeze' | 'cut', ms: number): void {
    if (process === null) return;
    const until = this.timeline.now + ms;
    if (kind === 'freeze') process.frozenUntil = until;
    else process.cutOffUntil = until;
  }

  #isHonest(index: number): boolean {
    return this.nodes[index]?.isHonest === true;
  }

  #clock(place: number): ClockOptions {
    return this.schedule.clocks[place] ?? { rate: 1, wall: START_OF_TIME };
  }

  #processOf(name: string): Process {
    const process = this.#processes.get(name);
    if (process === undefined) throw new Error(`there is no process ${name}`);
    return process;
  }

  #note(who: string, what: string): void {
    this.trace?.(this.timeline.now, who, what);
  }

  #logger(process: Process): Logger {
    const { trace, script } = this;
    const line = (level: string) => (fields: Record<string, unknown>, message: string): void => {
      script?.(this, process.name, fields);
      if (trace === null) return;
      const { event, err, ...rest } = fields;
      const why = err instanceof Error ? { err: err.message } : {};
      this.#note(process.name, `${level} ${String(event)} ${JSON.stringify({ ...rest, ...why })} ${message}`);
    };
    const logger = { isLevelEnabled: () => false, debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
    return logger as unknown as Logger;
  }

  #describe(): void {
    const { n, t, fit, vices, weather, deltaMs, stepMs, settings } = this.schedule;
    this.#note('world', `${t} of ${n} sign; fit: ${fit.map((party) => `node-${party + 1}`).join(', ')}`);
    for (const [party, vice] of vices.entries()) {
      const text = describeVices(vice);
      if (text !== '') this.#note('world', `node-${party + 1} is corrupt: ${text}`);
    }
    this.#note('world', `delta ${deltaMs} ms, step ${stepMs} ms, pool ${settings.poolTarget}, ${JSON.stringify(weather)}`);
  }
}
