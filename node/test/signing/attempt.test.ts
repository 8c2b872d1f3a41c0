import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { announce, attemptId, isLater, parseAnnouncement, type Attempt } from '../../src/signing/attempt.js';

const attempts = fc.record({
  requestId: fc.stringMatching(/^req_\d{1,10}_[a-z0-9]{1,8}$/),
  number: fc.nat(999_999),
  signers: fc.subarray([0, 1, 2, 3], { minLength: 3, maxLength: 3 }),
});

describe('attempts', () => {
  it('have an execution id of their own, the first one the id of the request', () => {
    expect(attemptId({ requestId: 'req_1_a', number: 0, signers: [0, 1, 2] })).toBe('req_1_a');
    expect(attemptId({ requestId: 'req_1_a', number: 2, signers: [0, 1, 3] })).toBe('req_1_a.2.1-2-4');
  });

  it('are read back from their announcement', () => {
    fc.assert(
      fc.property(attempts, (attempt) => {
        expect(parseAnnouncement(announce(attempt), 4, 3)).toEqual(attempt);
      }),
    );
  });

  it.each([
    ['too few signers', 'req_1_a.1.1-2'],
    ['a signer twice', 'req_1_a.1.1-2-2'],
    ['signers out of order', 'req_1_a.1.2-1-3'],
    ['a signer outside the cluster', 'req_1_a.1.1-2-5'],
    ['signer 0', 'req_1_a.1.0-1-2'],
    ['no number', 'req_1_a..1-2-3'],
    ['no request', '.1.1-2-3'],
    ['nothing', ''],
  ])('refuse %s', (_, text) => {
    expect(parseAnnouncement(text, 4, 3)).toBeNull();
  });

  it('are totally ordered, so that all nodes follow the same one', () => {
    fc.assert(
      fc.property(attempts, attempts, (a, b) => {
        const same = a.number === b.number && a.signers.join() === b.signers.join();
        expect(isLater(a, b) !== isLater(b, a)).toBe(!same);
        expect(isLater(a, null)).toBe(true);
      }),
    );
    const first: Attempt = { requestId: 'r', number: 1, signers: [0, 1, 2] };
    expect(isLater({ ...first, number: 2 }, first)).toBe(true);
    expect(isLater({ ...first, signers: [1, 2, 3] }, first)).toBe(true);
  });
});
