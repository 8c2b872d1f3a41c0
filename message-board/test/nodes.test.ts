import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Board } from '../src/server/board.js';
import { verifierFor } from '../src/server/verifiers.js';
import {
  HeartbeatAnswerSchema, INSTANCE_HEADER, NodeRecordSchema, type HeartbeatAnswer, type NodeRecord, type NodeStatus,
} from '../src/contract/contract.js';
import request from 'supertest';
import { BoardClient } from '../src/client/client.js';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { heartbeatOf, READY_STATUS, statusIn } from 'testkit/heartbeat';
import { HandClock, LIMITS, runningBoard, testBoard } from './support.js';

const SETUP = { ready: true, next: 0, running: null, completed: null, committed: null };
const STATUS: NodeStatus = {
  ...READY_STATUS,
  stage: 'starting',
  keygen: SETUP,
  aux_info: { ...SETUP, next: 2, running: 1, completed: { attempt: 1, digest: 'ab'.repeat(32) } },
  pool: { '1-2-3': 4 },
  attempts: ['req_1_ab.1.1-2-4'],
};
const HEARTBEAT = await heartbeatOf(STATUS);

const list = async (board: ReturnType<typeof testBoard>, query = ''): Promise<NodeRecord[]> =>
  (await caller(board.app).get(`/nodes${query}`)) as NodeRecord[];

