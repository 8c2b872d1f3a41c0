import type { RequestRecord } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { REFUSAL } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';

/** Length of a reason at most, in characters: the board's contract allows no more. */
const MAX_REASON_LENGTH = 512;

/** Why a node does not sign a request, as that node has signed it. */
interface Refusal {
  readonly nodeId: string;
  readonly requestId: string;
  readonly code: string;
}

/**
 * Why nodes refuse this request, as they have signed that: the code that most of them give, and who they are, as in
 * `policy_refused: node-2, node-4`; undefined when no node has refused it.
 */
export async function reasonOfRefusals(roster: Roster, { id, refusals = [] }: RequestRecord): Promise<string | undefined> {
  const codes = new Map<string, string>();
  for (const text of refusals) {
    const refusal = await verified(roster, text);
    if (refusal?.requestId === id) codes.set(refusal.nodeId, refusal.code);
  }
  const byCode = new Map<string, string[]>();
  for (const [nodeId, code] of codes) byCode.set(code, [...(byCode.get(code) ?? []), nodeId]);
  const [most] = [...byCode].sort(([, a], [, b]) => b.length - a.length);
  return most && describe(...most);
}

/** Leaves out nodes whose names do not fit. */
function describe(code: string, nodes: string[]): string {
  const number = (nodeId: string): number => Number(nodeId.slice('node-'.length));
  const [first = '', ...rest] = nodes.sort((a, b) => number(a) - number(b));
  const add = (reason: string, node: string): string =>
    reason.length + 2 + node.length > MAX_REASON_LENGTH ? reason : `${reason}, ${node}`;
  return rest.reduce(add, `${code}: ${first}`);
}

/** @returns undefined when no node has signed this text as a refusal */
async function verified(roster: Roster, text: string): Promise<Refusal | undefined> {
  try {
    const { signer, claims } = await verify(roster, REFUSAL, text);
    return signer === 'gateway' ? undefined : { nodeId: signer, requestId: claims.request_id, code: claims.code };
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
