import type { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import { UNSIGNED_REFUSAL } from 'sealing/kinds';
import { sleep, type Clock } from 'service/clock';
import type { AuditLog } from '../audit/audit_log.js';
import { untilAnswered } from '../cluster/reading.js';
import type { Seals } from '../mail/seals.js';

/** The longest time for which the board may hold back an empty answer. */
const READ_MS = 25_000;
/** Pause between two rounds, ms. Smaller: strangers have nodes do more. Larger: whoever has posted one waits longer for the answer. */
const PAUSE_MS = 1_000;
/** Lines about it, in both logs, are at least this far apart, ms. Smaller: strangers fill the disk. Larger: their number comes late. */
const LINE_EVERY_MS = 60_000;
/** Characters of ids in one statement, which the board takes up to 4,096 characters long. Smaller: more statements. */
const MAX_ID_CHARACTERS = 1_200;
const CODE = 'unauthorized';

export interface UnsignedRequestsDeps {
  readonly client: Pick<BoardClient, 'listUnsignedRequests' | 'refuseUnsignedRequests' | 'instance'>;
  readonly seals: Pick<Seals, 'state'>;
  readonly audit: Pick<AuditLog, 'record'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Refuses what strangers post to the board, many requests by one statement, until the signal aborts. The board keeps such requests apart,
 * and whatever it says of them, a request that the gateway has signed is not concerned. Whoever posts many has this node do and write as
 * little as whoever posts few.
 */
export async function refuseUnsignedRequests(deps: UnsignedRequestsDeps, signal: AbortSignal): Promise<void> {
  const { client, clock } = deps;
  let uncounted = 0;
  let lineAt = -Infinity;
  while (!signal.aborted) {
    try {
      const ids = await untilAnswered(deps, 'unsigned_requests', signal, () => client.listUnsignedRequests({ wait: READ_MS, signal }));
      uncounted += ids.length;
      if (uncounted > 0 && clock.monotonic() - lineAt >= LINE_EVERY_MS) {
        lineAt = clock.monotonic();
        await noteRefused(deps, uncounted);
        uncounted = 0;
      }
      for (const some of inStatements(ids)) await refuse(deps, some, signal);
    } catch (error) {
      if (error === signal.reason) return;
      deps.logger.warn({ event: 'refusing_failed', err: error }, 'Requests that the gateway has not signed were not refused, trying again');
    }
    await sleep(clock, PAUSE_MS, signal);
  }
}

async function noteRefused({ audit, logger }: UnsignedRequestsDeps, count: number): Promise<void> {
  await audit.record({ event: 'unsigned_requests_refused', fields: { count, code: CODE } });
  logger.warn({ event: 'unsigned_requests_refused', count, code: CODE }, 'Requests that the gateway has not signed were refused');
}

async function refuse({ client, seals }: UnsignedRequestsDeps, ids: readonly string[], signal: AbortSignal): Promise<void> {
  const { instance: board = '' } = client;
  await client.refuseUnsignedRequests(await seals.state(UNSIGNED_REFUSAL, { board, request_ids: [...ids], code: CODE }), signal);
}

/** As many ids at a time as one statement has room for. */
export function inStatements(ids: readonly string[]): string[][] {
  const statements: string[][] = [];
  let room = 0;
  for (const id of ids) {
    if (room < id.length || statements.length === 0) {
      statements.push([]);
      room = MAX_ID_CHARACTERS;
    }
    statements.at(-1)?.push(id);
    room -= id.length + 3;
  }
  return statements;
}
