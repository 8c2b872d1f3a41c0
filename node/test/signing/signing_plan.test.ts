import { describe, expect, it } from '@jest/globals';
import type { PeerView } from 'message-board/peer_view';
import { nodeId } from '../../src/base/utils.js';
import { signerSets } from '../../src/cluster/signer_sets.js';
import { announce, type Attempt } from '../../src/signing/attempt.js';
import { PLAIN_CLUSTER, SEALED_CLUSTER } from '../../src/signing/cluster_kind.js';
import { NOTHING_TRIED, type PlanDeps, type PlanState, type SigningHistory } from '../../src/signing/signing_plan.js';
import { turnAt, TURN_MS } from '../../src/signing/turns.js';

/** A request whose ring begins with node-1: its signer sets are tried in the order 1-2-3, 2-3-4, 1-3-4, 1-2-4. */
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
  /** Whom a peer says to have owed it something, by the peer. */
  readonly suspected?: Readonly<Record<number, readonly number[]>>;
  /** Alive, but nothing was heard of them for more than 2.5 s. */
  readonly late?: readonly number[];
}

/** What planning reads. */
function depsOf(scene: Scene): PlanDeps {
  const { self, down = [], starting = [], announced = {}, guilty = [], distrust = {}, suspected = {}, late = [] } = scene;
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
        suspects: (suspected[index] ?? []).map(nodeId),
        attempts: (announced[index] ?? []).map((attempt) => announce({ requestId, ...attempt })),
      },
    }));
  const presence = { peers: () => peers as unknown as PeerView[], status: { stage: 'ready' } as PlanDeps['presence']['status'] };
  const culprits = { has: (party: number) => guilty.includes(party) };
  return { index: self, n: 4, t: 3, presence, culprits };
}

const fresh: PlanState = {
  requestId,
  acceptedAt: 0,
  history: NOTHING_TRIED,
  refusing: new Set(),
  suspects: new Set(),
  attemptMs: Infinity,
  lastLed: undefined,
  mayLead: () => true,
  mayFollow: () => true,
};
const { planner } = SEALED_CLUSTER;
const plan = (scene: Scene, state: Partial<PlanState> = {}, now = 0) => planner.next(depsOf(scene), { ...fresh, ...state }, now);
const tried = (history: Partial<SigningHistory>): Partial<PlanState> => ({ history: { ...NOTHING_TRIED, ...history } });
const run = (number: number, signers: number[]) => ({ kind: 'run', attempt: { requestId, number, signers } });
const wait = (ms: number) => ({ kind: 'wait', ms });
/** How old the request is when a turn begins. */
const turnStart = (number: number): number => {
  let age = 0;
  while (turnAt(age, 4).number < number) age = turnAt(age, 4).end;
  return age;
};

describe('turns', () => {
  it('follow on each other without a gap, and are twice as long after each round, up to eight times', () => {
    const lengths: number[] = [];
    for (let age = 0, k = 0; k < 20; k++) {
      const turn = turnAt(age, 4);
      expect([turn.number, turn.start]).toEqual([k, age]);
      expect([turnAt(turn.end - 1, 4).number, turnAt(turn.end, 4).number]).toEqual([k, k + 1]);
      lengths.push((turn.end - turn.start) / TURN_MS);
      age = turn.end;
    }
    expect(lengths).toEqual([1, 2, 4, 8, 8].flatMap((length) => [length, length, length, length]));
  });
});

