import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { encodePoint, G, GROUP_ORDER, multiply, toScalar } from '../../src/math/curve.js';
import { lagrange } from '../../src/math/polynomial.js';
import { minSigners, parseCoreKeyShare, serializeCoreKeyShare, type CoreKeyShare } from '../../src/key_share/core.js';
import type { ChainCodeMode } from '../../src/keygen/context.js';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import type { Session } from '../../src/runtime/session.js';
import { keygen, keygenNonThreshold, type KeygenOptions } from '../../src/sessions.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate, type SimulateOptions } from '../../src/testing/simulate.js';
import { ending } from '../util/blame.js';
import { recordRun } from '../util/messages.js';
import { scalarDraw, scriptedRng } from '../util/scripted_rng.js';

const executionId = utf8ToBytes('a key');

function sessionsOf(threshold: number | null, parties: number, options: Partial<KeygenOptions> = {}): Session<CoreKeyShare>[] {
  return Array.from({ length: parties }, (_, index) => {
    const own = { executionId, index, parties, ...options };
    return threshold === null ? keygenNonThreshold(own) : keygen({ ...own, threshold });
  });
}

/** The secret key, from the shares of the given parties. */
function secretOf(shares: readonly CoreKeyShare[], parties: readonly number[]): bigint {
  const setup = at(shares, 0).vssSetup;
  const weights = setup === null ? parties.map(() => 1n) : lagrange(parties.map((j) => at(setup.indices, j)), 0n);
  return toScalar(parties.reduce((sum, party, k) => sum + at(weights, k) * at(shares, party).secretShare.reveal(), 0n));
}

const subsets = (n: number, size: number): number[][] =>
  Array.from({ length: 2 ** n }, (_, mask) => Array.from({ length: n }, (__, j) => j).filter((j) => (mask >> j) % 2 === 1)).filter(
    (s) => s.length === size,
  );

describe.each([
  [2, 2],
  [2, 3],
  [3, 3],
  [3, 4],
  [3, 5],
  [null, 2],
  [null, 3],
  [null, 5],
])('%s of %i', (threshold, parties) => {
  const t = threshold ?? parties;
  const shares = outputs(simulate(sessionsOf(threshold, parties)));
  const [first] = shares;
  if (first === undefined) throw new Error('no shares');

  it('gives everybody the same key, public shares and chain code, and a share of its own', () => {
    for (const [index, share] of shares.entries()) {
      expect(share.index).toBe(index);
      expect(share.sharedPublicKey.equals(first.sharedPublicKey)).toBe(true);
      expect(share.publicShares.map((X) => X.toHex())).toEqual(first.publicShares.map((X) => X.toHex()));
      expect(share.chainCode).toEqual(first.chainCode);
      expect(share.chainCode).toHaveLength(32);
      expect(multiply(G, share.secretShare.reveal()).equals(at(first.publicShares, index))).toBe(true);
      expect(minSigners(share)).toBe(t);
    }
    expect(new Set(shares.map(({ secretShare }) => secretShare.reveal())).size).toBe(parties);
  });

  it('any t shares make the secret key, fewer do not', () => {
    for (const some of subsets(parties, t)) expect(multiply(G, secretOf(shares, some)).equals(first.sharedPublicKey)).toBe(true);
    for (const few of subsets(parties, t - 1)) expect(multiply(G, secretOf(shares, few)).equals(first.sharedPublicKey)).toBe(false);
  });

  it('makes shares that can be stored', () => {
    for (const share of shares)
      expect(serializeCoreKeyShare(parseCoreKeyShare(serializeCoreKeyShare(share)))).toBe(serializeCoreKeyShare(share));
  });
});

describe('delivery', () => {
  const endsWell = (threshold: number | null, options: SimulateOptions): void => {
    const keys = outputs(simulate(sessionsOf(threshold, 4), options)).map(({ sharedPublicKey }) => encodePoint(sharedPublicKey, true));
    for (const key of keys) expect(key).toEqual(keys[0]);
  };

  it.each([3, null])('in any order (%s of 4)', (threshold) => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        endsWell(threshold, { shuffle: seededRng(seed) });
      }),
      { numRuns: 6 },
    );
  });

  it.each([3, null])('of each message twice, in any order (%s of 4)', (threshold) => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        endsWell(threshold, { shuffle: seededRng(seed), tamper: (delivery) => [delivery, delivery] });
      }),
      { numRuns: 4 },
    );
  });
});

