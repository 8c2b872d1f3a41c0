/**
 * How a request fails in a sealed cluster: n − t + 1 nodes have signed that they refuse it, or the gateway has signed that it is closed.
 * Board, nodes and gateway each verify this for themselves. A board also fails a request {@link EXPIRY_MARGIN_MS} after it has expired;
 * nobody else believes that without a closing, or without a look at the own clock.
 */
import { createHash } from 'node:crypto';
import { Refused } from 'sealing/errors';
import { CLOSING, REFUSAL } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import { nodeNumber, ReasonSchema, type NodeId } from './contract_fields.js';
import type { RequestRecord } from './requests.js';
import { GATEWAY } from './signing_request.js';

/**
 * A request may still be completed for this long after it has expired. Two clocks that are each set within 60 s differ by at most twice
 * that. Smaller: a request is called failed while a node with a slower clock still signs it. Larger: clients hear later that it has failed.
 */
export const EXPIRY_MARGIN_MS = 120_000;

type RefusedRequest = Pick<RequestRecord, 'id' | 'origin'>;

/** A node's refusal of one request, as it was verified. */
export interface VerifiedRefusal {
  readonly nodeId: NodeId;
  readonly code: string;
}

/** Why the gateway has closed a request. */
export type ClosingReason = 'cancelled' | 'expired';

/** So many nodes have to refuse a request before it has failed: too few are left to sign it. */
export function refusalsToFail({ n, t }: Pick<Roster, 'n' | 't'>): number {
  return n - t + 1;
}

/** What a node signs when it refuses a request. */
export function refusalOf({ id, origin }: RefusedRequest, code: string) {
  return { request_id: id, origin_sha256: originHash(origin), code };
}

/**
 * Has a node refused this request? Not another one that was put under its id: that says nothing about it.
 * @throws Refused saying what is wrong
 */
export async function verifyRefusal(roster: Roster, request: RefusedRequest, statement: string): Promise<VerifiedRefusal> {
  const { signer, claims } = await verify(roster, REFUSAL, statement);
  if (!signer.startsWith('node-')) throw new Refused(`it is by ${signer}`);
  if (claims.request_id !== request.id) throw new Refused(`request_id: it is for ${claims.request_id}, not for ${request.id}`);
  if (claims.origin_sha256 !== originHash(request.origin)) throw new Refused('origin_sha256: it is for another request under this id');
  return { nodeId: signer, code: claims.code };
}

/** Has the gateway closed this request? @returns why @throws Refused saying what is wrong */
export async function verifyClosing(roster: Roster, requestId: string, statement: string): Promise<ClosingReason> {
  const { signer, claims } = await verify(roster, CLOSING, statement);
  if (signer !== GATEWAY) throw new Refused(`it is by ${signer}, not by the ${GATEWAY}`);
  if (claims.request_id !== requestId) throw new Refused(`request_id: it is for ${claims.request_id}, not for ${requestId}`);
  return claims.reason;
}

/**
 * The reason of a request that these nodes refuse: the code that most of them give, and who they are, as in
 * `policy_refused: node-2, node-4`; undefined when there is none. Of two codes that are given equally often, that of the lowest node
 * counts. Nodes whose names do not fit are left out.
 */
export function reasonOfRefusals(codes: ReadonlyMap<NodeId, string>): string | undefined {
  const byCode = new Map<string, NodeId[]>();
  for (const [nodeId, code] of [...codes].sort(([a], [b]) => nodeNumber(a) - nodeNumber(b))) {
    byCode.set(code, [...(byCode.get(code) ?? []), nodeId]);
  }
  const [most] = [...byCode].sort(([, a], [, b]) => b.length - a.length);
  if (most === undefined) return undefined;
  const [code, [first = '', ...rest]] = most;
  return rest.reduce((reason, node) => {
    const longer = `${reason}, ${node}`;
    return ReasonSchema.safeParse(longer).success ? longer : reason;
  }, `${code}: ${first}`);
}

/**
 * Why a request has failed, as far as what is signed in its record proves that; undefined when nothing does. What does not verify is
 * left out.
 */
export async function provenFailure(
  roster: Roster,
  record: Pick<RequestRecord, 'id' | 'origin' | 'closing' | 'refusals'>,
): Promise<string | undefined> {
  const { id, closing, refusals = [] } = record;
  const reason = closing === undefined ? undefined : await orUndefined(verifyClosing(roster, id, closing));
  if (reason !== undefined) return reason;
  const codes = await verifiedRefusals(roster, record, refusals);
  return codes.size < refusalsToFail(roster) ? undefined : reasonOfRefusals(codes);
}

/** The codes of the nodes that refuse a request. What does not verify is left out. */
export async function verifiedRefusals(
  roster: Roster,
  request: RefusedRequest,
  statements: readonly string[],
): Promise<Map<NodeId, string>> {
  const codes = new Map<NodeId, string>();
  for (const statement of statements) {
    const refusal = await orUndefined(verifyRefusal(roster, request, statement));
    if (refusal !== undefined) codes.set(refusal.nodeId, refusal.code);
  }
  return codes;
}

function originHash(origin: string | undefined): string | null {
  return origin === undefined ? null : createHash('sha256').update(origin).digest('hex');
}

async function orUndefined<T>(verified: Promise<T>): Promise<T | undefined> {
  try {
    return await verified;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
