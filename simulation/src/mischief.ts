import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { announce, type Presence, type Seals } from 'node/parts';
import { NAMING, PRESIGNATURE_REQUEST, REQUEST_STATUS } from 'sealing/kinds';
import { sleep, type Clock } from 'service/clock';
import type { Random } from './random.js';
import type { Vices } from './vices.js';

export interface MischiefDeps {
  readonly index: number;
  readonly n: number;
  readonly t: number;
  readonly vices: Vices;
  readonly presence: Presence;
  readonly client: BoardClient;
  readonly seals: Seals;
  readonly clock: Clock;
  readonly random: Random;
}

/** Between two misdeeds. */
const LEAST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_500;

/** @param request one that is pending; undefined when there is none */
type Misdeed = (request: RequestRecord | undefined) => Promise<void>;

/** What a corrupt member does besides taking part, or not, in what the others do. It can lie, but not in another's name. */
export class Mischief {
  /** How often it has announced an attempt, about. */
  #turns = 0;
  /** Requests that it has seen. */
  readonly #seen = new Map<string, RequestRecord>();

  constructor(private readonly deps: MischiefDeps) {}

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, vices } = this.deps;
    const { announces, names, assigns, accuses, fails, reposts, floods } = vices;
    const all: readonly [boolean, Misdeed][] = [
      [announces, (request) => this.#announce(request)],
      [names, (request) => this.#name(request, signal)],
      [assigns, (request) => this.#assign(request, signal)],
      [accuses, () => this.#accuse()],
      [fails, (request) => this.#fail(request, signal)],
      [reposts, () => this.#repost(signal)],
      [floods, () => this.#flood(signal)],
    ];
    const misdeeds = all.flatMap(([does, misdeed]) => (does ? [misdeed] : []));
    while (misdeeds.length > 0 && !signal.aborted) {
      await sleep(clock, random.between(LEAST_PAUSE_MS, LONGEST_PAUSE_MS), signal);
      try {
        const pending = await this.#pending(signal);
        await random.pick(misdeeds)(pending.length === 0 ? undefined : random.pick(pending));
      } catch {
        // The board has said no, or does not answer: it tries something else.
      }
    }
  }

  async #pending(signal: AbortSignal): Promise<RequestRecord[]> {
    const records = await this.deps.client.listRequests({ status: 'pending', signal });
    for (const record of records) this.#seen.set(record.id, record);
    return records;
  }

  #announce(request: RequestRecord | undefined): Promise<void> {
    if (request === undefined) return Promise.resolve();
    const { index, n, t, presence, random } = this.deps;
    this.#turns += random.integer(0, 2);
    const others = Array.from({ length: n }, (_, party) => party).filter((party) => party !== index);
    const signers = [index, ...random.some(others, t - 1)].sort((a, b) => a - b);
    // Numbers are counted by their leaders. Now and then it takes one of another's.
    const number = 1 + (random.chance(0.8) ? index : random.integer(0, n - 1)) + n * this.#turns;
    presence.update({ attempts: random.chance(0.2) ? [] : [announce({ requestId: request.id, number, signers })] });
    return Promise.resolve();
  }

  async #name(request: RequestRecord | undefined, signal: AbortSignal): Promise<void> {
    const { presence, random, seals, client } = this.deps;
    const offered = presence.peers().flatMap(({ status }) => Object.values(status?.offers ?? {}).flat());
    const id = offered.length > 0 && random.chance(0.5) ? random.pick(offered) : this.#newId();
    presence.update({ offers: { ...presence.status.offers, ...this.#falseOffers() } });
    if (request === undefined) return;
    const naming = await seals.state(NAMING, { request_id: request.id, presignature_id: id });
    await client.updateRequest(request.id, { presignature_id: id, naming }, signal);
  }

  /** One that it has made with others, without waiting for its place, or one that nobody makes. It may assign the same one twice. */
  async #assign(request: RequestRecord | undefined, signal: AbortSignal): Promise<void> {
    if (request === undefined || request.presignature_id !== undefined) return;
    const { presence, random, seals, client } = this.deps;
    const own = Object.values(presence.status.offers ?? {}).flat();
    const id = own.length > 0 && random.chance(0.7) ? random.pick(own) : await this.#ask([this.deps.index], signal);
    const naming = await seals.state(NAMING, { request_id: request.id, presignature_id: id });
    await client.updateRequest(request.id, { presignature_id: id, naming }, signal);
  }

  #falseOffers(): Record<string, string[]> {
    const { index, n, t, random } = this.deps;
    const higher = Array.from({ length: n - index - 1 }, (_, k) => index + 1 + k);
    if (higher.length < t - 1) return {};
    const label = [index, ...random.some(higher, t - 1)].map((party) => party + 1).join('-');
    return { [label]: [this.#newId()] };
  }

  #newId(): string {
    return `presig_gen_node-${this.deps.index + 1}_${this.deps.random.bytes(16).toString('hex')}`;
  }

  #accuse(): Promise<void> {
    const { index, n, presence, random } = this.deps;
    const others = Array.from({ length: n }, (_, party) => party).filter((party) => party !== index);
    const accused = random.some(others, random.integer(0, 2)).map((party) => `node-${party + 1}`);
    presence.update({ culprits: accused });
    return Promise.resolve();
  }

  async #fail(request: RequestRecord | undefined, signal: AbortSignal): Promise<void> {
    if (request === undefined) return;
    const { seals, client } = this.deps;
    const reason = 'unauthorized: node-1, node-2';
    const statement = await seals.state(REQUEST_STATUS, { request_id: request.id, reason });
    await client.updateRequest(request.id, { status: 'failed', reason, statement }, signal);
  }

  async #repost(signal: AbortSignal): Promise<void> {
    const { random, client } = this.deps;
    const seen = [...this.#seen.values()];
    if (seen.length === 0) return;
    const { id, message, origin } = random.pick(seen);
    await client.createRequest({ id, message: random.chance(0.5) ? message : `not ${message}`, origin }, signal);
  }

  async #flood(signal: AbortSignal): Promise<void> {
    await this.#ask([], signal);
  }

  /** Asks for a presignature of a set with these members. @returns its id */
  async #ask(members: readonly number[], signal: AbortSignal): Promise<string> {
    const { n, t, random, seals, client } = this.deps;
    const others = Array.from({ length: n }, (_, party) => party).filter((party) => !members.includes(party));
    const participants = [...members, ...random.some(others, t - members.length)].sort((a, b) => a - b);
    const id = this.#newId();
    const origin = await seals.state(PRESIGNATURE_REQUEST, { id, participants });
    await client.createPresignatureRequest({ request_id: id, participants, origin }, signal);
    return id;
  }
}
