import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRng } from 'cggmp24/testing';
import { BoardClient } from 'message-board/client';
import { INSTANCE_HEADER } from 'message-board/contract';
import { systemClock, type Clock } from 'service/clock';
import type { Running } from 'service/serve';
import { seal } from 'sealing/envelope';
import { Identity } from 'sealing/identity';
import * as kinds from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { Pool } from 'undici';
import type { Json } from 'testkit/json';
import { identityText } from 'testkit/fixed_identity';
import { sha256 } from '../../src/base/sha256.js';
import { FORGED_MESSAGES, GONE, NO_ANSWERS, OTHER_STATES } from './board_lies.js';
import { startBoard } from './cluster.js';

type Entry = Record<string, Json>;

/** Of each field, this many values are kept to lie with. Fewer: lies are less plausible. More: a run needs more memory. */
const KEPT = 400;
const LONGEST_WAIT_MS = 700;

/** A board's answer. */
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly instance: string;
}

/**
 * The real board behind somebody who reads everything and forges, swaps, replays, reorders, drops, duplicates, cuts and
 * withholds whatever goes through it, in both directions. What is behind stays true: `truth` reads it.
 */
export class MaliciousBoard {
  /** How much of what goes through is tampered with, from 0 (nothing) to 1. */
  intensity = 0;
  /** Everything that it was ever told. */
  readonly memory = new Set<string>();
  /** Every signature that any node wanted to publish: request id and text. */
  readonly signatures: { readonly id: string; readonly signature: string }[] = [];
  readonly #values = new Map<string, Json[]>();
  readonly #entries = new Map<string, Entry[]>();
  /** What everybody is shown in place of some entry. */
  readonly #lies = new Map<string, Entry[]>();
  readonly #pool: Pool;
  readonly #outsiders: ReadonlyMap<string, Identity>;
  #draws = 0;

