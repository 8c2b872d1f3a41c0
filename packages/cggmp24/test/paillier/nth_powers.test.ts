import { describe, expect, it, jest } from '@jest/globals';
import { mod } from '../../src/math/integer.js';
import { randomUnit, type Rng } from '../../src/math/random.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { checkClaim, encryptionClaim, failedClaims, type NthPowerClaim } from '../../src/paillier/nth_powers.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { failedCheck } from '../util/proofs.js';
import { key_i, key_j, smallPrime } from '../util/small.js';

const rng = seededRng('nth powers');
const own = key_i.encryptionKey;
const theirs = new EncryptionKey(key_j.encryptionKey.n);
const [p, q] = [smallPrime(2), smallPrime(3)];

function honest(key: EncryptionKey, label = 'an equation'): NthPowerClaim {
  const root = randomUnit(key.n, rng);
  return { label, key, root, power: key.encryptWith(0n, root) };
}

/** The claim with its power times u. */
function times(claim: NthPowerClaim, u: bigint): NthPowerClaim {
  return { ...claim, power: mod(claim.power * u, claim.key.nn) };
}

const onePlusN = (key: EncryptionKey, x: bigint): bigint => key.encryptWith(x, 1n);
const some = (key: EncryptionKey, count: number): NthPowerClaim[] => Array.from({ length: count }, (_, k) => honest(key, `equation ${k}`));
const single = (claim: NthPowerClaim): string => failedCheck(checkClaim, claim);

describe('the claim that is left of an equation', () => {
  it.each([own, theirs])('holds when the equation does, for either sign of an exponent', (key) => {
    const [c, nonce, k] = [key.encryptWith(7n, randomUnit(key.n, rng)), randomUnit(key.n, rng), 12345n];
    for (const exponent of [k, -k, 0n]) {
      const factor = key.add(key.encryptWith(3n, nonce), key.scale(-exponent, c));
      expect(single(encryptionClaim('label', key, 3n, nonce, factor, [c, exponent]))).toBe('accepted');
      expect(single(encryptionClaim('label', key, 4n, nonce, factor, [c, exponent]))).toBe('label');
      expect(single(encryptionClaim('label', key, 3n, nonce + 1n, factor, [c, exponent]))).toBe('label');
    }
  });
});

describe('claims that are settled together', () => {
  it('hold when each does, with one N-th power for each key', () => {
    const powers = jest.spyOn(EncryptionKey.prototype, 'encryptWith');
    try {
      const claims = [...some(own, 4), ...some(theirs, 5), honest(own)];
      powers.mockClear();
      expect(failedClaims(claims).size).toBe(0);
      expect(powers).toHaveBeenCalledTimes(2);
    } finally {
      powers.mockRestore();
    }
  });

  it('are none at all', () => {
    expect(failedClaims([]).size).toBe(0);
  });

  const wrongs: [string, (claim: NthPowerClaim) => NthPowerClaim][] = [
    ['of another root', (claim) => ({ ...claim, root: (claim.root * 2n) % claim.key.n })],
    ['of another plaintext', (claim) => times(claim, onePlusN(claim.key, 1n))],
    ['of a plaintext that is off by a multiple of p, so that the error has order q', (claim) => times(claim, onePlusN(claim.key, p))],
    ['of a plaintext that is off by a multiple of q, so that the error has order p', (claim) => times(claim, onePlusN(claim.key, 5n * q))],
    ['of another plaintext and of minus the power', (claim) => times(claim, -onePlusN(claim.key, 1n))],
  ];

  it.each(wrongs)('one %s is found among many, wherever it is', (_, wrong) => {
    for (const place of [0, 3, 5]) {
      const claims = some(theirs, 6).map((claim, k) => (k === place ? wrong(claim) : claim));
      expect([...failedClaims([...some(own, 2), ...claims])].map(({ label }) => label)).toEqual([`equation ${place}`]);
    }
  });

  it.each(wrongs)('all are found when all are %s', (_, wrong) => {
    expect(failedClaims(some(theirs, 3).map(wrong)).size).toBe(3);
  });

  it('errors that cancel when all weights are equal are found', () => {
    const u = onePlusN(theirs, 77n);
    const [first, second, third] = [honest(theirs), honest(theirs), honest(theirs)];
    const cancelling = [times(first, u), times(second, theirs.inverse(u))];
    const product = cancelling.reduce((all, { power }) => (all * power) % theirs.nn, 1n);
    expect(product).toBe((first.power * second.power) % theirs.nn);
    expect([...failedClaims([third, ...cancelling])]).toEqual(cancelling);
    expect([...failedClaims([...cancelling, third])]).toEqual(cancelling);
  });

  it('weigh with 128 bits each, but for the first: a false claim passes no more often than one in 2^128', () => {
    const { n } = theirs;
    const weights: bigint[] = [];
    const pow = (base: bigint, weight: bigint): bigint => {
      weights.push(weight);
      return theirs.modN.pow(base, weight);
    };
    const arithmetic = {
      modN: { value: n, pow, powWith: (exponent: bigint) => theirs.modN.powWith(exponent) },
      modNN: theirs.modNN,
      nthPower: (r: bigint) => theirs.modNN.pow(r, n),
      sampleNonce: (draw: Rng) => theirs.sampleNonce(draw),
    };
    expect(failedClaims(some(new EncryptionKey(n, arithmetic), 33)).size).toBe(0);
    const [first, ...others] = weights;
    expect(first).toBe(1n);
    expect(others).toHaveLength(32);
    // All 32 are below 2^120 in one of 2^256 runs.
    expect(others.some((weight) => weight >> 120n > 0n)).toBe(true);
    expect(others.every((weight) => weight >> 128n === 0n)).toBe(true);
    expect(new Set(others).size).toBe(32);
  });

  it('with minus the power, which is the power of minus the root, pass or not as the weights fall; nobody else is suspected', () => {
    const twisted = times(honest(theirs), -1n);
    expect(single(twisted)).toBe('an equation');
    expect(single({ ...twisted, root: theirs.n - twisted.root })).toBe('accepted');
    expect([...failedClaims([twisted])]).toEqual([twisted]);
    const seen = new Set<string>();
    // Each is as likely as the other: not to see both takes a chance of 2^-127.
    for (let k = 0; k < 128 && seen.size < 2; k++) {
      const failed = [...failedClaims([...some(theirs, 2), twisted])];
      expect(failed.filter((claim) => claim !== twisted)).toEqual([]);
      seen.add(failed.length === 0 ? 'passed' : 'found');
    }
    expect([...seen].sort()).toEqual(['found', 'passed']);
  });
});