describe('/nodes', () => {
  it('knows what each node last said, and how long ago', async () => {
    const board = testBoard();
    const { put } = caller(board.app);
    await put('/nodes/node-10', HEARTBEAT);
    board.clock.pass(700);
    const answer = HeartbeatAnswerSchema.strict().parse(await put('/nodes/node-2', await heartbeatOf({ ...STATUS, stage: 'ready' })));
    const record = NodeRecordSchema.strict().parse((await list(board))[0]);
    expect(record).toMatchObject({ ...answer, node_id: 'node-2', age_ms: 0 });
    expect(statusIn(record)).toEqual({ ...STATUS, stage: 'ready' });
    board.clock.pass(50);
    expect((await list(board)).map(({ node_id, age_ms }) => [node_id, age_ms])).toEqual([
      ['node-2', 50],
      ['node-10', 750],
    ]);
  });

  it('tells ages by a clock that nobody sets', async () => {
    const board = testBoard();
    await caller(board.app).put('/nodes/node-1', HEARTBEAT);
    board.clock.pass(700);
    for (const ms of [-3_600_000, 7_200_000]) {
      board.clock.jump(ms);
      expect((await list(board)).map(({ age_ms }) => age_ms)).toEqual([700]);
    }
  });

  it('a heartbeat that says the same is no change', async () => {
    const board = testBoard();
    const put = async (status: NodeStatus, sequence: number) =>
      (await caller(board.app).put('/nodes/node-1', await heartbeatOf(status, { sequence }))) as HeartbeatAnswer;
    const first = await put(STATUS, 0);
    board.clock.pass(1000);
    expect((await list(board))[0]).toMatchObject({ ...first, age_ms: 1000 });
    expect(await put(STATUS, 1)).toEqual(first);
    expect((await list(board))[0]).toMatchObject({ ...first, age_ms: 0, ...(await heartbeatOf(STATUS, { sequence: 1 })) });
    const second = await put({ ...STATUS, incarnation: 'a2' }, 0);
    expect(second.revision > first.revision).toBe(true);
  });

  it('that its clock goes on is no change, but a problem is one', async () => {
    const board = testBoard();
    const put = async (status: NodeStatus, sequence: number): Promise<string> =>
      ((await caller(board.app).put('/nodes/node-1', await heartbeatOf(status, { sequence }))) as HeartbeatAnswer).revision;
    const first = await put(STATUS, 0);
    expect(await put({ ...STATUS, clock: STATUS.clock + 1_000 }, 1)).toBe(first);
    expect(await put({ ...STATUS, problems: ['disk_full'] }, 2) > first).toBe(true);
  });

  it('what changes in its pool alone is in no hurry', async () => {
    const told: [string, boolean | undefined][] = [];
    const changed = (...news: [string, boolean?]): void => void told.push([news[0], news[1]]);
    const board = new Board({ limits: LIMITS, verifier: verifierFor(null), clock: new HandClock(), random: () => '0', changed });
    const patches: readonly Partial<NodeStatus>[] = [
      {},
      { pool: { '1-2-3': 3 } },
      { pool: {}, offers: { '1-2-3': ['p'] } },
      { pool: { '2-3-4': 1 }, stage: 'ready' },
      { attempts: [] },
      {},
    ];
    let status: NodeStatus = STATUS;
    for (const [sequence, patch] of patches.entries()) {
      status = { ...status, ...patch };
      await board.hear('node-1', await heartbeatOf(status, { sequence }));
    }
    expect(told).toEqual([true, false, false, true, true].map((isUrgent) => ['nodes', isUrgent]));
  });

  it('keeps a thousand nodes, and forgets the one that is silent longest', async () => {
    const board = testBoard();
    const { put } = caller(board.app);
    for (let k = 1; k <= 1000; k += 1) await put(`/nodes/node-${k}`, HEARTBEAT);
    await put('/nodes/node-1', HEARTBEAT);
    await put('/nodes/node-1001', HEARTBEAT);
    const ids = (await list(board)).map(({ node_id }) => node_id);
    expect([ids.length, ids.includes('node-1'), ids.includes('node-2')]).toEqual([1000, true, false]);
  });

  it.each([
    ['/nodes/node-0', STATUS, 'node_id'],
    ['/nodes/*', STATUS, 'node_id'],
    ['/nodes/node-1', { ...STATUS, incarnation: undefined }, 'incarnation'],
    ['/nodes/node-1', { ...STATUS, incarnation: 'a b' }, 'incarnation'],
    ['/nodes/node-1', { ...STATUS, public_key: 'x' }, 'public_key'],
    ['/nodes/node-1', { ...STATUS, stage: 'Ready!' }, 'stage'],
    ['/nodes/node-1', { ...STATUS, keygen: { ...SETUP, next: -1 } }, 'keygen.next'],
    ['/nodes/node-1', { ...STATUS, keygen: { ...SETUP, committed: 'zz' } }, 'keygen.committed'],
    ['/nodes/node-1', { ...STATUS, aux_info: { ...SETUP, extra: 1 } }, 'setup: aux_info'],
    ['/nodes/node-1', { ...STATUS, pool: { '1-2-x': 1 } }, 'pool.1-2-x'],
    ['/nodes/node-1', { ...STATUS, pool: { '1-2': 0.5 } }, 'pool.1-2'],
    ['/nodes/node-1', { ...STATUS, pool: Object.fromEntries(Array.from({ length: 257 }, (_, k) => [String(k), 1])) }, 'pool'],
    ['/nodes/node-1', { ...STATUS, offers: { '1-2-x': [] } }, 'offers.1-2-x'],
    ['/nodes/node-1', { ...STATUS, offers: { '1-2': ['../x'] } }, 'offers.1-2.0'],
    ['/nodes/node-1', { ...STATUS, offers: { '1-2': Array<string>(49).fill('p') } }, 'offers.1-2'],
    ['/nodes/node-1', { ...STATUS, attempts: ['../x'] }, 'attempts.0'],
    ['/nodes/node-1', { ...STATUS, attempts: Array<string>(257).fill('req_1') }, 'attempts'],
    ['/nodes/node-1', { ...STATUS, culprits: ['node-0'] }, 'culprits.0'],
    ['/nodes/node-1', { ...STATUS, clock: undefined }, 'clock'],
    ['/nodes/node-1', { ...STATUS, problems: ['Disk full'] }, 'problems.0'],
    ['/nodes/node-1', { ...STATUS, problems: Array<string>(33).fill('p') }, 'problems'],
    ['/nodes/node-1', { ...STATUS, disk_free_bytes: -1 }, 'disk_free_bytes'],
    ['/nodes/node-1', { ...STATUS, hears: ['gateway'] }, 'hears.0'],
  ])('%#: PUT %s is 400 naming the field', async (path, status, field) => {
    const board = testBoard();
    const answer = await caller(board.app).put(path, await heartbeatOf(status), 400);
    expect(answer).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(`${field}: `) } });
    expect(await list(board)).toEqual([]);
  });

  const claims = (topic: string, change: Record<string, unknown> = {}): string =>
    JSON.stringify({ started: 1, incarnation: 'a1', sequence: 0, topic, content: {}, ...change });
  it.each<[what: string, statements: Record<string, unknown>, complaint: string]>([
    ['nothing', {}, 'statements.presence: '],
    ['no statement on a topic', { ...HEARTBEAT.statements, pool: undefined }, 'statements.pool: '],
    ['another topic', { ...HEARTBEAT.statements, weather: claims('weather') }, 'weather: is not a known field'],
    [
      'a statement under another topic',
      { ...HEARTBEAT.statements, pool: HEARTBEAT.statements.setup },
      'statements.pool: it is a statement on setup',
    ],
    ['what is not JSON', { ...HEARTBEAT.statements, pool: '{' }, 'statements.pool: is not JSON'],
    ['what is no statement', { ...HEARTBEAT.statements, pool: '{}' }, 'statements.pool: started: '],
    ['an unknown field', { ...HEARTBEAT.statements, attempts: claims('attempts', { content: { attempts: [], secret: 1 } }) }, 'secret'],
    ['an unknown claim', { ...HEARTBEAT.statements, attempts: claims('attempts', { content: { attempts: [] }, secret: 1 }) }, 'secret'],
    [
      'statements of two lives',
      { ...HEARTBEAT.statements, attempts: claims('attempts', { content: { attempts: [] }, started: 2 }) },
      'statements.attempts: it is of another life than presence',
    ],
    ['a long one', { ...HEARTBEAT.statements, presence: claims('presence').padEnd(4_097) }, 'statements.presence: '],
  ])('a heartbeat with %s is 400 naming the topic', async (_what, statements, complaint) => {
    const board = testBoard();
    const answer = await caller(board.app).put('/nodes/node-1', { statements }, 400);
    expect(answer).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(complaint) } });
    expect(await list(board)).toEqual([]);
  });
});

