/** How large an answer may be, and for whom. */
import { describe, expect, it } from '@jest/globals';
import { seal } from 'sealing/envelope';
import request from 'supertest';
import { caller } from 'testkit/caller';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { present } from 'testkit/present';
import { members, type Members } from 'testkit/roster';
import { sessionHeaders } from 'testkit/session';
import { FULL_PAGE, INSTANCE_HEADER, type NodeRecord } from '../src/contract/contract.js';
import { firstPage, pageBytes } from '../src/server/pages.js';
import { verifierFor } from '../src/server/verifiers.js';
import { presignatureRequestBytes } from '../src/store/presignature_request_store.js';
import { testBoard } from './support.js';

function sealedBoard({ roster, identities }: Members, limits: Parameters<typeof testBoard>[0] = {}) {
  const board = testBoard(limits, { verifier: verifierFor(roster) });
  const sessions = new Map<number, Promise<Record<string, string>>>();
  /** Calls as node-1, node-2, … */
  const as = (number: number) =>
    caller(board.app, () => {
      const session = sessions.get(number) ?? sessionHeaders(board.app, roster, present(identities[number - 1]));
      sessions.set(number, session);
      return session;
    });
  return { ...board, as, stranger: caller(board.app) };
}

describe('a page of a member', () => {
  const lists = ['messages', 'presignature-messages'] as const;
  it.each(lists)('of %s is bounded, whatever another member posts, and the list goes on', async (list) => {
    const cluster = members();
    const { as } = sealedBoard(cluster, { maxStoredBytes: 256 * 1024 * 1024 });
    const one = present(cluster.identities[0]);
    const posted: string[] = [];
    for (let k = 0; k < 6; k += 1) {
      const place = { namespace: list, session: 'keygen', incarnation: 'a', setting: 'ab'.repeat(32), to: '*', round: 1 };
      const payload = await seal(one, cluster.roster, place, `${k}${'x'.repeat(600_000)}`);
      const entry = await as(1).post(`/${list}`, { request_id: 'keygen', from_node: 'node-1', to_node: '*', round: 1, payload });
      posted.push((entry as { id: string }).id);
    }
    const pages: string[][] = [];
    for (let after = ''; ; ) {
      const page = (await as(2).get(`/${list}?request_id=keygen&to_node=node-2${after}`)) as { id: string; payload: string }[];
      if (page.length === 0) break;
      expect(page.reduce((sum, { payload }) => sum + 2 * payload.length, 0)).toBeLessThanOrEqual(4 * 1024 * 1024);
      pages.push(page.map(({ id }) => id));
      after = `&after=${page.at(-1)?.id ?? ''}`;
    }
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flat()).toEqual(posted);
  });

  it('has all nodes, though each says as much as it may; a stranger\'s has some', async () => {
    const cluster = members(40, 3);
    const board = sealedBoard(cluster);
    const instance = (await request(board.app).get('/health')).headers[INSTANCE_HEADER];
    const attempts = Array.from({ length: 180 }, (_, k) => `${k}`.padStart(256, 'a'));
    for (const [k, identity] of cluster.identities.entries()) {
      const said = { ...READY_STATUS, board: instance, attempts };
      const heartbeat = await heartbeatOf(said, { signer: { identity, roster: cluster.roster } });
      await board.as(k + 1).put(`/nodes/node-${k + 1}`, heartbeat);
    }
    const seen = (await board.as(1).get('/nodes')) as NodeRecord[];
    expect(seen.map(({ node_id }) => node_id)).toEqual(cluster.identities.map(({ name }) => name));
    expect(((await board.stranger.get('/nodes')) as NodeRecord[]).length).toBeLessThan(5);
  });

  it('has as many presignature requests as make it a full one, however long they are', () => {
    const longest = { participants: Array.from({ length: 1024 }, (_, k) => k), origin: 'x'.repeat(4096) };
    const page = firstPage(Array.from({ length: 1_000 }, () => longest), presignatureRequestBytes, pageBytes(true, 'node-1'));
    expect(page.length).toBeGreaterThanOrEqual(FULL_PAGE);
    expect(page.length).toBeLessThan(1_000);
  });
});
