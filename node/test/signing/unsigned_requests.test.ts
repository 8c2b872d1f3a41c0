import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { UNSIGNED_REFUSAL } from 'sealing/kinds';
import { verify } from 'sealing/statement';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import type { AuditRecord } from '../../src/audit/audit_log.js';
import { Seals } from '../../src/mail/seals.js';
import { inStatements, refuseUnsignedRequests } from '../../src/signing/unsigned_requests.js';

const { roster, identities } = members();
const [identity] = identities;
if (identity === undefined) throw new Error('a member');
const own = identity;

/** A board that has `perSecond` new requests each second, whose ids are as long as they may be. */
function flooded(perSecond: number) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const records: AuditRecord[] = [];
  const statements: string[] = [];
  const refused = new Set<string>();
  let posted = 0;
  const client = {
    instance: 'board',
    listUnsignedRequests: (): Promise<string[]> => {
      const from = posted;
      posted = perSecond * (1 + Math.floor(clock.monotonic() / 1000));
      return Promise.resolve(Array.from({ length: posted - from }, (_, k) => `req_${from + k}`.padEnd(256, 'x')));
    },
    refuseUnsignedRequests: async (statement: string): Promise<void> => {
      statements.push(statement);
      for (const id of (await verify(roster, UNSIGNED_REFUSAL, statement)).claims.request_ids) refused.add(id);
    },
  };
  const audit = {
    record: (record: AuditRecord): Promise<void> => {
      records.push(record);
      return Promise.resolve();
    },
  };
  const logger = pino({ level: 'info' }, { write: (line: string) => log.push(line) });
  const end = new AbortController();
  const running = refuseUnsignedRequests({ client, seals: new Seals(roster, own), audit, clock, logger }, end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await clock.advance(2_000);
    await running;
  };
  return { clock, log, records, statements, refused, posted: () => posted, stop };
}

describe('requests that the gateway has not signed', () => {
  it('are all refused, by statements that the board takes', async () => {
    const node = flooded(100);
    await node.clock.advance(10_000);
    await node.stop();
    expect(node.posted()).toBeGreaterThanOrEqual(1_000);
    expect(node.refused.size).toBe(node.posted());
    expect(Math.max(...node.statements.map((statement) => statement.length))).toBeLessThanOrEqual(4_096);
  });

  it('cost one line a minute, in the audit log and in the log, however many they are', async () => {
    const node = flooded(100);
    await node.clock.advance(150_000);
    await node.stop();
    expect(node.records.length).toBe(3);
    expect(node.log.length).toBe(3);
    const counted = node.records.map(({ fields }) => (fields as { count: number }).count);
    expect(counted).toEqual([100, 6_000, 6_000]);
  });

  it('go into as few statements as have room for their ids', () => {
    const ids = Array.from({ length: 100 }, (_, k) => `req_1796057574_${String(k).padStart(16, '0')}`);
    expect(inStatements(ids).length).toBeLessThanOrEqual(4);
    expect(inStatements(ids).flat()).toEqual(ids);
    expect(inStatements([])).toEqual([]);
  });
});
