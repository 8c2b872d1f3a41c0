import { describe, expect, it } from '@jest/globals';
import { BoardClient } from 'message-board/client';
import { pino } from 'pino';
import request from 'supertest';
import { systemClock } from 'service/clock';
import { Culprits } from '../src/evidence/culprits.js';
import { Problems } from '../src/base/problems.js';
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
  readonly board: TestBoard;
  readonly presence: Presence;
  readonly problems: Problems;
  readonly culprits: Culprits;
  readonly signal: AbortSignal;
  readonly app: Parameters<typeof request>[0];
}

interface Readiness {
  readonly status: number;
  readonly body: { readonly error?: { readonly code: string; readonly message: string } };
}

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
  const { app } = healthService({ nodeId: 'node-1', requiredAlive: 2, presence, problems, culprits, demand, logger });
  try {
    await use({ board, presence, problems, culprits, signal: life.signal, app });
  } finally {
    life.abort();
    await board.close();
  }
}

describe('the health of a node', () => {
  it('says what it does and whom it sees', () =>
    withNode(async ({ board, presence, culprits, signal, app }) => {
      culprits.add(2, 'invalid_share');
      const other = presenceOf(1, board.url, signal);
      other.update({ stage: 'keygen' });
      await eventually('they see each other', () => presence.peers()[0]?.status?.stage === 'keygen');
      const public_key = '02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5';
      presence.update({ stage: 'ready', pool: { '1-2': 4 }, public_key });
      const answer = await request(app).get('/health').expect(200);
      expect(answer.body).toEqual({
        status: 'ok',
        node_id: 'node-1',
        incarnation: 'run-0',
        stage: 'ready',
        not_ready: null,
        public_key: '02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5',
        peers: [
          { node_id: 'node-2', live: true, age_ms: expect.any(Number), stage: 'keygen' },
          { node_id: 'node-3', live: false, age_ms: null, stage: null },
        ],
        pool: { '1-2': 4 },
        refill: { held: 4, aim: 23, uses_per_second: 0.607, refill_ms: 4_500 },
        culprits: [{ node_id: 'node-3', reason: 'invalid_share', named_by: [] }],
        arithmetic: { backend: expect.stringMatching(/^(openssl|bigint)$/), reason: expect.any(String) },
      });
    }));

  it('is ready once it can sign, and says why it is not', () =>
    withNode(async ({ board, presence, problems, signal, app }) => {
      const reason = async (): Promise<unknown> => {
        const { status, body } = (await request(app).get('/ready')) as Readiness;
        expect([status, body.error?.code]).toEqual(body.error === undefined ? [200, undefined] : [503, 'not_ready']);
        return body.error?.message;
      };
      expect(await reason()).toBe('starting');
      presence.update({ stage: 'ready' });
      await eventually('the board answers', () => presence.boardSilentMs < 1_000);
      expect(await reason()).toBe('1 nodes are alive and 2 have to sign');
      presenceOf(1, board.url, signal);
      await eventually('the other is seen', () => presence.peers()[0]?.live === true);
      expect(await reason()).toBeUndefined();
      problems.set('conflict', 'other files');
      expect(await reason()).toBe('other files');
      problems.set('conflict', null);
      expect(await reason()).toBeUndefined();
      await board.stop();
      await eventually('it is missed', () => presence.boardSilentMs > 5_000);
      expect(await reason()).toBe('the message board does not answer');
    }));
});
