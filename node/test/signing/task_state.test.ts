import { describe, expect, it } from '@jest/globals';
import {
  accepted,
  attempting,
  failing,
  inFull,
  interrupted,
  isRefusal,
  presigned,
  proposalOf,
  refused,
  tried,
  waiting,
} from '../../src/signing/task_state.js';

const attempt = { requestId: 'req_1', number: 1, signers: [0, 1, 2] };

describe('the state of a task', () => {
  it('keeps the proposal from the decision to the last attempt, and through an interruption', () => {
    const first = accepted('p', 1);
    const states = [first, waiting(first, true), presigned(first, 'p'), interrupted(presigned(first, 'p'), 2), inFull(first)];
    expect([...states, attempting(inFull(first), attempt)].map(proposalOf)).toEqual(Array.from({ length: 6 }, () => 'p'));
  });

  it('begins the search for a presignature again after an interruption', () => {
    const first = accepted(undefined, 1);
    expect(interrupted(waiting(first, true), 2)).toEqual({ ...first, since: 2 });
    const inAttempt = attempting(inFull(first), attempt);
    expect(interrupted(inAttempt, 2)).toEqual({ ...first, since: 2, history: inAttempt.history });
  });

  it('suspects the signers that were silent last, until others are', () => {
    const silent = tried(attempting(inFull(accepted(undefined, 0)), attempt), [1], 5);
    expect(silent).toMatchObject({ history: { last: attempt, suspects: new Set([1]), idleSince: 5 } });
    expect(tried(silent, [], 6)).toMatchObject({ history: { suspects: new Set([1]), idleSince: 6 } });
    expect(tried(silent, [2], 6)).toMatchObject({ history: { suspects: new Set([2]) } });
  });

  it('is a refusal for good, also when the request fails', () => {
    const own = refused('a statement');
    expect([own, failing(own)].map(isRefusal)).toEqual([true, true]);
    expect(failing(own)).toEqual({ kind: 'failing', refusal: 'a statement' });
    expect([accepted('p', 0), failing(accepted('p', 0))].map(isRefusal)).toEqual([false, false]);
  });
});