  private constructor(
    private readonly seed: string,
    private readonly roster: Roster,
    private readonly board: Running,
    private readonly server: Server,
    readonly truth: BoardClient,
  ) {
    this.#pool = new Pool(`http://127.0.0.1:${board.port}`);
    const names = ['gateway', ...roster.file.nodes.map(({ name }) => name)];
    this.#outsiders = new Map(names.map((name) => [name, Identity.parse(identityText(name, ' as the board would have it'))]));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#handle(request, response).catch(() => {
        response.destroy();
      });
    });
  }

  static async start(seed: string, roster: Roster, clock: Clock = systemClock): Promise<MaliciousBoard> {
    const board = await startBoard(clock);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new MaliciousBoard(seed, roster, board, server, new BoardClient(`http://127.0.0.1:${board.port}`));
  }

  /** Where the nodes find it. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    this.server.closeAllConnections();
    await closed;
    await this.truth.close();
    await this.#pool.destroy();
    await this.board.close();
  }

  // ---- what goes through ----

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const text = await bodyOf(request);
    this.#remember(url, text);
    const answer = await this.#answerTo(method, url, text);
    if (answer === null) {
      response.destroy();
      return;
    }
    const instance = this.#happens(0.02) ? `other${this.#draw(3)}` : answer.instance;
    response.writeHead(answer.status, { 'content-type': 'application/json', [INSTANCE_HEADER]: instance });
    response.end(answer.text);
  }
  #answerTo(method: string, url: string, text: string): Promise<Answer | null> {
    if (this.#happens(0.1)) return this.#broken();
    return method === 'GET' ? this.#read(url) : this.#write(method, url, text);
  }

  #remember(url: string, text: string): void {
    this.memory.add(url);
    if (text === '') return;
    this.memory.add(text);
    const body = parse(text);
    if (!isEntry(body)) return;
    const [route = '', id = ''] = (url.split('?')[0] ?? '').slice(1).split('/');
    if (route === 'requests' && typeof body.signature === 'string') {
      this.signatures.push({ id: decodeURIComponent(id), signature: body.signature });
    }
    this.#keep(route, body);
  }

  #keep(route: string, entry: Entry): void {
    keepIn(this.#entries, route, entry, this.#draw(KEPT));
    for (const [field, value] of Object.entries(entry)) keepIn(this.#values, field, value, this.#draw(KEPT));
  }

  async #read(url: string): Promise<Answer> {
    const [path = '', query = ''] = url.split('?');
    const search = new URLSearchParams(query);
    // Nobody is held back longer than the misbehaviour lasts.
    if (Number(search.get('wait')) > LONGEST_WAIT_MS && this.intensity > 0) search.set('wait', String(LONGEST_WAIT_MS));
    const answer = await this.#forward('GET', search.size === 0 ? path : `${path}?${search.toString()}`, '');
    const [route = ''] = path.slice(1).split('/');
    const json = parse(answer.text);
    if (answer.status !== 200 || this.intensity === 0) return answer;
    if (Array.isArray(json)) {
      if (route === 'requests' && this.#happens(0.3)) await this.invent();
      return { ...answer, text: await this.#shownList(route, json) };
    }
    const [shown] = isEntry(json) ? await this.#shown(route, json) : [];
    return shown === undefined ? { ...answer, ...GONE } : { ...answer, text: JSON.stringify(shown) };
  }

  async #write(method: string, url: string, text: string): Promise<Answer | null> {
    const body = parse(text);
    const [path = '', query] = url.split('?');
    const [route = '', id] = path.slice(1).split('/');
    if (this.intensity === 0 || !isEntry(body)) return this.#forward(method, url, text);
    if (this.#happens(0.3)) await sleep(this.#draw(300));
    let honest: Answer | null = null;
    for (const each of await this.#twisted(route, body)) {
      const elsewhere = id !== undefined && each !== body && this.#draw(2) === 0 ? this.#otherId(route) : undefined;
      const named = elsewhere ?? id;
      const to = named === undefined ? `/${route}` : `/${route}/${encodeURIComponent(textOf(named))}`;
      const answer = await this.#forward(method, query === undefined ? to : `${to}?${query}`, JSON.stringify(each));
      if (each === body) honest = answer;
    }
    if (honest !== null) {
      const list = parse(honest.text);
      return Array.isArray(list) ? { ...honest, text: await this.#shownList(route, list) } : honest;
    }
    const made = { id: `made.${this.#draw(1e9)}`, created_at: new Date().toISOString(), ...body };
    if (method !== 'POST') return this.#broken();
    return { status: 200, text: JSON.stringify(query === undefined ? made : [made]), instance: this.#instance };
  }

  #otherId(route: string): Json | undefined {
    return this.#valueOf(route === 'nodes' ? 'from_node' : 'request_id');
  }

  async #forward(method: string, path: string, text: string): Promise<Answer> {
    const headers = text === '' ? {} : { 'content-type': 'application/json' };
    const answer = await this.#pool.request({ method, path, body: text === '' ? null : text, headers });
    const instance = answer.headers[INSTANCE_HEADER];
    this.#instance = typeof instance === 'string' ? instance : '';
    return { status: answer.statusCode, text: await answer.body.text(), instance: this.#instance };
  }
  #instance = '';

  /** No answer, or none that is any good. */
  async #broken(): Promise<Answer | null> {
    await sleep(this.#draw(100));
    const text = this.#pick(NO_ANSWERS);
    if (this.#draw(4) === 0) return null;
    return { status: this.#pick([200, 200, 400, 403, 404, 409, 429, 500, 503]), text, instance: this.#instance };
  }

  // ---- lies ----

  async #shownList(route: string, list: Json[]): Promise<string> {
    const shown = (await Promise.all(list.filter(isEntry).map((entry) => this.#shown(route, entry)))).flat();
    return JSON.stringify(this.#shuffled(shown));
  }

  /** What one reader is shown for one entry: a lie of the moment, or one that everybody is told from now on. */
  async #shown(route: string, entry: Entry): Promise<Entry[]> {
    const key = `${route} ${JSON.stringify(entry.id ?? entry.revision ?? entry)}`;
    const told = this.#lies.get(key);
    if (told !== undefined) return told;
    const shown = await this.#twisted(route, entry);
    const isLie = shown.length !== 1 || shown[0] !== entry;
    if (isLie && route !== 'nodes' && this.#draw(2) === 0) this.#lies.set(key, shown);
    return shown;
  }

  async #twisted(route: string, entry: Entry): Promise<Entry[]> {
    if (!this.#happens(1)) return [entry];
    if (isEntry(entry.statements ?? null) && this.#draw(2) === 0) return [await this.#withOtherStatement(entry)];
    switch (this.#draw(9)) {
      case 0:
        return [];
      case 1:
        return [entry, entry];
      case 2:
      case 3:
        return [this.#withOther(entry)];
      case 4:
        return [this.#withOther(entry), entry];
      case 5:
        return [this.#withRetouched(entry)];
      case 6:
        return [this.#earlier(route, entry)];
      case 7:
        return [this.#earlier(route, entry), entry];
      default:
        return [await this.#forged(route, entry), entry];
    }
  }

  /** One or two fields have values that were seen elsewhere. */
  #withOther(entry: Entry): Entry {
    const fields = Object.keys(entry);
    const twisted = { ...entry };
    for (let k = 0; k <= this.#draw(2); k++) {
      const field = this.#pick([...fields, 'origin', 'naming', 'presignature_id', 'refusals', 'status', 'signature', 'reason']);
      const value = this.#valueOf(field);
      if (value !== undefined && field !== 'status') twisted[field] = value;
    }
    // Only a signing request has these states.
    if ('message' in entry && this.#draw(3) === 0) Object.assign(twisted, this.#pick(OTHER_STATES));
    return twisted;
  }

  /** What a node says on one topic is damaged, forged, of another node or of an earlier moment. */
  async #withOtherStatement(entry: Entry): Promise<Entry> {
    const statements = entry.statements as Entry;
    const topic = this.#pick(Object.keys(statements));
    const others = [this.#earlier('nodes', entry), await this.#forged('nodes', entry), { statements: this.#withRetouched(statements) }];
    const other = this.#pick(others).statements ?? null;
    return { ...entry, statements: { ...statements, [topic]: isEntry(other) ? (other[topic] ?? null) : null } };
  }

  #withRetouched(entry: Entry): Entry {
    const field = this.#pick(Object.keys(entry));
    const value = entry[field];
    if (typeof value === 'number') return { ...entry, [field]: value + this.#pick([-1, 1, 1000]) };
    if (typeof value !== 'string' || value === '') return { ...entry, [field]: this.#pick<Json>([null, '', [], {}]) };
    const at = this.#draw(value.length);
    const letter = this.#pick(['A', '0', '.', '']);
    return { ...entry, [field]: this.#draw(3) === 0 ? value.slice(0, at) : value.slice(0, at) + letter + value.slice(at + 1) };
  }

  /** An entry of the past in this one's place. */
  #earlier(route: string, entry: Entry): Entry {
    const earlier = this.#pick(this.#entries.get(route) ?? [entry]);
    const kept = Object.keys(entry).filter((field) => !(field in earlier) || this.#draw(3) === 0);
    return { ...earlier, ...Object.fromEntries(kept.map((field) => [field, entry[field] ?? null])) };
  }

  /** Signed with keys that the board has made for its victims, or not signed at all. */
  async #forged(route: string, entry: Entry): Promise<Entry> {
    const { roster } = this;
    const as = (name: Json | undefined): Identity => this.#outsider(textOf(name));
    const text = (field: string): string => textOf(entry[field]);
    const plain = this.#pick(FORGED_MESSAGES);
    if ((route === 'messages' || route === 'presignature-messages') && 'payload' in entry) {
      const [to, round] = [text('to_node'), Number(entry.round)];
      const place = { namespace: route, session: text('request_id'), incarnation: 'a', setting: '0'.repeat(64), to, round } as const;
      const id = `forged.${this.#draw(1e9)}`;
      const sealed = (to === '*' || roster.has(to)) && this.#draw(3) > 0;
      return { ...entry, id, payload: sealed ? await seal(as(entry.from_node), roster, place, plain) : plain };
    }
    if (route === 'requests') {
      const message = this.#draw(2) === 0 ? text('message') : 'forged by the board';
      return this.#request({ ...entry, message }, as('gateway'));
    }
    if (route === 'partial-signatures') {
      const presignature_id = textOf(this.#valueOf('presignature_id'));
      const claims = { request_id: text('request_id'), message_sha256: '0'.repeat(64), presignature_id, sigma: '1'.repeat(64) };
      return { ...entry, payload: await sign(as(entry.from_node), roster, kinds.PARTIAL_SIGNATURE, claims) };
    }
    if (route === 'nodes') {
      const status = { ...READY_STATUS, ...this.#forgedStatus() };
      const signer = this.#draw(3) === 0 ? {} : { signer: { identity: as(entry.node_id), roster } };
      const { statements } = await heartbeatOf(status, { started: Date.now() + 10_000, sequence: 1_000_000, ...signer });
      return { ...entry, statements };
    }
    if (route === 'presignature-requests') {
      const id = `presig_gen_node-1_${sha256(String(this.#draw(1e9))).slice(0, 32)}`;
      const participants = [0, 1, 2];
      const origin = await sign(as('node-1'), roster, kinds.PRESIGNATURE_REQUEST, { id, participants });
      return { ...entry, id, request_id: id, participants, status: 'pending', origin };
    }
    return this.#withOther(entry);
  }

  #forgedStatus(): Entry {
    return this.#pick<Entry>([
      { incarnation: 'forged' },
      { stage: 'refusing' },
      { pool: {} },
      { offers: { '1-2-3': [textOf(this.#valueOf('presignature_id'))] } },
      { culprits: ['node-1', 'node-2', 'node-3'] },
      { attempts: ['req_1_x.3.7'] },
    ]);
  }

  #outsider(name: string): Identity {
    return this.#outsiders.get(name) ?? this.#pick([...this.#outsiders.values()]);
  }

  async #request(entry: Entry, asker: Identity): Promise<Entry> {
    const [id, message] = [textOf(entry.id), textOf(entry.message)];
    const value = this.#draw(2) === 0 ? undefined : this.#valueOf('presignature_id');
    const claimed = value === undefined ? {} : { presignature_id: textOf(value) };
    const shown = value === undefined ? {} : { presignature_id: value };
    const times = { time: new Date().toISOString(), expires: new Date(Date.now() + 3_600_000).toISOString() };
    const claims = { id, message_sha256: sha256(message), ...times, ...claimed };
    return { ...entry, ...shown, status: 'pending', origin: await sign(asker, this.roster, kinds.SIGNING_REQUEST, claims) };
  }

  /** Puts a request on the board that nobody has made. */
  async invent(): Promise<void> {
    const [id, message] = [`req_${Math.floor(Date.now() / 1000)}_${this.#draw(1e9)}`, 'pay everything to the board'];
    const stolen = this.#valueOf('origin');
    const isStolen = this.#draw(3) !== 0 && stolen !== undefined;
    const { origin } = isStolen ? { origin: stolen } : await this.#request({ id, message }, this.#outsider('gateway'));
    const given = this.#draw(3) === 0 ? {} : { origin: textOf(origin) };
    await this.truth.createRequest({ id, message, ...given }).catch(() => undefined);
  }

  // ---- chance ----

  /** Happens once in 1 / (share * intensity) times. */
  #happens(share: number): boolean {
    return this.intensity > 0 && this.#draw(1_000_000) < 1_000_000 * share * this.intensity;
  }

  #draw(below: number): number {
    if (this.#draws % 512 === 0) this.#random = Buffer.from(seededRng(`${this.seed} ${this.#draws}`)(2048));
    const at = 4 * (this.#draws % 512);
    this.#draws += 1;
    return this.#random.readUInt32BE(at) % below;
  }
  #random = Buffer.alloc(0);

  #pick<T>(list: readonly T[]): T {
    const picked = list[this.#draw(list.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  #valueOf(field: string): Json | undefined {
    const values = this.#values.get(field) ?? [];
    return values[this.#draw(values.length + 1)];
  }

  #shuffled(list: Entry[]): Entry[] {
    if (!this.#happens(0.5)) return list;
    const order = new Map(list.map((entry) => [entry, this.#draw(1e9)]));
    return list.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  }
}

function keepIn<T>(map: Map<string, T[]>, key: string, value: T, at: number): void {
  const kept = map.get(key) ?? [];
  map.set(key, kept);
  if (kept.length < KEPT) kept.push(value);
  else kept[at] = value;
}

function isEntry(json: Json): json is Entry {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : 'x';
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
