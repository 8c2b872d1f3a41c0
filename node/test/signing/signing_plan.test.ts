import { describe, expect, it } from '@jest/globals';
import { announce } from '../../src/signing/attempt.js';
import type { PeerView } from 'message-board/peer_view';
import { PLAIN_CLUSTER, SEALED_CLUSTER } from '../../src/signing/cluster_kind.js';
import type { PlanDeps, PlanState } from '../../src/signing/signing_plan.js';
import { nodeId } from '../../src/base/utils.js';
import { signerSets } from '../../src/cluster/signer_sets.js';
import { nodeStatus } from '../util/node_status.js';

/** A request whose signer sets are tried in the order 1-2-3, 2-3-4, 1-3-4, 1-2-4. */
const requestId = ((): string => {
  for (let k = 0; ; k++) if (signerSets(`req_1_${k}`, 4, 3)[0]?.join() === '0,1,2') return `req_1_${k}`;
})();

interface Scene {
  readonly self: number;
  readonly down?: readonly number[];
  /** Alive, but not done with their set-up. */
  readonly starting?: readonly number[];
  /** What peers announce, by party. */
  readonly announced?: Readonly<Record<number, readonly { number: number; signers: number[] }[]>>;
  readonly guilty?: readonly number[];
  /** Whom a peer says to have cheated, by the peer. */
  readonly distrust?: Readonly<Record<number, readonly number[]>>;
  /** Alive, but nothing was heard of them for more than 2.5 s. */
  readonly late?: readonly number[];
  readonly rustInterop?: boolean;
}

/** What planning reads. */
function depsOf({ self, down = [], starting = [], announced = {}, guilty = [], distrust = {}, late = [] }: Scene): PlanDeps {
  const peers = [0, 1, 2, 3]
    .filter((index) => index !== self)
    .map((index) => ({
      index,
      nodeId: nodeId(index),
      live: !down.includes(index),
      ageMs: late.includes(index) ? 2_600 : 2_400,
      status: {
        stage: starting.includes(index) ? 'starting' : 'ready',
        culprits: (distrust[index] ?? []).map(nodeId),
        attempts: (announced[index] ?? []).map((attempt) => announce({ requestId, ...attempt })),
      },
    }));
  const presence = { status: nodeStatus(), peers: () => peers as unknown as PeerView[] };
  const culprits = { has: (party: number) => guilty.includes(party) };
  return { index: self, n: 4, t: 3, presence, culprits };
}

const fresh: PlanState = { requestId, last: null, suspects: new Set(), refusing: new Set(), idleSince: 0 };
const plan = (scene: Scene, state: Partial<PlanState> = {}, now = 0) => {
  const { planner } = scene.rustInterop === true ? PLAIN_CLUSTER : SEALED_CLUSTER;
  return planner(depsOf(scene), { ...fresh, ...state }, now);
};
const run = (number: number, signers: number[]) => ({ kind: 'run', attempt: { requestId, number, signers } });

