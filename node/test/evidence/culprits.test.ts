import { describe, expect, it } from '@jest/globals';
import type { Accusation } from '../../src/evidence/accusation.js';
import { PLAIN_ACCUSER, SealedAccuser } from '../../src/evidence/accuser.js';
import { Culprits } from '../../src/evidence/culprits.js';
import { memoryLog } from '../util/cluster.js';
import { FakePresence } from '../util/transport.js';

/** Node 1 of 4, of whom 3 sign. */
function scene() {
  const { logger, lines } = memoryLog();
  const updates: unknown[] = [];
  class Presence extends FakePresence {
    override update(patch?: unknown): void {
      updates.push(patch);
    }
  }
  const presence = new Presence();
  const saved: Accusation[] = [];
  const evidence = { save: (accusation: Accusation) => Promise.resolve(void saved.push(accusation)) };
  const culprits = new Culprits({ presence, n: 4, t: 3 });
  return { culprits, accuser: new SealedAccuser({ culprits, evidence, logger }), presence, lines, updates, saved };
}

const setting = { protocol: 'sign', execution_id: 'req_1', participants: [0, 1, 3], key_material: 'ab', message: 'm' } as const;
const session = { kind: 'session', requestId: 'req_1', setting, received: [], sent: [] } as const;
const blame = [{ party: 3, reason: 'x' }, { party: 1, reason: 'y' }];
const accusation: Accusation = { code: 'invalid_share', round: 'Round2', blame, record: session };

describe('culprits', () => {
  it('are those whose own words show it, which is in the log, and is told the others', () => {
    const { culprits, accuser, updates, lines, saved } = scene();
    expect([0, 1, 2, 3].map((party) => culprits.has(party))).toEqual([false, false, false, false]);
    expect(accuser.accuse(accusation)).toEqual(accusation.blame);
    accuser.accuse(accusation);
    expect([0, 1, 2, 3].map((party) => culprits.has(party))).toEqual([false, true, false, true]);
    expect(updates.at(-1)).toEqual({ culprits: ['node-2', 'node-4'] });
    expect(saved).toEqual([accusation, accusation]);
    expect(lines.slice(0, 2)).toMatchObject([
      { event: 'culprit', culprit: 'node-4', session: 'req_1', code: 'invalid_share', round: 'Round2', reason: 'x' },
      { event: 'culprit', culprit: 'node-2' },
    ]);
    expect(culprits.list()).toEqual([
      { nodeId: 'node-2', reason: 'invalid_share', namedBy: [] },
      { nodeId: 'node-4', reason: 'invalid_share', namedBy: [] },
    ]);
  });

  it('are also those that so many others name that one of them is honest; nobody names itself', () => {
    const { culprits, presence, updates } = scene();
    for (const index of [1, 2]) presence.set(index, 'a', { culprits: ['node-4', 'node-1'] });
    expect(culprits.has(3)).toBe(false);
    presence.set(3, 'a', { culprits: ['node-4'] });
    expect(culprits.has(3)).toBe(false);
    presence.set(3, 'a', { live: false, culprits: ['node-1'] });
    expect([culprits.has(0), culprits.has(3), updates]).toEqual([true, false, []]);
    expect(culprits.list()).toEqual([{ nodeId: 'node-1', reason: null, namedBy: ['node-2', 'node-3', 'node-4'] }]);
  });

  it('are not those that as many name as may be corrupt while the others sign', () => {
    const { presence } = scene();
    const culprits = new Culprits({ presence, n: 4, t: 2 });
    for (const index of [1, 2]) presence.set(index, 'a', { culprits: ['node-4'] });
    expect(culprits.has(3)).toBe(false);
    presence.set(0, 'a', { culprits: ['node-4'] });
    expect(culprits.has(3)).toBe(true);
  });

  it('do not exist in a plain cluster, where anybody may have posted a message: a contradiction does not even blame its sender', () => {
    expect(PLAIN_ACCUSER.accuse(accusation)).toEqual(accusation.blame);
    expect(PLAIN_ACCUSER.accuse({ ...accusation, code: 'contradicting_messages' })).toEqual([]);
  });
});
