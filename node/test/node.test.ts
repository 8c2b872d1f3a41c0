import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { completeKeyShare, encodePoint, parseAuxInfo, parseCoreKeyShare, serializePrimes } from 'cggmp24';
import { fixturePrimes, SMALL_FOR_TESTS } from 'cggmp24/testing';
import type { BoardClient } from 'message-board/client';
import { SealKey } from 'sealing/seal_key';
import { systemClock } from 'service/clock';
import { systemDisk } from 'service/disk';
import { systemRandom } from 'service/random';
import { runNode } from '../src/node.js';
import { nodeId } from '../src/base/utils.js';
import { workerThreads } from '../src/workers/worker_pool.js';
import { TestBoard } from 'testkit/board';
import { eventually, memoryLog } from './util/cluster.js';
import { statusIn } from 'testkit/heartbeat';
import { present } from 'testkit/present';
import { members, originOf } from 'testkit/roster';
import { configOf } from './util/config.js';

const ALL = [0, 1, 2, 3];
const COMPILED = new URL('../dist/workers/protocol_worker.js', import.meta.url);

let board: TestBoard;
let client: BoardClient;
let folder: string;
let nodes: Map<number, NodeInTest>;
beforeEach(async () => {
  board = await TestBoard.start();
  client = board.client();
  folder = await mkdtemp(join(tmpdir(), 'whole-node-'));
  nodes = new Map();
});
afterEach(async () => {
  await Promise.all(ALL.map(stop));
  await board.close();
  await rm(folder, { recursive: true });
});

interface NodeInTest {
  readonly lines: Record<string, unknown>[];
  readonly stop: () => Promise<void>;
}

const dataOf = (index: number): string => join(folder, `data-${index}`);

const fixtures = (index: number) => serializePrimes(fixturePrimes(index, SMALL_FOR_TESTS));

/** A whole node in this process, on small parameters and fixture primes. */
function start(index: number, { roster, identities } = members(), dataDir = dataOf(index)): NodeInTest {
  const { logger, lines } = memoryLog();
  const config = configOf({
    NODE_ID: nodeId(index),
    MESSAGE_BOARD_URL: board.url,
    DATA_DIR: dataDir,
    WORKERS: '1',
    POOL_TARGET: '0',
    POOL_MAX: '0',
    PEER_DEAD_AFTER_MS: '1500',
  }, roster);
  const primes = { prepare: () => Promise.resolve(), take: () => Promise.resolve(fixtures(index)) };
  const life = new AbortController();
  const identity = present(identities[index]);
  const startThread = workerThreads(SMALL_FOR_TESTS, COMPILED);
  const system = { clock: systemClock, disk: systemDisk, random: systemRandom, logger };
  const parts = { config, roster, identity, sealKey: SealKey.none, params: SMALL_FOR_TESTS, startThread, primes };
  const ended = runNode({ ...system, ...parts, onHangup: () => undefined }, life.signal).catch((error: unknown) => {
    if (!life.signal.aborted) lines.push({ event: 'stopped', msg: String(error) });
  });
  const node = {
    lines,
    stop: async () => {
      life.abort(new DOMException('stopped', 'AbortError'));
      await ended;
    },
  };
  nodes.set(index, node);
  return node;
}

async function stop(index: number): Promise<void> {
  const node = nodes.get(index);
  nodes.delete(index);
  await node?.stop();
}

const logged = (index: number, event: string): boolean => nodes.get(index)?.lines.some((line) => line.event === event) ?? false;
const everyoneReady = (indices = ALL): Promise<void> =>
  eventually('the nodes are ready', () => indices.every((index) => logged(index, 'signing_loop_started')));
const shareFile = (index: number): Promise<string> => readFile(join(dataOf(index), `key_share_${nodeId(index)}.json`), 'utf8');
const refusalOf = (index: number): unknown => nodes.get(index)?.lines.find(({ event }) => event === 'setup_refused')?.msg;

/** Reads what the nodes have on disk. */
async function keyShares() {
  return Promise.all(
    ALL.map(async (index) => {
      const text = (name: string): Promise<string> => readFile(join(dataOf(index), `${name}_${nodeId(index)}.json`), 'utf8');
      return completeKeyShare(parseCoreKeyShare(await text('key_share')), parseAuxInfo(await text('aux_info'), SMALL_FOR_TESTS));
    }),
  );
}

/** All nodes have shares of one key, which is the board's. */
async function expectOneKey(): Promise<string> {
  const shares = await keyShares();
  const keys = new Set(shares.map(({ core }) => Buffer.from(encodePoint(core.sharedPublicKey, true)).toString('hex')));
  expect(keys.size).toBe(1);
  expect(new Set(shares.map(({ core }) => core.publicShares.map((share) => share.toHex()).join())).size).toBe(1);
  expect(new Set(shares.map(({ aux }) => aux.encryptionKeys.map(({ n }) => n).join())).size).toBe(1);
  const [key] = keys;
  await eventually('the key is posted', () => ALL.some((index) => logged(index, 'public_key_posted')));
  expect(await client.getPublicKey()).toBe(key);
  return present(key);
}