describe('clients', () => {
  const boards: Awaited<ReturnType<typeof runningBoard>>[] = [];
  const start = async () => {
    const board = await runningBoard();
    boards.push(board);
    return board;
  };
  afterEach(async () => {
    for (const board of boards.splice(0)) await board.stop();
  });

  it('wait for news of the nodes, which mere heartbeats are not', async () => {
    const { client } = await start();
    const { revision } = await client.putNode('node-1', HEARTBEAT);
    const reading = client.listNodes({ changedAfter: revision, wait: 30_000 });
    await until(async () => (await client.health()).waiting === 1);
    await client.putNode('node-1', await heartbeatOf(STATUS, { sequence: 1 }));
    expect((await client.health()).waiting).toBe(1);
    await client.putNode('node-2', HEARTBEAT);
    expect((await reading).map(({ node_id }) => node_id)).toEqual(['node-1', 'node-2']);
    expect(await client.listNodes({ changedAfter: 'another.000000000009', wait: 30_000 })).toHaveLength(2);
  });

  it('hear of a restart of the board, and not of anything else', async () => {
    const board = await start();
    let restarts = 0;
    const unsubscribe = board.client.onRestart(() => (restarts += 1));
    await board.client.health();
    await board.client.health();
    expect(restarts).toBe(0);
    await board.running.close();
    await expect(board.client.health()).rejects.toThrow();
    expect(restarts).toBe(0);
    const again = await runningBoard({}, { random: () => 'f'.repeat(16) }, board.running.port);
    boards.push(again);
    await board.client.getRequest('req_1');
    expect(restarts).toBe(1);
    await board.client.health();
    expect(restarts).toBe(1);
    unsubscribe();
  });

  it('hear of restarts that the board claims again and again only now and then, and in the end', async () => {
    const instances = Array.from({ length: 10 }, (_, k) => `life-${k}`);
    const board = createServer((_call, response) => {
      response.setHeader(INSTANCE_HEADER, instances.shift() ?? 'last').setHeader('content-type', 'application/json').end('[]');
    });
    await new Promise<void>((resolve) => board.listen(0, '127.0.0.1', resolve));
    const clock = new HandClock();
    const client = new BoardClient(`http://127.0.0.1:${(board.address() as AddressInfo).port}`, { clock });
    let restarts = 0;
    client.onRestart(() => (restarts += 1));
    try {
      for (let k = 0; k < 10; k += 1) await client.listNodes();
      expect([restarts, client.instance]).toEqual([1, 'life-9']);
      clock.pass(4_999);
      await client.listNodes();
      expect(restarts).toBe(1);
      clock.pass(1);
      for (let k = 0; k < 3; k += 1) await client.listNodes();
      expect([restarts, client.instance]).toEqual([2, 'last']);
    } finally {
      await client.close();
      board.closeAllConnections();
      board.close();
    }
  });

  it('find the name of the board in every answer, errors too', async () => {
    const { app } = testBoard();
    const names = [];
    for (const path of ['/health', '/requests/req_1', '/messages']) names.push((await request(app).get(path)).get(INSTANCE_HEADER));
    expect(names).toEqual(Array(3).fill('0000000000000001'));
  });
});
