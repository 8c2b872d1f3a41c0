import type { NodeStatus } from 'message-board/contract';
import { refusalOf } from 'message-board/outcome';
import type { Identity } from 'sealing/identity';
import { REFUSAL, REQUEST_STATUS } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { members } from 'testkit/roster';
import type { GatewayDeps } from '../src/gateway.js';
import { cluster } from './support.js';

/** A cluster whose nodes sign what they say. The gateway hears of it through a liar, which is honest until it is told a lie. */
export async function sealedCluster({ threshold = 3, deps = {} }: { threshold?: number; deps?: Partial<GatewayDeps> } = {}) {
  const who = members(4, threshold);
  const c = await cluster(deps, who);
  const { liar } = c;
  if (liar === null) throw new Error('there is no liar in a plain cluster');
  const identityOf = (number: number): Identity => {
    const identity = who.identities[number - 1];
    if (identity === undefined) throw new Error(`there is no node-${number}`);
    return identity;
  };
  let sequence = 0;
  /** The heartbeat of a node, later than all before it. */
  const heartbeat = async (number: number, patch: Partial<NodeStatus>) => {
    const signer = { identity: identityOf(number), roster: who.roster };
    await c.nodes.health();
    return heartbeatOf({ ...READY_STATUS, board: c.nodes.instance, clock: Date.now(), ...patch }, { sequence: sequence++, signer });
  };
  const state = async (number: number, patch: Partial<NodeStatus>) => {
    const said = await heartbeat(number, patch);
    await c.nodes.putNode(`node-${number}`, said);
    return said;
  };
  // A copy of its properties would not show the gateway that is started again.
  return Object.assign(Object.create(c) as typeof c, {
    roster: who.roster,
    gatewayIdentity: who.gateway,
    liar,
    identityOf,
    heartbeat,
    state,
    /** As the nodes do when they have made the key. */
    stateKey: async (numbers = [1, 2, 3], public_key = c.signer.publicKey) => {
      for (const number of numbers) await state(number, { public_key });
    },
    /** What a node says of a request. */
    says: async (number: number, request_id: string, reason: string) => {
      const statement = await sign(identityOf(number), who.roster, REQUEST_STATUS, { request_id, reason });
      return { reason, statement };
    },
    /** Of what the board has under this id. */
    refusal: async (number: number, id: string, code = 'policy_refused') =>
      sign(identityOf(number), who.roster, REFUSAL, refusalOf((await c.nodes.getRequest(id)) ?? { id }, code)),
  });
}
export type SealedCluster = Awaited<ReturnType<typeof sealedCluster>>;
