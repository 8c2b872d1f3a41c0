import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import {
  parseCoreKeyShare, PublicCoreJson, publicInconsistency, serializeCoreKeyShare,
  type CoreKeyShare, type PublicCore,
} from '../../src/key_share/core.js';
import { G, multiply, sumScalars, type Scalar } from '../../src/math/curve.js';
import { lagrange } from '../../src/math/polynomial.js';
import { reshareContext, type NamedKey } from '../../src/reshare/context.js';
import { reshareRounds } from '../../src/reshare/messages.js';
import { MAX_PAYLOAD_LENGTH } from '../../src/runtime/message.js';
import { reshareAsDealer, reshareAsReceiver } from '../../src/sessions.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs } from '../../src/testing/simulate.js';
import { deal, next, optionsOf, runOf, secretsOf, type Change, type Epoch } from '../util/resharing.js';

function subsets(n: number, size: number, from = 0): number[][] {
  if (size === 0) return [[]];
  return Array.from({ length: n - from }, (_, k) => from + k).flatMap((i) => subsets(n, size - 1, i + 1).map((rest) => [i, ...rest]));
}

interface Held {
  readonly index: Scalar;
  readonly x: Scalar;
}

/** A share of key k, and where it lies. */
function held(epoch: Epoch, party: number, k: number): Held {
  const { core } = at(at(epoch, party), k);
  return { index: at(core.vssSetup?.indices ?? [], party), x: core.secretShare.reveal() };
}

/** What these shares would be the key of. */
function interpolated(shares: readonly Held[]): Scalar {
  const lambda = lagrange(shares.map(({ index }) => index), 0n);
  return sumScalars(shares.map(({ x }, k) => x * at(lambda, k)));
}

const cores = (epoch: Epoch, party: number): CoreKeyShare[] => at(epoch, party).map(({ core }) => core);

const SECRETS = secretsOf(3);
const CHANGES: readonly Change[] = [
  { dealers: [0, 1, 3], parties: 4, threshold: 3, name: 'refresh' },
  { dealers: [1, 2, 3], parties: 5, threshold: 3, name: 'one more' },
  { dealers: [4, 0, 2], parties: 3, threshold: 2, name: 'fewer' },
  { dealers: [2, 0], parties: 4, threshold: 3, name: 'back' },
];
const epochs: Epoch[] = [deal(3, 3, 4)];
for (const change of CHANGES) epochs.push(next(at(epochs, epochs.length - 1), change));

describe.each(epochs.map((epoch, number) => ({ epoch, number })))('epoch $number', ({ epoch, number }) => {
  const { threshold, parties } = number === 0 ? { threshold: 3, parties: 4 } : at(CHANGES, number - 1);

  it('has the same keys and chain codes', () => {
    expect(epoch).toHaveLength(parties);
    for (const [party, keys] of epoch.entries()) {
      expect(keys.map(({ keyId }) => keyId)).toEqual(['a', 'b', 'c']);
      for (const [k, core] of cores(epoch, party).entries()) {
        expect(core.sharedPublicKey.equals(multiply(G, at(SECRETS, k)))).toBe(true);
        expect(core.chainCode).toEqual(at(cores(at(epochs, 0), 0), k).chainCode);
        expect(core.index).toBe(party);
        expect(core.vssSetup?.minSigners).toBe(threshold);
        // Reading is validating.
        expect(parseCoreKeyShare(serializeCoreKeyShare(core)).publicShares).toHaveLength(parties);
        expect(publicInconsistency(core)).toBe(null);
        expect(PublicCoreJson.decode(PublicCoreJson.encode(core)).sharedPublicKey.equals(core.sharedPublicKey)).toBe(true);
      }
    }
  });

  it('has keys that any t shares are, and no fewer', () => {
    for (const [k, secret] of SECRETS.entries()) {
      for (const some of subsets(parties, threshold)) expect(interpolated(some.map((j) => held(epoch, j, k)))).toBe(secret);
      for (const few of subsets(parties, threshold - 1)) expect(interpolated(few.map((j) => held(epoch, j, k)))).not.toBe(secret);
    }
  });
});

it('shares of different epochs, mixed in whatever way, give no key', () => {
  let mixed = 0;
  for (const [a, b] of subsets(epochs.length, 2) as [number, number][]) {
    const [A, B] = [at(epochs, a), at(epochs, b)];
    for (const size of [2, 3]) {
      for (let some = 1; some < size; some++) {
        for (const ofA of subsets(A.length, some)) {
          for (const ofB of subsets(B.length, size - some)) {
            const shares = [...ofA.map((j) => held(A, j, 0)), ...ofB.map((j) => held(B, j, 0))];
            if (new Set(shares.map(({ index }) => index)).size !== size) continue;
            expect(interpolated(shares)).not.toBe(at(SECRETS, 0));
            mixed++;
          }
        }
      }
    }
  }
  expect(mixed).toBeGreaterThan(300);
});

it('no share stays, even where n and t do', () => {
  for (const k of SECRETS.keys()) {
    for (const party of [0, 1, 2, 3]) expect(held(at(epochs, 0), party, k).x).not.toBe(held(at(epochs, 1), party, k).x);
  }
});

