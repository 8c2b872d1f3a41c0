import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePoint, serializeAuxInfo, serializePrimes, verify, type KeyShare } from 'cggmp24';
import { fixturePrimes, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { parseSignature } from 'message-board/contract';
import { SealKey } from 'sealing/seal_key';
import { systemDisk } from 'service/disk';
import { systemRandom } from 'service/random';
import { runNode } from '../../src/node.js';
import { nodeId } from '../../src/base/utils.js';
import { workerThreads, type StartThread } from '../../src/workers/worker_pool.js';
import { misuses, partialSignatures, type StatedPartial } from 'testkit/presignature_misuse';
import { Asker, writeKeyFiles } from './board_record.js';
import { memoryLog, type Settings } from './cluster.js';
import { MaliciousBoard } from './malicious_board.js';
import { present } from 'testkit/present';
import { members, type Members } from 'testkit/roster';
import { PacedClock } from './paced_clock.js';
import { found, Secrets } from './secrets.js';
import { smallShares } from 'testkit/key_shares';
import { configOf } from './config.js';

const COMPILED = new URL('../../dist/workers/protocol_worker.js', import.meta.url);
const QUICK: Settings = {
  WORKERS: '1',
  POOL_TARGET: '8',
  POOL_MAX: '12',
  PEER_DEAD_AFTER_MS: '2000',
  POOL_LEADER_TIMEOUT_MS: '4000',
  FAST_SIGNING_TIMEOUT_MS: '1500',
  SETUP_TIMEOUT_MS: '4000',
};

export interface AttackOptions {
  readonly seed: string;
  readonly parties?: number;
  readonly threshold?: number;
  readonly settings?: Settings;
  /** Have the nodes a key already, or do they begin without? */
  readonly withKey: boolean;
  /** How a node's protocols run; a cheat's own way, for one. */
  readonly threadsOf?: (index: number, start: StartThread) => StartThread;
}

/** Whole nodes on small primes around a {@link MaliciousBoard}, and a gateway whose word reaches the board behind it. */
export class AttackedCluster {
  readonly log = memoryLog();
  readonly secrets = new Secrets(SMALL_FOR_TESTS);
  readonly #asker: Asker;
  readonly #running = new Map<number, { readonly life: AbortController; readonly ended: Promise<void> }>();

  private constructor(
    private readonly clock: PacedClock,
    readonly board: MaliciousBoard,
    readonly members: Members,
    private readonly folder: string,
    private readonly options: AttackOptions,
  ) {
    this.#asker = new Asker(members, board.truth);
  }

  static async start(options: AttackOptions): Promise<AttackedCluster> {
    const { seed, parties = 4, threshold = 3, withKey } = options;
    const all = members(parties, threshold);
    const clock = new PacedClock();
    const board = await MaliciousBoard.start(seed, all.roster, clock);
    const folder = await mkdtemp(join(tmpdir(), 'attacked-cluster-'));
    const cluster = new AttackedCluster(clock, board, all, folder, options);
    if (withKey) for (const share of smallShares(threshold, parties)) await cluster.#give(share);
    for (let index = 0; index < parties; index++) cluster.startNode(index);
    return cluster;
  }

  dataOf(index: number): string {
    return join(this.folder, nodeId(index));
  }

  startNode(index: number): void {
    const { roster, identities } = this.members;
    const { settings, threadsOf = (_index: number, start: StartThread): StartThread => start } = this.options;
    const place = { NODE_ID: nodeId(index), MESSAGE_BOARD_URL: this.board.url, DATA_DIR: this.dataOf(index) };
    const config = configOf({ ...place, ...QUICK, ...settings }, roster);
    const life = new AbortController();
    const logger = this.log.logger.child({ node: nodeId(index) });
    const take = (): Promise<string> => Promise.resolve(serializePrimes(fixturePrimes(index, SMALL_FOR_TESTS)));
    const primes = { prepare: () => Promise.resolve(), take };
    const startThread = this.secrets.threads(index, threadsOf(index, workerThreads(SMALL_FOR_TESTS, COMPILED)));
    const identity = present(identities[index]);
    const machine = { clock: this.clock, disk: systemDisk, random: systemRandom, startThread, onHangup: () => undefined };
    const environment = { ...machine, logger, params: SMALL_FOR_TESTS, primes };
    const ended = runNode({ config, roster, identity, sealKey: SealKey.none, ...environment }, life.signal).catch((error: unknown) => {
      if (!life.signal.aborted) this.log.lines.push({ event: 'node_ended', node: nodeId(index), msg: String(error) });
    });
    this.#running.set(index, { life, ended });
  }

  async stopNode(index: number): Promise<void> {
    const node = this.#running.get(index);
    this.#running.delete(index);
    node?.life.abort(new DOMException('stopped', 'AbortError'));
    await node?.ended;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((index) => this.stopNode(index)));
    await this.board.close();
    this.clock.stop();
    await rm(this.folder, { recursive: true });
  }

  has(event: string, node?: number): boolean {
    return this.log.lines.some((line) => line.event === event && (node === undefined || line.node === nodeId(node)));
  }

  count(event: string): number {
    return this.log.lines.filter((line) => line.event === event).length;
  }

  /** What was asked for, by id. */
  get asked(): ReadonlyMap<string, string> {
    return this.#asker.asked;
  }

  /** The request goes to the board behind the malicious one. */
  ask(message: string): Promise<string> {
    return this.#asker.ask(message);
  }

  /** Waits until a request is signed. @throws when that takes longer than `ms` */
  async signed(id: string, ms = 240_000): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      const wait = Math.min(5_000, Math.ceil(end - performance.now()));
      const record = await this.board.truth.getRequest(id, { status: 'pending', wait });
      if (record?.status === 'completed') return;
      if (record?.status === 'failed') throw new Error(`${id} has failed: ${record.reason ?? ''}`);
    }
    throw new Error(`${id} is not signed after ${ms} ms`);
  }

  // ---- what must never be ----

  /** Signatures that some node wanted to publish and that are not of what the gateway asked for under that id. */
  wrongSignatures(publicKey: string): string[] {
    const key = Buffer.from(publicKey, 'hex');
    const isRight = (id: string, signature: string): boolean => {
      const message = this.asked.get(id);
      return message !== undefined && verify(parseSignature(signature), key, Buffer.from(message));
    };
    return this.board.signatures.filter(({ id, signature }) => !isRight(id, signature)).map(({ id, signature }) => `${id}: ${signature}`);
  }

  /** Values of r that two requests have in common: their signatures tell the key. */
  sharedNonces(): string[] {
    const ids = new Map<bigint, Set<string>>();
    for (const { id, signature } of this.board.signatures) {
      const { r } = parseSignature(signature);
      ids.set(r, (ids.get(r) ?? new Set()).add(id));
    }
    return [...ids.values()].filter((each) => each.size > 1).map((each) => [...each].join(' and '));
  }

  partialSignatures(): Promise<StatedPartial[]> {
    return partialSignatures(this.board.memory, this.members.roster);
  }

  async misusedPresignatures(): Promise<string[]> {
    return misuses(await this.partialSignatures(), this.asked);
  }

  /** Everything that the board knows and must not. */
  learned(): string[] {
    for (const index of this.members.identities.keys()) this.#collect(index);
    return found(this.board.memory, this.secrets.forms());
  }

  /** Whom anybody has called a cheat, in a log or in what it says of itself. */
  accusations(): string[] {
    const logged = this.log.lines.filter(({ event }) => event === 'culprit').map((line) => JSON.stringify(line));
    const stated = [...this.board.memory].filter((text) => /"culprits":\["/.test(text) && text.startsWith('{"status":'));
    return [...logged, ...stated];
  }

  #collect(index: number): void {
    const identity = JSON.parse(present(this.members.identities[index]).serialize()) as Record<string, string>;
    for (const secret of [identity['signing_secret'], identity['encryption_secret']]) {
      this.secrets.addNumber(BigInt(`0x${Buffer.from(present(secret), 'base64url').toString('hex')}`));
    }
    const { p, q, pHat, qHat } = fixturePrimes(index, SMALL_FOR_TESTS).reveal();
    for (const prime of [p, q, pHat, qHat]) this.secrets.addNumber(prime);
  }

  async #give(share: KeyShare): Promise<void> {
    const { core, aux } = share;
    await writeKeyFiles(this.dataOf(core.index), share);
    this.secrets.addNumber(core.secretShare.reveal());
    this.secrets.addAux(core.index, serializeAuxInfo(aux));
    this.publicKey = Buffer.from(encodePoint(core.sharedPublicKey, true)).toString('hex');
  }
  /** Compressed, hexadecimal; of a cluster that was given its key. */
  publicKey = '';

  /** The key share files that the nodes have in the end, by node; a node that has none is left out. */
  async keyShareFiles(): Promise<string[]> {
    const texts = await Promise.all(
      [...this.members.identities.keys()].map(async (index) => {
        const names: string[] = await readdir(this.dataOf(index)).catch(() => []);
        const name = `key_share_${nodeId(index)}.json`;
        return names.includes(name) ? [await readFile(join(this.dataOf(index), name), 'utf8')] : [];
      }),
    );
    return texts.flat();
  }
}
