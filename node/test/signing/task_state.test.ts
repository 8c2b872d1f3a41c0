import { describe, expect, it } from '@jest/globals';
import {
  accepted,
  attemptedBefore,
  attempting,
  failed,
  inFull,
  interrupted,
  needsNoPresignature,
  OVER,
  presigned,
  proposalOf,
  refused,
  signed,
  waiting,
} from '../../src/signing/task_state.js';
import { NOTHING_TRIED } from '../../src/signing/signing_plan.js';

const begun = { attempt: { requestId: 'req_1', number: 5, signers: [0, 1, 2] }, leader: 0, turn: 4 };

describe('the state of a task', () => {
  it('keeps the proposal from the decision to the last attempt, and through an interruption', () => {
    const first = accepted('p', 1);
    const states = [first, waiting(first, true), presigned(first, 'p'), interrupted(presigned(first, 'p'), 2), inFull(first, 3)];
    expect([...states, attempting(inFull(first, 3), begun)].map(proposalOf)).toEqual(Array.from({ length: 6 }, () => 'p'));
  });

  it('begins the search for a presignature again after an interruption', () => {
    const first = accepted(undefined, 1);
    expect(interrupted(waiting(first, true), 2)).toEqual({ ...first, since: 2 });
    const inAttempt = attempting(inFull(first, 1), begun);
    expect(interrupted(inAttempt, 2)).toEqual({ ...first, since: 2, history: inAttempt.history });
  });

  it('remembers the highest number of each leader, and how many attempts there were in a turn', () => {
    const first = attempting(inFull(accepted(undefined, 0), 1), begun);
    expect(first.history).toMatchObject({ lastOf: new Map([[0, 5]]), begun: { turn: 4, attempts: 1 } });
    const second = attempting(first, { ...begun, attempt: { ...begun.attempt, number: 1 } });
    expect(second.history).toMatchObject({ lastOf: new Map([[0, 5]]), begun: { turn: 4, attempts: 2 } });
    const other = attempting(second, { ...begun, leader: 1, turn: 5 });
    expect(other.history).toMatchObject({ lastOf: new Map([[0, 5], [1, 5]]), begun: { turn: 5, attempts: 1 } });
  });

  it('remembers the number of an attempt that it has run in an earlier life, which counts as none', () => {
    const state = attemptedBefore(inFull(accepted(undefined, 0), 1), begun);
    expect(state.history).toEqual({ ...NOTHING_TRIED, lastOf: new Map([[0, 5]]) });
  });

  it('waits anew for its turn after a try of its own, and remembers when those signers failed', () => {
    const state = failed(inFull(accepted(undefined, 0), 1), [0, 1, 3], 9);
    expect(state).toMatchObject({ began: 1, since: 9, history: { failedAt: new Map([['1-2-4', 9]]) } });
  });

  it('needs no presignature when this node refuses it, has its signature, or issues no share any more', () => {
    expect([refused('a statement'), signed('a signature'), OVER].map(needsNoPresignature)).toEqual([true, true, true]);
    const first = accepted('p', 0);
    expect([first, presigned(first, 'p'), inFull(first, 0)].map(needsNoPresignature)).toEqual([false, false, false]);
  });
});
