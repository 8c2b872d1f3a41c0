/** Sessions of members with a board that a test calls without a client. */
import type { Express } from 'express';
import { INSTANCE_HEADER, MEMBER_HEADER, SESSION_MS, sessionsOf, TIME_HEADER } from 'message-board/contract';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import request from 'supertest';

/** Headers with which a member calls this board, whose time may be said to be another one. */
export async function sessionHeaders(app: Express, roster: Roster, identity: Identity, laterMs = 0): Promise<Record<string, string>> {
  const { headers } = await request(app).get('/health');
  const [board, time] = [INSTANCE_HEADER, TIME_HEADER].map((name) => String(headers[name]));
  const text = await sessionsOf(roster, identity)?.(board ?? '', Number(time) + SESSION_MS + laterMs);
  return { [MEMBER_HEADER]: text ?? '' };
}