describe('the leader of a turn', () => {
  it('is the first signer, then the next one in the ring, and so on; the others wait for it', () => {
    expect(plan({ self: 0 })).toEqual(run(0, [0, 1, 2]));
    for (const self of [1, 2, 3]) expect(plan({ self })).toEqual(wait(TURN_MS));
    expect(plan({ self: 1 }, {}, TURN_MS)).toEqual(run(14, [0, 1, 2]));
    expect(plan({ self: 3 }, {}, 3 * TURN_MS)).toEqual(run(40, [0, 1, 3]));
    expect(plan({ self: 0 }, {}, 4 * TURN_MS)).toEqual(run(49, [0, 1, 2]));
  });

  it.each<[string, Partial<Scene>, Partial<PlanState>]>([
    ['down', { down: [0] }, {}],
    ['not done with its set-up', { starting: [0] }, {}],
    ['a culprit', { guilty: [0] }, {}],
    ['refusing', {}, { refusing: new Set([0]) }],
  ])('is the next one in the ring when it is %s', (_, scene, state) => {
    expect(plan({ self: 1, ...scene }, state)).toEqual(run(2, [1, 2, 3]));
    expect(plan({ self: 2, ...scene }, state)).toEqual(wait(TURN_MS));
  });

  it('begins nothing for which its turn has no time left: half a turn, or as long as an attempt takes', () => {
    expect(plan({ self: 0 }, {}, TURN_MS / 2)).toEqual(run(0, [0, 1, 2]));
    expect(plan({ self: 0 }, {}, TURN_MS / 2 + 1)).toEqual(wait(TURN_MS / 2 - 1));
    expect(plan({ self: 0 }, { attemptMs: 500 }, TURN_MS - 500)).toEqual(run(0, [0, 1, 2]));
    expect(plan({ self: 0 }, { attemptMs: 500 }, TURN_MS - 499)).toEqual(wait(499));
  });

  it('begins nothing while it leads as many as it may', () => {
    expect(plan({ self: 0 }, { mayLead: () => false })).toEqual(wait(TURN_MS));
  });

  it('takes a new number of its own for each attempt, and at most three in a turn', () => {
    const history = { lastOf: new Map([[0, 5], [1, 82]]), begun: { turn: 0, attempts: 2 } };
    expect(plan({ self: 0 }, tried(history))).toEqual(run(9, [0, 1, 2]));
    expect(plan({ self: 0 }, tried({ ...history, begun: { turn: 0, attempts: 3 } }))).toEqual(wait(TURN_MS));
    expect(plan({ self: 0 }, tried({ lastOf: new Map([[0, 0]]) }))).toEqual(run(1, [0, 1, 2]));
    expect(plan({ self: 0 }, { lastLed: 9 })).toEqual(run(13, [0, 1, 2]));
    expect(plan({ self: 0 }, { ...tried(history), lastLed: 1 })).toEqual(run(9, [0, 1, 2]));
  });

  it('is followed in its next turn though it has lost its journal', () => {
    const before: number[] = [];
    const ofTurn = (turn: number): Attempt => {
      const history = { lastOf: new Map(before.length === 0 ? [] : [[0, Math.max(...before)]]), begun: { turn, attempts: 0 } };
      const next = plan({ self: 0 }, tried(history), turnStart(turn));
      if (next.kind !== 'run') throw new Error('it leads');
      return next.attempt;
    };
    for (const turn of [0, 0, 0, 4, 4, 4]) before.push(ofTurn(turn).number);
    expect(new Set(before).size).toBe(6);
    const last = Math.max(...before);
    before.length = 0;
    const { number, signers } = ofTurn(8);
    const followed = { self: 1, announced: { 0: [{ number, signers: [...signers] }] } };
    expect(plan(followed, tried({ lastOf: new Map([[0, last]]) }), turnStart(8))).toEqual(run(number, [...signers]));
  });

  it('says which nodes are missing when too few are there; one that refuses is not', () => {
    expect(plan({ self: 0, down: [1, 3] })).toEqual({ kind: 'too_few', missing: [1, 3] });
    expect(plan({ self: 0, distrust: { 1: [2] }, down: [3] })).toEqual({ kind: 'too_few', missing: [2, 3] });
    expect(plan({ self: 1, guilty: [0, 2] })).toEqual({ kind: 'too_few', missing: [0, 2] });
    expect(plan({ self: 1, down: [3] }, { refusing: new Set([0]) })).toEqual({ kind: 'too_few', missing: [3] });
  });
});

describe('the signers that a leader chooses', () => {
  it('are ready, willing, and do not accuse each other', () => {
    expect(plan({ self: 0, down: [1] })).toEqual(run(1, [0, 2, 3]));
    expect(plan({ self: 0 }, { refusing: new Set([2]) })).toEqual(run(1, [0, 1, 3]));
    expect(plan({ self: 0, distrust: { 1: [2] } })).toEqual(run(1, [0, 1, 3]));
  });

  it.each<[string, Partial<Scene>, Partial<PlanState>]>([
    ['owed this node a message', {}, { suspects: new Set([1]) }],
    ['is late', { late: [1] }, {}],
    ['owed two others a message, of whom one is honest', { suspected: { 2: [1], 3: [1] } }, {}],
  ])('are others than one that %s, while there are others', (_, scene, state) => {
    expect(plan({ self: 0, ...scene }, state)).toEqual(run(1, [0, 2, 3]));
    expect(plan({ self: 0, ...scene, down: [3] }, state)).toEqual(run(0, [0, 1, 2]));
  });

  it('do not depend on what one member alone says of another', () => {
    expect(plan({ self: 0, suspected: { 3: [1, 2] } })).toEqual(run(0, [0, 1, 2]));
  });

  it('are those that have failed longest ago, whoever is suspected: no set is left out for good', () => {
    const failedAt = new Map([['1-2-3', 1], ['1-3-4', 3]]);
    expect(plan({ self: 0 }, { ...tried({ failedAt }), suspects: new Set([1]) })).toEqual(run(1, [0, 1, 3]));
    const all = { failedAt: new Map([...failedAt, ['1-2-4', 2]]), lastOf: new Map([[0, 9]]) };
    expect(plan({ self: 0 }, tried(all))).toEqual(run(13, [0, 1, 2]));
  });
});

