import { ReasonSchema, type RequestRecord } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { CLOSING, REFUSAL, REQUEST_STATUS, UNSIGNED_REFUSAL } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify, type StatementKind } from 'sealing/statement';

/** Length of a reason at most, in characters: the board's contract allows no more. */
const MAX_REASON_LENGTH = 512;

/**
 * Why a request has failed for good: the gateway has closed it, or so many nodes have refused it that too few are left to sign; undefined
 * when neither was signed. That the board calls it failed counts for nothing.
 */
export async function failureOf(roster: Roster, record: RequestRecord): Promise<string | undefined> {
  const closing = await verified(roster, CLOSING, undefined);
  if (closing?.signer === 'gateway' && closing.claims.request_id === record.id) return closing.claims.reason;
  const refusals = await refusalsOf(roster, record);
  return refusals.size > roster.n - roster.t ? describe(refusals) : undefined;
}

/**
 * What a request waits for, as nodes have signed it: why some of them refuse it, as in `policy_refused: node-2, node-4`, or else the reason
 * that one of them gives; undefined when none has signed anything.
 */
export async function pendingReasonOf(roster: Roster, record: RequestRecord): Promise<string | undefined> {
  const refused = describe(await refusalsOf(roster, record));
  if (refused !== undefined) return refused;
  const stated = await verified(roster, REQUEST_STATUS, record.statement);
  const isOfNode = stated?.signer.startsWith('node-') === true && stated.claims.request_id === record.id;
  // A node may have signed any text.
  return isOfNode && stated.claims.status === 'pending' ? ReasonSchema.safeParse(stated.claims.reason).data : undefined;
}

/** Who has refused the request, and with which code. */
async function refusalsOf(roster: Roster, { id, refusals = [] }: RequestRecord): Promise<ReadonlyMap<string, string>> {
  const codes = new Map<string, string>();
  for (const text of refusals) {
    const refusal = (await verified(roster, REFUSAL, text)) ?? (await verified(roster, UNSIGNED_REFUSAL, text));
    if (refusal?.signer.startsWith('node-') !== true) continue;
    const { claims, signer } = refusal;
    const isMeant = 'request_ids' in claims ? claims.request_ids.includes(id) : claims.request_id === id;
    if (isMeant) codes.set(signer, claims.code);
  }
  return codes;
}

/** The code that most of the nodes give, and who gives it, without those whose names do not fit; undefined when there is none. */
function describe(refusals: ReadonlyMap<string, string>): string | undefined {
  const byCode = new Map<string, string[]>();
  for (const [nodeId, code] of refusals) byCode.set(code, [...(byCode.get(code) ?? []), nodeId]);
  const [most] = [...byCode].sort(([, a], [, b]) => b.length - a.length);
  if (most === undefined) return undefined;
  const [code, nodes] = most;
  const number = (nodeId: string): number => Number(nodeId.slice('node-'.length));
  const [first = '', ...rest] = nodes.sort((a, b) => number(a) - number(b));
  const add = (reason: string, node: string): string =>
    reason.length + 2 + node.length > MAX_REASON_LENGTH ? reason : `${reason}, ${node}`;
  return rest.reduce(add, `${code}: ${first}`);
}

/** @returns undefined when no member has signed this text as a statement of this kind */
async function verified<Claims>(
  roster: Roster,
  kind: StatementKind<Claims>,
  text: string | undefined,
): Promise<{ readonly signer: string; readonly claims: Claims } | undefined> {
  if (text === undefined) return undefined;
  try {
    return await verify(roster, kind, text);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
