import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstSigner } from '../../src/cluster/signer_sets.js';
import { announce, attemptId, leaderOf, nextNumber, parseAnnouncement } from '../../src/signing/attempt.js';

const attempts = fc.record({
  requestId: fc.stringMatching(/^req_\d{1,10}_[a-z0-9]{1,8}$/),
  number: fc.nat(999_999),
  signers: fc.subarray([0, 1, 2, 3], { minLength: 3, maxLength: 3 }),
});

describe('attempts', () => {
  it('have an execution id of their own, the first one the id of the request', () => {
    expect(attemptId({ requestId: 'req_1_a', number: 0, signers: [0, 1, 2] })).toBe('req_1_a');
    expect(attemptId({ requestId: 'req_1_a', number: 2, signers: [0, 1, 3] })).toBe('req_1_a.2.b');
  });

  it('are read back from their announcement', () => {
    fc.assert(
      fc.property(attempts, (attempt) => {
        expect(parseAnnouncement(announce(attempt), 4, 3)).toEqual(attempt);
      }),
    );
  });

  it('fit the id of a session on the board, however many sign', () => {
    const signers = Array.from({ length: 256 }, (_, party) => party);
    const attempt = { requestId: `req_${'a'.repeat(124)}`, number: 999_999_999_999, signers };
    expect(attemptId(attempt).length).toBeLessThanOrEqual(256);
    expect(parseAnnouncement(announce(attempt), 256, 256)).toEqual(attempt);
  });

  it.each([
    ['too few signers', 'req_1_a.1.3'],
    ['too many', 'req_1_a.1.f'],
    ['a signer outside the cluster', 'req_1_a.1.13'],
    ['a zero in front', 'req_1_a.1.07'],
    ['a number with a zero in front', 'req_1_a.01.7'],
    ['no number', 'req_1_a..7'],
    ['no request', '.1.7'],
    ['an attempt for a request', 'req_1_a.1.7.1.7'],
    ['nothing', ''],
  ])('refuse %s', (_, text) => {
    expect(parseAnnouncement(text, 4, 3)).toBeNull();
  });

  it('have numbers that only their leaders use: each leader has its own, and they grow', () => {
    const requestId = 'req_1_a';
    const used = new Set<number>();
    for (let leader = 0; leader < 4; leader++) {
      let last = leader === firstSigner(requestId, 4) ? 0 : undefined;
      for (let k = 0; k < 50; k++) {
        const number = nextNumber(leader, last, 4);
        expect(leaderOf({ requestId, number, signers: [] }, 4)).toBe(leader);
        expect(number).toBeGreaterThan(last ?? 0);
        expect(used.has(number)).toBe(false);
        used.add(number);
        last = number;
      }
    }
    expect(leaderOf({ requestId, number: 0, signers: [] }, 4)).toBe(firstSigner(requestId, 4));
  });
});
