import { beforeEach, describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { firstSigner } from '../../src/cluster/signer_sets.js';
import type { Attempt } from '../../src/signing/attempt.js';
import { AttemptWatch } from '../../src/signing/attempt_watch.js';
import { NOTHING_TRIED, type Verdict } from '../../src/signing/signing_plan.js';
import { TURN_MS } from '../../src/signing/turns.js';
import { FakePresence } from '../util/transport.js';

/** Turns 0 and 1 of this request are those of node-2 and node-3. */
const requestId = ((): string => {
  for (let k = 0; ; k++) if (firstSigner(`req_${k}`, 4) === 1) return `req_${k}`;
})();
let presence: FakePresence;
const attempt: Attempt = { requestId, number: 2, signers: [0, 1, 2] };

let clock: VirtualClock;
let verdict: Verdict;
beforeEach(() => {
  clock = new VirtualClock();
  presence = new FakePresence();
  verdict = 'goes_on';
});

/** A node watches the attempt. @param ageMs how old the request is by then */
function watchBy(index: number, ageMs: number): AttemptWatch {
  const planner = { next: () => ({ kind: 'wait', ms: 0 }) as const, verdict: () => verdict };
  const deps = { index, n: 4, t: 3, clock, presence, culprits: { has: () => false }, cluster: { planner } };
  const acceptedAt = clock.monotonic() - ageMs;
  const about = { refusing: new Set<number>(), suspects: new Set<number>(), attemptMs: 0, lastLed: undefined };
  const state = { requestId, acceptedAt, history: NOTHING_TRIED, mayLead: () => true, mayFollow: () => true, ...about };
  return new AttemptWatch(deps, attempt, () => state, acceptedAt);
}

describe('an attempt is a try of the leader of the turn', () => {
  it.each([
    ['begun at the start of its turn', 1, 0, true],
    ['begun in the first half of its turn', 1, TURN_MS / 2, true],
    ['begun in the second half of its turn, which may cut it off', 1, TURN_MS / 2 + 1, false],
    ['begun in the turn of another one', 1, TURN_MS, false],
    ['begun by another one', 2, 0, false],
  ])('when it is %s: node %d, at %d ms', (_, index, ageMs, isOwnTry) => {
    const watch = watchBy(index, ageMs);
    expect(watch.isOwnTry).toBe(isOwnTry);
    watch.stop();
  });

  it('when the next leader lets it go on', async () => {
    const watch = watchBy(2, TURN_MS - 100);
    await clock.advance(100);
    expect(watch.isOwnTry).toBe(true);
    watch.stop();
  });
});

it.each<[Verdict, readonly number[]]>([
  ['goes_on', [0]],
  ['stalled', [0]],
  ['given_up', []],
])('of an attempt that ends when the verdict is: %s, these parties owed a message: %j', async (last, owing) => {
  const watch = watchBy(1, 0);
  watch.waitsFor([0, 2]);
  await clock.advance(1_000);
  watch.waitsFor([0]);
  verdict = last;
  presence.set(3, 'a');
  expect([watch.signal.aborted, watch.owing()]).toEqual([last !== 'goes_on', owing]);
  watch.stop();
});