describe('the echo round', () => {
  it.each([3, null])('may be left out by all (%s of 4)', (threshold) => {
    const { outcomes, messages } = recordRun(sessionsOf(threshold, 4, { reliableBroadcast: false }));
    outputs(outcomes);
    expect(messages.some(({ msg }) => 'ReliabilityCheck' in msg)).toBe(false);
  });

  it('is waited for by those who want it and ignored by those who do not', () => {
    const sessions = [true, false, false].map((reliableBroadcast, index) =>
      keygen({ executionId, index, parties: 3, threshold: 2, reliableBroadcast }),
    );
    const outcomes = simulate(sessions);
    expect(outcomes[0]).toEqual({ kind: 'waiting', round: 'ReliabilityCheck', missing: [1, 2] });
    expect(outcomes[1]).toEqual({ kind: 'waiting', round: 'Round2Broad', missing: [0] });
  });
});

describe('the chain code', () => {
  const run = (modes: readonly ChainCodeMode[], threshold: number | null) =>
    recordRun(modes.map((chainCode, index) => {
      const options = { executionId, index, parties: modes.length, chainCode };
      return threshold === null ? keygenNonThreshold(options) : keygen({ ...options, threshold });
    }));

  it.each([2, null])('is the same 32 bytes at all (%s of 3)', (threshold) => {
    const [a, b, c] = outputs(run(['shared', 'shared', 'shared'], threshold).outcomes).map(({ chainCode }) => chainCode);
    expect(a).toHaveLength(32);
    expect([b, c]).toEqual([a, a]);
  });

  it.each([
    ['none', 2, null],
    ['none', null, null],
    ['absent', 2, undefined],
    ['absent', null, undefined],
  ] as const)('%s: there is none (%s of 3)', (mode, threshold, onWire) => {
    const { outcomes, messages } = run([mode, mode, mode], threshold);
    expect(outputs(outcomes).map(({ chainCode }) => chainCode)).toEqual([null, null, null]);
    const openings = messages.flatMap(({ msg }) => Object.entries(msg).filter(([name]) => name === 'Round2' || name === 'Round2Broad'));
    expect(openings).toHaveLength(3);
    for (const [, body] of openings) expect((body as { chain_code?: unknown }).chain_code).toBe(onWire);
  });

  it('left out by one alone is a different transcript, and nobody gets a key', () => {
    const { outcomes } = run(['absent', 'none', 'none'], 2);
    expect(outcomes.map(ending)).toEqual(['invalid_decommitment:1,2', 'invalid_decommitment:0', 'invalid_decommitment:0']);
  });
});

describe.each([2, null])('secrets that add up to zero, %s of 3', (threshold) => {
  it('give no key, and nobody is blamed', () => {
    const sessions = [5n, 7n, GROUP_ORDER - 12n].map((secret, index) => {
      // The first scalar that a party draws is its part of the key.
      const own = { executionId, index, parties: 3, rng: scriptedRng(new Map([[32, [scalarDraw(secret)]]])) };
      return threshold === null ? keygenNonThreshold(own) : keygen({ ...own, threshold });
    });
    expect(simulate(sessions).map(ending)).toEqual(['invalid_key:', 'invalid_key:', 'invalid_key:']);
  });
});

describe('options', () => {
  const base = { executionId, index: 0, parties: 3, threshold: 2 };
  it.each([
    ['index', { ...base, index: 3 }],
    ['index', { ...base, index: -1 }],
    ['index', { ...base, index: 0.5 }],
    ['index', { ...base, index: Number.NaN }],
    ['parties', { ...base, parties: 1 }],
    ['parties', { ...base, parties: 65_536 }],
    ['parties', { ...base, parties: 2.5 }],
    ['threshold', { ...base, threshold: 1 }],
    ['threshold', { ...base, threshold: 0 }],
    ['threshold', { ...base, threshold: 4 }],
    ['threshold', { ...base, threshold: 2.5 }],
  ])('%s is refused: %j', (argument, options) => {
    expect(() => keygen(options)).toThrow(InvalidArgument);
    expect(() => keygen(options)).toThrow(new RegExp(`^${argument}: must be an integer from`));
  });
});