describe('planning full signing', () => {
  it('runs attempt 0 of the first set unasked, at each of its members', () => {
    for (const self of [0, 1, 2]) expect(plan({ self })).toEqual(run(0, [0, 1, 2]));
    expect(plan({ self: 3 }).kind).toBe('wait');
  });

  it('takes the first live set under a later number when a member is down; its lowest member proposes, the next ones after a while', () => {
    expect(plan({ self: 1, down: [0] })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 2, down: [0] })).toEqual({ kind: 'wait', ms: 5000 });
    expect(plan({ self: 2, down: [0] }, {}, 5000)).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 3, down: [0] }, {}, 5000)).toEqual({ kind: 'wait', ms: 5000 });
  });

  it('counts a node that is still starting as down', () => {
    expect(plan({ self: 1, starting: [0] })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 1, starting: [0, 2] })).toEqual({ kind: 'too_few', missing: [0, 2] });
  });

  it('asks no node to sign with one that it has seen cheat; a node that has seen nothing takes the next set', () => {
    const distrust = { 1: [2] };
    expect(plan({ self: 0, distrust })).toEqual(run(1, [0, 2, 3]));
    expect(plan({ self: 3, distrust }, {}, 10_000)).toEqual(run(1, [0, 2, 3]));
    expect(plan({ self: 0, distrust: { 1: [2], 3: [2] } })).toEqual(run(1, [0, 1, 3]));
    expect(plan({ self: 0, distrust: { 1: [2] }, down: [3] })).toEqual({ kind: 'too_few', missing: [2, 3] });
  });

  it('follows what a live peer announces, the latest first', () => {
    const announced = { 0: [{ number: 1, signers: [0, 2, 3] }], 2: [{ number: 2, signers: [0, 2, 3] }] };
    expect(plan({ self: 3, announced })).toEqual(run(2, [0, 2, 3]));
  });

  it('does not follow an announcement that is not later than its last attempt, nor one of a node that is down', () => {
    const last = { requestId, number: 2, signers: [0, 2, 3] };
    const announced = { 0: [{ number: 1, signers: [0, 2, 3] }] };
    expect(plan({ self: 3, announced }, { last })).not.toEqual(run(1, [0, 2, 3]));
    expect(plan({ self: 3, announced, down: [0] })).toEqual({ kind: 'wait', ms: 10_000 });
  });

  it('does not follow an announcement by a node that is not among its signers', () => {
    expect(plan({ self: 3, announced: { 0: [{ number: 7, signers: [1, 2, 3] }] } })).toEqual({ kind: 'wait', ms: 5000 });
  });

  it('leaves an attempt alone that others run without it', () => {
    expect(plan({ self: 3, announced: { 0: [{ number: 1, signers: [0, 1, 2] }] } }, {}, 1e9).kind).toBe('wait');
  });

  it('passes over the signers that were silent, while there are others', () => {
    const last = { requestId, number: 0, signers: [0, 1, 2] };
    expect(plan({ self: 1 }, { last, suspects: new Set([0]) })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 1, down: [3] }, { last, suspects: new Set([0]) }, 5000)).toEqual(run(1, [0, 1, 2]));
  });

  it('does not follow one that was silent into another attempt, while there are others', () => {
    const last = { requestId, number: 1, signers: [0, 1, 2] };
    const announced = { 0: [{ number: 2, signers: [0, 1, 2] }] };
    expect(plan({ self: 1, announced }, { last })).toEqual(run(2, [0, 1, 2]));
    expect(plan({ self: 1, announced }, { last, suspects: new Set([0]) })).toEqual(run(2, [1, 2, 3]));
    expect(plan({ self: 1, announced, down: [3] }, { last, suspects: new Set([0]) })).toEqual(run(2, [0, 1, 2]));
  });

  it('does not follow a number that only a cheat could have reached, so that there are numbers left', () => {
    const announced = (number: number) => ({ 2: [{ number, signers: [1, 2, 3] }] });
    expect(plan({ self: 1, announced: announced(10_000) })).toEqual(run(10_000, [1, 2, 3]));
    expect(plan({ self: 1, down: [0], announced: announced(10_001) })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 1, announced: announced(10_001) }, { last: { requestId, number: 1, signers: [0, 1, 3] } })).toEqual(
      run(10_001, [1, 2, 3]),
    );
  });

  it('does not begin with a signer that was silent on the fast path a moment ago', () => {
    expect(plan({ self: 1 }, { suspects: new Set([0]) })).toEqual(run(1, [1, 2, 3]));
  });

  it('passes over one that is late, while there are others', () => {
    expect(plan({ self: 1, late: [0] })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 0, late: [1], down: [3] })).toEqual(run(1, [0, 1, 2]));
  });

  it('leaves out one that has cheated, and does not follow it', () => {
    expect(plan({ self: 1, guilty: [0] })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 1, guilty: [0], announced: { 0: [{ number: 3, signers: [0, 1, 2] }] } })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 1, guilty: [0, 2] })).toEqual({ kind: 'too_few', missing: [0, 2] });
  });

  it('asks no node that refuses, and follows no attempt with such a signer', () => {
    const refusing = new Set([0]);
    expect(plan({ self: 1 }, { refusing })).toEqual(run(1, [1, 2, 3]));
    const announced = { 2: [{ number: 4, signers: [0, 1, 2] }] };
    expect(plan({ self: 1, announced }, { refusing })).toEqual(run(1, [1, 2, 3]));
    expect(plan({ self: 1, announced }, { refusing: new Set([3]) })).toEqual(run(4, [0, 1, 2]));
  });

  it('does not count a node that refuses as missing', () => {
    expect(plan({ self: 1, down: [3] }, { refusing: new Set([0]) })).toEqual({ kind: 'too_few', missing: [3] });
  });

  it('says which nodes are missing when too few are alive', () => {
    expect(plan({ self: 0, down: [1, 3] })).toEqual({ kind: 'too_few', missing: [1, 3] });
  });

  it('knows attempt 0 alone in a cluster with Rust nodes, whichever nodes seem down', () => {
    expect(plan({ self: 0, down: [1, 2, 3], rustInterop: true })).toEqual(run(0, [0, 1, 2]));
    expect(plan({ self: 3, rustInterop: true }).kind).toBe('wait');
    expect(plan({ self: 0, rustInterop: true }, { last: { requestId, number: 0, signers: [0, 1, 2] } }).kind).toBe('wait');
  });
});
