import { describe, expect, it } from '@jest/globals';
import { BoardClient } from 'message-board/client';
import { pino } from 'pino';
import request from 'supertest';
import { systemClock } from 'service/clock';
import { Culprits } from '../src/evidence/culprits.js';
import { PROBLEMS, Problems, type ProblemCode } from '../src/base/problems.js';
import { healthService } from '../src/health.js';
import { PoolDemand } from '../src/presigning/pool_demand.js';
import { Presence } from '../src/cluster/presence.js';
import { Seals } from '../src/mail/seals.js';
import { TestBoard } from 'testkit/board';
import { eventually } from './util/cluster.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';

const IDLE = { ready: false, next: 0, running: null, completed: null, committed: null };
const logger = pino({ level: 'silent' });

function presenceOf(index: number, url: string, signal: AbortSignal): Presence {
  const client = new BoardClient(url);
  const { roster, identities } = members(3, 2);
  const seals = new Seals(roster, present(identities[index]));
  const life = { incarnation: `run-${index}`, started: 1, outlive: () => Promise.resolve() };
  const about = { index, n: 3, life, deadAfterMs: 1_500, keygen: IDLE, auxInfo: IDLE };
  const presence = new Presence({ ...about, client, clock: systemClock, logger, seals, onClone: () => undefined });
  void presence.run(signal).then(() => client.close());
  return presence;
}

interface NodeInTest {
  readonly presence: Presence;
  readonly problems: Problems;
  readonly culprits: Culprits;
  /** Starts another node. */
  readonly other: () => Promise<Presence>;
  readonly app: Parameters<typeof request>[0];
}

interface Readiness {
  readonly status: number;
  readonly body: { readonly error?: { readonly code: string; readonly message: string } };
}

const DISK = { state: { freeBytes: 12_000_000_000, problem: null } };

async function withNode(use: (node: NodeInTest) => Promise<void>): Promise<void> {
  const board = await TestBoard.start();
  const life = new AbortController();
  const presence = presenceOf(0, board.url, life.signal);
  const problems = new Problems();
  const culprits = new Culprits({ presence, n: 3, t: 2 });
  let now = 0;
  const demand = new PoolDemand({ target: 20, max: 30 }, { monotonic: () => now });
  for (let k = 0; k < 60; k++) demand.used();
  demand.made(4_500);
  now = 30_000;
  const deps = { nodeId: 'node-1', index: 0, t: 2, requiredSigners: 2, presence, problems, disk: DISK, culprits, demand, logger };
  const { app } = healthService(deps);
  const other = async (): Promise<Presence> => {
    const started = presenceOf(1, board.url, life.signal);
    await eventually('they hear each other', () => present(presence.peers()[0]).status?.hears.includes('node-1') === true);
    return started;
  };
  try {
    await use({ presence, problems, culprits, other, app });
  } finally {
    life.abort();
    await board.close();
  }
}

describe('the health of a node', () => {
  it('says what it does, whom it sees, and what can be used now', () =>
    withNode(async ({ presence, problems, culprits, other, app }) => {
      culprits.add(2, 'invalid_share');
      const peer = await other();
      const offers = { '1-2': ['a', 'b'], '1-3': ['c'] };
      peer.update({ stage: 'ready', offers: { '1-2': ['b', 'd'] }, disk_free_bytes: 5 });
      peer.impair(['heartbeat_refused'], false);
      await eventually('it hears that', () => present(presence.peers()[0]).status?.problems.length === 1);
      const public_key = '02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5';
      presence.update({ stage: 'ready', pool: { '1-2': 2, '1-3': 1 }, offers, public_key });
      problems.set('heartbeat_refused', 'why');
      const answer = await request(app).get('/health').expect(200);
      const { clock_skew_ms } = answer.body as { readonly clock_skew_ms: number };
      expect(Math.abs(clock_skew_ms)).toBeLessThan(30_000);
      expect(answer.body).toEqual({
        status: 'ok',
        node_id: 'node-1',
        incarnation: 'run-0',
        stage: 'ready',
        not_ready: 'why',
        problems: [{ code: 'heartbeat_refused', reason: 'why' }],
        disk_free_bytes: 12_000_000_000,
        clock_skew_ms,
        public_key,
        peers: [
          {
            node_id: 'node-2',
            live: true,
            ready: true,
            age_ms: expect.any(Number),
            stage: 'ready',
            problems: ['heartbeat_refused'],
            clock_skew_ms: -clock_skew_ms,
            disk_free_bytes: 5,
            hears_this_node: true,
          },
          {
            node_id: 'node-3',
            live: false,
            ready: false,
            age_ms: null,
            stage: null,
            problems: [],
            clock_skew_ms: null,
            disk_free_bytes: null,
            hears_this_node: null,
          },
        ],
        presignatures: { '1-2': 1 },
        pool: { '1-2': 2, '1-3': 1 },
        refill: { usable: 1, aim: 23, uses_per_second: 0.607, refill_ms: 4_500 },
        culprits: [{ node_id: 'node-3', reason: 'invalid_share', named_by: [] }],
        arithmetic: { backend: expect.stringMatching(/^(openssl|bigint)$/), reason: expect.any(String) },
      });
    }));

  it('is ready once it can sign, and says why it is not', () =>
    withNode(async ({ presence, problems, other, app }) => {
      const answer = async (): Promise<unknown> => {
        const { status, body } = (await request(app).get('/ready')) as Readiness;
        expect(status).toBe(body.error === undefined ? 200 : 503);
        return body.error;
      };
      const code = async (): Promise<string> => ((await answer()) as { code?: string } | undefined)?.code ?? 'ready';
      expect(await answer()).toMatchObject({ code: 'not_ready', message: 'starting' });
      presence.update({ stage: 'ready' });
      const alone = { code: 'not_enough_nodes', message: expect.stringMatching(/^this node and 0 others can sign together and 2/) };
      expect(await answer()).toMatchObject(alone);
      const peer = await other();
      expect(await code()).toBe('not_enough_nodes');
      peer.update({ stage: 'ready' });
      await eventually('the other is ready', async () => (await code()) === 'ready');
      problems.set('setup_conflict', 'other files');
      expect(await answer()).toMatchObject({ code: 'setup_conflict', message: 'other files' });
      problems.set('setup_conflict', null);
      expect(await code()).toBe('ready');
      for (const problem of Object.keys(PROBLEMS) as ProblemCode[]) {
        problems.set(problem, 'why');
        // It signs by the policy before, with the others.
        expect(await code()).toBe(problem === 'policy_not_reloaded' ? 'ready' : problem);
        problems.set('policy_not_reloaded', 'why');
        expect(await code()).toBe(problem === 'policy_not_reloaded' ? 'ready' : problem);
        for (const each of [problem, 'policy_not_reloaded'] as const) problems.set(each, null);
      }
      peer.impair(['disk_full'], true);
      await eventually('the other cannot sign', async () => (await code()) === 'not_enough_nodes');
    }));
});