it('dealers and receivers have the same public result, in whatever order messages arrive', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const change = { ...at(CHANGES, 1), name: `order ${seed}` };
      const results = outputs(runOf(at(epochs, 0), change, { shuffle: seededRng(`shuffle ${seed}`) }));
      const publics = results.map((keys) => JSON.stringify(keys.map(({ core }: { core: PublicCore }) => PublicCoreJson.encode(core))));
      expect(publics).toHaveLength(8);
      expect(new Set(publics).size).toBe(1);
    }),
    { numRuns: 3 },
  );
});

it('other randomness gives other shares', () => {
  const [one, other] = ['one', 'other'].map((name) => next(at(epochs, 0), { ...at(CHANGES, 0), name }));
  if (one === undefined || other === undefined) throw new Error('two runs');
  expect(held(one, 0, 0).x).not.toBe(held(other, 0, 0).x);
});

const ADDITIVE: PublicCore = { sharedPublicKey: multiply(G, 2n), publicShares: [G, G], vssSetup: null, chainCode: null };

function withShareOf(others: readonly NamedKey<CoreKeyShare>[]) {
  return ({ keyId, core }: NamedKey<CoreKeyShare>, k: number): NamedKey<CoreKeyShare> => {
    const { secretShare } = at(others, k).core;
    return { keyId, core: { ...core, secretShare } };
  };
}

describe('an impossible change is refused before anything is sent', () => {
  const base = at(epochs, 0);
  const possible: Change = { dealers: [0, 1, 2], parties: 4, threshold: 3 };
  const attempt = (change: Partial<Change>, alter: (keys: NamedKey[]) => unknown = (keys) => keys) => () => {
    const options = optionsOf({ ...possible, ...change });
    return reshareAsReceiver({ ...options, keys: alter(keysOf()) as NamedKey[], receiver: 0 });
  };
  const keysOf = (): NamedKey[] => at(base, 0).map(({ keyId, core }) => ({ keyId, core }));

  it('a possible one is not', () => {
    expect(attempt({})).not.toThrow();
    expect(attempt({ parties: 3498, threshold: 2 })).not.toThrow();
  });

  it('what is possible fits into a message', () => {
    const context = reshareContext({ ...optionsOf(possible), keys: keysOf() });
    const fill = <T>(count: number, value: T): T[] => Array<T>(count).fill(value);
    for (const [K, n, t] of [[1, 6998, 4], [1, 4666, 4666], [512, 24, 2], [512, 13, 13], [200, 40, 29]] as const) {
      expect(K * (n + t) + n).toBeLessThanOrEqual(14_000);
      const { deal: round } = reshareRounds({ ...context, keys: fill(K, at(context.keys, 0)), receivers: n });
      const bytes = new Uint8Array(32);
      const body = { rid: bytes, decommit: bytes, F: fill(K, fill(t - 1, G)), B: fill(n, G), c: fill(K, fill(n, 1n)) };
      expect(JSON.stringify({ Round4: z.encode(round.body, body) }).length).toBeLessThan(MAX_PAYLOAD_LENGTH);
    }
  });

  it.each<[string, () => unknown, string]>([
    ['too few dealers', attempt({ dealers: [0, 1] }), 'dealers: must be as many as each key needs'],
    ['too many dealers', attempt({ dealers: [0, 1, 2, 3] }), 'dealers: must be as many as each key needs'],
    ['a dealer twice', attempt({ dealers: [0, 1, 1] }), 'dealers: must be distinct'],
    ['a dealer that does not exist', attempt({ dealers: [0, 1, 4] }), 'dealers: each must be an integer from 0 to 3'],
    ['a threshold above n', attempt({ threshold: 5 }), 'threshold: must be an integer from 2 to the number of parties, 4'],
    ['a threshold of 1', attempt({ threshold: 1 }), 'threshold: must be an integer from 2'],
    ['no keys', attempt({}, () => []), 'keys: must not be empty'],
    ['keys in another order', attempt({}, (keys) => keys.toReversed()), 'keys: must be in ascending order'],
    ['a key twice', attempt({}, ([first]) => [first, first]), 'keys: must be in ascending order'],
    ['too much for a message', attempt({ parties: 3499, threshold: 2 }), 'keys: too many for one run'],
    [
      'a public share of another key',
      attempt({}, (keys) => keys.map(({ keyId, core }) => ({ keyId, core: { ...core, publicShares: core.publicShares.map(() => G) } }))),
      'keys.0.core: public_shares: not on one polynomial',
    ],
    [
      'a key without threshold',
      attempt({}, (keys) => keys.map(({ keyId }) => ({ keyId, core: ADDITIVE }))),
      'keys.0.core: must be a key with a threshold',
    ],
    [
      'a receiver that does not exist',
      () => reshareAsReceiver({ ...optionsOf(possible), keys: keysOf(), receiver: 4 }),
      'receiver: must be an integer from 0 to 3',
    ],
    ['a dealer that is not one', () => reshareAsDealer({ ...optionsOf(possible), keys: at(base, 3) }), 'dealers: we are not among them'],
    [
      'a share of another party',
      () => reshareAsDealer({ ...optionsOf(possible), keys: [at(at(base, 0), 0), at(at(base, 1), 1), at(at(base, 0), 2)] }),
      'keys.1.core: is of another party than the first one',
    ],
    [
      'a share that does not fit',
      () => reshareAsDealer({ ...optionsOf(possible), keys: at(base, 0).map(withShareOf(at(base, 1))) }),
      'keys.0.core: the share does not match publicShares',
    ],
  ])('%s', (_, call, reason) => {
    expect(call).toThrow(InvalidArgument);
    expect(call).toThrow(reason);
  });
});