let requests = 0;
async function signs(message: string): Promise<void> {
  const id = `req_1_${++requests}`;
  await client.createRequest({ id, message, origin: await originOf(members(), id, message) });
  for (let k = 0; k < 10; k++) {
    const record = await client.getRequest(id, { status: 'pending', wait: 4_000 });
    if (record?.status === 'completed') return;
  }
  throw new Error(`${id} was not signed`);
}

/** What a node has on disk before it has a key, when it runs. */
const recordsOf = (name: string): string[] =>
  [`audit_${name}.log`, `decided_${name}.sqlite`, `decided_${name}.sqlite-wal`, `executions_${name}.log`, `life_${name}.json`];
/** Without the lock, and without the note of the audit log's head, which comes a moment later. */
const filesOf = async (index: number): Promise<string[]> =>
  (await readdir(dataOf(index))).filter((name) => !/\.(lock|head\.log)/.test(name));

describe('a cluster that starts from nothing', () => {
  it('makes one key, though a node starts late, and signs', async () => {
    for (const index of [0, 1, 3]) start(index);
    await eventually('they wait for it', () => nodes.get(0)?.lines.some(({ msg }) => msg === 'Waiting for node-3') === true);
    expect(await filesOf(0)).toEqual(recordsOf('node-1'));
    start(2);
    await everyoneReady();
    await expectOneKey();
    for (const index of ALL) {
      const messages = present(nodes.get(index)).lines.map(({ msg }) => msg);
      const phases = ['Keygen completed', 'AuxInfo generation completed'];
      expect(messages.filter((msg) => phases.includes(String(msg)))).toEqual(phases);
      const rounds = messages.filter((msg) => String(msg).includes('own part of round'));
      const roundsOf = (phase: string) => [1, 2, 3, 4].map((round) => `${phase}: own part of round ${round} done`);
      expect(rounds).toEqual([...roundsOf('keygen'), ...roundsOf('aux_info')]);
      const files = await filesOf(index);
      const id = nodeId(index);
      const names = [...recordsOf(id), `aux_info_${id}.json`, `key_share_${id}.json`].sort();
      expect(files.sort()).toEqual(names);
      for (const file of files) expect((await stat(join(dataOf(index), file))).mode & 0o777).toBe(0o600);
      expect((await stat(dataOf(index))).mode & 0o777).toBe(0o700);
    }
    await signs('hello');
    const said = JSON.stringify(ALL.map((index) => present(nodes.get(index)).lines)).toLowerCase();
    for (const { core, aux } of await keyShares()) {
      const { p, q } = aux.decryptionKey.primes;
      for (const secret of [core.secretShare.reveal(), p.prime, q.prime]) {
        expect(said).not.toContain(secret.toString(16));
        expect(said).not.toContain(secret.toString());
      }
    }
  });

  it('makes one key though a node is stopped half-way and started again', async () => {
    for (const index of ALL) start(index);
    await eventually('key generation has begun', () => logged(1, 'keygen_started'));
    await stop(1);
    start(1);
    await eventually('aux info generation has begun', () => logged(2, 'aux_info_started'));
    await stop(2);
    start(2);
    await everyoneReady();
    await expectOneKey();
  });

  it('makes one key though the board is restarted half-way', async () => {
    for (const index of ALL) start(index);
    await eventually('key generation has begun', () => logged(0, 'keygen_started'));
    await board.restart();
    await eventually('aux info generation has begun', () => logged(0, 'aux_info_started'));
    await board.restart();
    await everyoneReady();
    await expectOneKey();
  });

  it('makes one key though the board holds leftovers of an earlier cluster', async () => {
    for (const index of ALL) start(index);
    await everyoneReady();
    const before = await expectOneKey();
    await Promise.all(ALL.map(stop));
    await rm(folder, { recursive: true });
    // Not the board's public key, which would be a reason not to make another.
    const [keygen, auxgen] = [await client.listMessages('keygen', 'node-1'), await client.listMessages('auxgen', 'node-1')];
    await board.restart();
    for (const { request_id, from_node, to_node, round, payload } of [...keygen, ...auxgen]) {
      await client.postMessage({ request_id, from_node, to_node, round, payload });
    }
    for (const index of ALL) start(index);
    await everyoneReady();
    expect(await expectOneKey()).not.toBe(before);
    expect(ALL.some((index) => logged(index, 'keygen_failed'))).toBe(true);
  });
});

describe('a cluster with Rust nodes', () => {
  it('makes its key in the only attempt, which is not begun again', async () => {
    for (const index of ALL) start(index, members(4, 3, 'plain'));
    await everyoneReady();
    await expectOneKey();
    await Promise.all(ALL.map(stop));
    await rm(join(dataOf(0), 'key_share_node-1.json'));
    await board.restart();
    start(0, members(4, 3, 'plain'));
    await eventually('it stops', () => logged(0, 'stopped'));
    expect(present(nodes.get(0)).lines.at(-1)?.msg).toMatch(/SetupStopped: keygen: its only attempt was begun before/);
  });
});

