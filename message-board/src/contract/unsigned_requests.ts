import { Refused } from 'sealing/errors';
import { UNSIGNED_REFUSAL } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import { z } from 'zod';
import { RequestIdSchema, StatementSchema, WaitSchema, type NodeId } from './contract_fields.js';

/** Only for boards in sealed clusters that keep requests that the gateway has not signed: `UNSIGNED_REQUESTS=keep`. */

/** `GET /unsigned-requests` → the ids of those that are pending and that the calling node has not refused yet, oldest first. */
export const ListUnsignedRequestsSchema = z.strictObject({ wait: WaitSchema.optional() });
export const UnsignedRequestIdsSchema = z.array(RequestIdSchema);

/**
 * `PUT /unsigned-requests` → `{refused}`, how many of them the board still has. `refusal` is a statement of kind `UNSIGNED_REFUSAL`: one
 * for many requests, so that nodes do little about what strangers post. A request fails when so many nodes have refused it that too few
 * are left to sign. Its record then names them in `reason`, and has their statements among its `refusals`.
 */
export const RefuseUnsignedRequestsSchema = z.strictObject({ refusal: StatementSchema });
export type RefuseUnsignedRequests = z.infer<typeof RefuseUnsignedRequestsSchema>;
export const RefusedUnsignedRequestsSchema = z.object({ refused: z.int().min(0) });

/** What a node says of requests that the gateway has not signed. */
export interface UnsignedRefusal {
  readonly nodeId: NodeId;
  readonly code: string;
  readonly requestIds: readonly string[];
}

/** @throws Refused when no node has signed it for this life of the board */
export async function verifyUnsignedRefusal(roster: Roster, statement: string, board: string): Promise<UnsignedRefusal> {
  const { signer, claims } = await verify(roster, UNSIGNED_REFUSAL, statement);
  if (!signer.startsWith('node-')) throw new Refused(`it is a statement of ${signer}, not of a node`);
  if (claims.board !== board) throw new Refused('board: it is for another life of the board');
  return { nodeId: signer, code: claims.code, requestIds: claims.request_ids };
}
