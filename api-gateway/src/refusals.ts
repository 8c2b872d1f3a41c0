import type { RequestRecord } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { REFUSAL } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';

/** As long as the board's contract lets a reason be. */
const MAX_REASON = 512;

/** Why nodes will not sign this, as far as they have signed that: the code that most of them give, and who. `policy_refused: node-2, node-4` */
export async function reasonOfRefusals(roster: Roster, { id, refusals = [] }: RequestRecord): Promise<string | undefined> {
  const codes = new Map<string, string>();
  for (const text of refusals) {
    const refusal = await verified(roster, text);
    if (refusal?.requestId === id) codes.set(refusal.nodeId, refusal.code);
  }
  const byCode = new Map<string, string[]>();
  for (const [nodeId, code] of codes) byCode.set(code, [...(byCode.get(code) ?? []), nodeId]);
  const [most] = [...byCode].sort(([, a], [, b]) => b.length - a.length);
  if (most === undefined) return undefined;
  const [code, nodes] = most;
  const number = (nodeId: string): number => Number(nodeId.slice('node-'.length));
  const [first = '', ...rest] = nodes.sort((a, b) => number(a) - number(b));
  return rest.reduce((reason, node) => (reason.length + 2 + node.length > MAX_REASON ? reason : `${reason}, ${node}`), `${code}: ${first}`);
}

async function verified(roster: Roster, text: string): Promise<{ nodeId: string; requestId: string; code: string } | undefined> {
  try {
    const { signer, claims } = await verify(roster, REFUSAL, text);
    return signer === 'gateway' ? undefined : { nodeId: signer, requestId: claims.request_id, code: claims.code };
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