describe('a cluster that has a key', () => {
  it('keeps it through a restart of everything, and posts it again', async () => {
    for (const index of ALL) start(index);
    await everyoneReady();
    const key = await expectOneKey();
    const files = await Promise.all(ALL.map(shareFile));
    await Promise.all(ALL.map(stop));
    await board.restart();
    for (const index of ALL) start(index);
    await everyoneReady();
    const fromFile = expect.objectContaining({ msg: 'Keygen completed', public_key: key, from_file: true });
    for (const index of ALL) expect(present(nodes.get(index)).lines).toContainEqual(fromFile);
    expect(await expectOneKey()).toBe(key);
    expect(await Promise.all(ALL.map(shareFile))).toEqual(files);
    await board.restart();
    await eventually('the key is posted again', () => logged(0, 'board_restarted'));
    expect(await client.getPublicKey({ wait: 10_000 })).toBe(key);
  });

  it('goes on without a node that has lost its files; that node says so and makes no second key, until they are restored', async () => {
    for (const index of ALL) start(index);
    await everyoneReady();
    const key = await expectOneKey();
    await stop(3);
    const backup = join(folder, 'backup');
    await cp(dataOf(3), backup, { recursive: true });
    await rm(dataOf(3), { recursive: true });
    const lost = start(3);
    await eventually('it refuses', () => logged(3, 'setup_refused'));
    expect(lost.lines.filter(({ event }) => event === 'setup_refused')).toHaveLength(1);
    expect(refusalOf(3)).toMatch(/node-1, node-2, node-3 completed this before.*No second one is made. Restore/);
    // It has logged it before the board hears of it.
    const stages = async (): Promise<string[]> => (await client.listNodes()).map((record) => statusIn(record).stage);
    for (let k = 0; k < 100 && (await stages())[3] !== 'refusing'; k++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await stages()).toEqual(['ready', 'ready', 'ready', 'refusing']);
    await signs('without node-4');
    expect(await filesOf(3)).toEqual(recordsOf('node-4'));
    for (const file of ['key_share_node-4.json', 'aux_info_node-4.json']) await cp(join(backup, file), join(dataOf(3), file));
    await everyoneReady();
    expect(await expectOneKey()).toBe(key);
  });

  it('goes on with the later one when a node runs twice: the earlier one notices and takes no part any more', async () => {
    for (const index of ALL) start(index);
    await everyoneReady();
    const first = present(nodes.get(3));
    const copy = join(folder, 'copy');
    await cp(dataOf(3), copy, { recursive: true });
    start(3, members(), copy);
    await eventually('the earlier one notices', () => first.lines.some(({ event }) => event === 'clone_detected'));
    await everyoneReady();
    await signs('by any three');
    expect(first.lines.filter(({ event }) => event === 'stopped')).toEqual([]);
    const { length } = first.lines;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(first.lines.slice(length).map(({ event }) => event)).toEqual([]);
    expect(logged(3, 'clone_detected')).toBe(false);
    await first.stop();
  });

  it('does not make another key while the board knows one', async () => {
    await client.postPublicKey('02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5');
    for (const index of ALL) start(index);
    await eventually('they refuse', () => ALL.every((index) => logged(index, 'setup_refused')));
    expect(refusalOf(0)).toMatch(/the board has the public key 02c6047f/);
    for (const index of ALL) {
      const name = nodeId(index);
      expect(await filesOf(index)).toEqual(recordsOf(name));
    }
  });

  it('notices a node whose files are of another key', async () => {
    for (const index of ALL) start(index);
    await everyoneReady();
    await Promise.all(ALL.map(stop));
    await cp(dataOf(3), join(folder, 'other'), { recursive: true });
    for (const index of ALL) await rm(dataOf(index), { recursive: true });
    await board.restart();
    for (const index of ALL) start(index);
    await everyoneReady();
    await stop(3);
    await rm(dataOf(3), { recursive: true });
    await cp(join(folder, 'other'), dataOf(3), { recursive: true });
    start(3);
    await eventually('it says so', () => logged(3, 'setup_conflict'));
    await eventually('it is seen', () => logged(3, 'public_key_conflict'));
    expect((await client.listNodes()).map((record) => statusIn(record).stage)).toEqual(['ready', 'ready', 'ready', 'refusing']);
  });
});

describe('a node with a damaged file', () => {
  it('stops, says which, and leaves it as it is', async () => {
    const file = join(dataOf(0), 'key_share_node-1.json');
    start(0);
    await eventually('it has its folder', () => logged(0, 'waiting_for_nodes'));
    await stop(0);
    await writeFile(file, '{"core":');
    const node = start(0);
    await eventually('it stops', () => logged(0, 'stopped'));
    expect(node.lines.at(-1)?.msg).toMatch(/DamagedFile: .*key_share_node-1\.json cannot be used: .*not JSON/);
    expect(await readFile(file, 'utf8')).toBe('{"core":');
  });
});