describe('the others', () => {
  const led = (number: number, signers: number[]): Partial<Scene> => ({ announced: { 0: [{ number, signers }] } });

  it('follow what the leader of the turn announces, the latest, if it names them', () => {
    expect(plan({ self: 1, ...led(0, [0, 1, 2]) })).toEqual(run(0, [0, 1, 2]));
    const two = { announced: { 0: [{ number: 5, signers: [0, 1, 2] }, { number: 1, signers: [0, 1, 3] }] } };
    expect(plan({ self: 1, ...two })).toEqual(run(5, [0, 1, 2]));
    expect(plan({ self: 3, ...two })).toEqual(wait(TURN_MS));
  });

  it.each<[string, Partial<Scene>, Partial<PlanState>]>([
    ['by another member than the leader', { announced: { 2: [{ number: 3, signers: [1, 2, 3] }] } }, {}],
    ['under a number of another leader', led(2, [0, 1, 2]), {}],
    ['by a leader that does not take part', led(1, [1, 2, 3]), {}],
    ['that they have run', led(5, [0, 1, 2]), tried({ lastOf: new Map([[0, 5]]) })],
    ['with one that refuses', led(1, [0, 1, 2]), { refusing: new Set([2]) }],
    ['with one that has cheated', { ...led(1, [0, 1, 2]), guilty: [2] }, {}],
    ['when they have run three in this turn', led(9, [0, 1, 2]), tried({ begun: { turn: 0, attempts: 3 } })],
    ['when they run as many of this leader as they may', led(1, [0, 1, 2]), { mayFollow: () => false }],
  ])('do not follow an attempt %s', (_, scene, state) => {
    expect(plan({ self: 1, ...scene }, state)).toEqual(wait(TURN_MS));
  });

  it('do not wait for numbers that a cheat has used up: each leader has its own', () => {
    const history = { lastOf: new Map([[3, 999_999_999_996]]) };
    expect(plan({ self: 1, ...led(1, [0, 1, 2]) }, tried(history))).toEqual(run(1, [0, 1, 2]));
  });
});

describe('an attempt under way', () => {
  const attempt: Attempt = { requestId, number: 1, signers: [0, 1, 2] };
  const ran = tried({ lastOf: new Map([[0, 1]]), begun: { turn: 0, attempts: 1 } });
  const verdict = (scene: Scene, now: number, roundAt = -Infinity, state: Partial<PlanState> = {}) =>
    planner.verdict(depsOf(scene), { ...fresh, ...ran, ...state }, { attempt, turn: turnAt(0, 4), roundAt }, now);

  it('ends with its turn, unless it came a round further in the last half', () => {
    expect(verdict({ self: 2 }, TURN_MS - 1)).toBe('goes_on');
    expect(verdict({ self: 2 }, TURN_MS, TURN_MS / 2 - 1)).toBe('stalled');
    expect(verdict({ self: 2 }, TURN_MS, TURN_MS / 2)).toBe('goes_on');
  });

  it('gives way to a later one of the leader, and to no other', () => {
    const announced = (by: number, number: number) => ({ announced: { [by]: [{ number, signers: [0, 1, 3] }] } });
    expect(verdict({ self: 2, ...announced(0, 5) }, 10)).toBe('given_up');
    expect(verdict({ self: 2, ...announced(0, 1) }, 10)).toBe('goes_on');
    expect(verdict({ self: 2, ...announced(1, 2) }, 10)).toBe('goes_on');
    expect(verdict({ self: 2, ...announced(1, 2) }, TURN_MS, TURN_MS)).toBe('given_up');
  });

  it('is let go on by the next leader when that would choose the same signers, and lead', () => {
    const next = (state: Partial<PlanState>) => verdict({ self: 1 }, TURN_MS, TURN_MS, state);
    expect(next({})).toBe('goes_on');
    expect(next({ suspects: new Set([2]) })).toBe('given_up');
    expect(next({ suspects: new Set([2]), mayLead: () => false })).toBe('goes_on');
    expect(next({ history: { ...NOTHING_TRIED, lastOf: new Map([[0, 1]]), failedAt: new Map([['1-2-3', 1]]) } })).toBe('given_up');
  });
});

describe('a cluster with Rust nodes', () => {
  it('knows attempt 0 alone, whichever nodes seem down, and gives it all the time it needs', () => {
    const { next, verdict } = PLAIN_CLUSTER.planner;
    expect(next(depsOf({ self: 0, down: [1, 2, 3] }), fresh, 0)).toEqual(run(0, [0, 1, 2]));
    expect(next(depsOf({ self: 3 }), fresh, 0).kind).toBe('wait');
    expect(next(depsOf({ self: 0 }), { ...fresh, ...tried({ lastOf: new Map([[0, 0]]) }) }, 0).kind).toBe('wait');
    const attempt = { requestId, number: 0, signers: [0, 1, 2] };
    expect(verdict(depsOf({ self: 0 }), fresh, { attempt, turn: turnAt(0, 4), roundAt: -Infinity }, 1e9)).toBe('goes_on');
  });
});
