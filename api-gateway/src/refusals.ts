import { ReasonSchema, type RequestRecord } from 'message-board/contract';
import { reasonOfRefusals, verifiedRefusals } from 'message-board/outcome';
import { Refused } from 'sealing/errors';
import { REQUEST_STATUS } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';

/**
 * What a request waits for, as nodes have signed it: why some of them refuse it, as in `policy_refused: node-2, node-4`, or else the reason
 * that one of them gives; undefined when none has signed anything.
 */
export async function pendingReasonOf(roster: Roster, record: RequestRecord): Promise<string | undefined> {
  return reasonOfRefusals(await verifiedRefusals(roster, record, record.refusals ?? [])) ?? statedReason(roster, record);
}

async function statedReason(roster: Roster, { id, statement }: RequestRecord): Promise<string | undefined> {
  if (statement === undefined) return undefined;
  try {
    const { signer, claims } = await verify(roster, REQUEST_STATUS, statement);
    // A node may have signed any text.
    return signer.startsWith('node-') && claims.request_id === id ? ReasonSchema.safeParse(claims.reason).data : undefined;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
