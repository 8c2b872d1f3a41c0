/** Resharings in this process, with keys made by someone who knows them. */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { at } from '../../src/base/at.js';
import { Secret } from '../../src/base/secret.js';
import type { CoreKeyShare } from '../../src/key_share/core.js';
import { G, multiply, type Scalar } from '../../src/math/curve.js';
import { evaluate } from '../../src/math/polynomial.js';
import { randomScalar } from '../../src/math/random.js';
import type { NamedKey } from '../../src/reshare/context.js';
import type { Session } from '../../src/runtime/session.js';
import { reshareAsDealer, reshareAsReceiver, type ReshareOptions } from '../../src/sessions.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate, type Outcome, type SimulateOptions } from '../../src/testing/simulate.js';

/** What either side ends with. */
export type Reshared = NamedKey[] | NamedKey<CoreKeyShare>[];

/** All shares of some keys: for each party, its share of each key. */
export type Epoch = readonly (readonly NamedKey<CoreKeyShare>[])[];

/** The secrets of the keys `a`, `b`, … */
export function secretsOf(count: number): Scalar[] {
  return Array.from({ length: count }, (_, k) => randomScalar(seededRng(`secret key ${k}`)));
}

/** Keys shared t of n; the first has a chain code, the others have none. */
export function deal(count: number, t: number, n: number): Epoch {
  const keys = secretsOf(count).map((secret, k) => {
    const rng = seededRng(`sharing ${k} ${t} ${n}`);
    const f = [secret, ...Array.from({ length: t - 1 }, () => randomScalar(rng))];
    const indices = Array.from({ length: n }, (_, j) => BigInt(j + 1));
    const x = indices.map((j) => evaluate(f, j));
    const publicCore = {
      sharedPublicKey: multiply(G, secret),
      publicShares: x.map((x_j) => multiply(G, x_j)),
      vssSetup: { minSigners: t, indices },
      chainCode: k === 0 ? seededRng('chain code')(32) : null,
    };
    return { keyId: String.fromCharCode(97 + k), publicCore, x };
  });
  return Array.from({ length: n }, (_, index) =>
    keys.map(({ keyId, publicCore, x }) => ({ keyId, core: { ...publicCore, index, secretShare: new Secret(at(x, index)) } })));
}

export interface Change {
  readonly dealers: readonly number[];
  readonly parties: number;
  readonly threshold: number;
  /** Names the run, and what is drawn in it. */
  readonly name?: string;
}

export function optionsOf({ dealers, parties, threshold, name = 'a change' }: Change): Omit<ReshareOptions, 'rng'> {
  return { executionId: utf8ToBytes(name), dealers, parties, threshold };
}

/** The sessions of a change, the dealers' first. */
export function sessionsOf(base: Epoch, change: Change): Session<Reshared>[] {
  const { dealers, parties, name = 'a change' } = change;
  const options = optionsOf(change);
  const rng = (who: string) => seededRng(`${name} ${who}`);
  const [keys] = base;
  if (keys === undefined) throw new Error('no keys');
  const dealing = dealers.map((i): Session<Reshared> => reshareAsDealer({ ...options, keys: at(base, i), rng: rng(`dealer ${i}`) }));
  const receiving = Array.from({ length: parties }, (_, receiver): Session<Reshared> =>
    reshareAsReceiver({ ...options, keys, receiver, rng: rng(`receiver ${receiver}`) }));
  return [...dealing, ...receiving];
}

export function runOf(base: Epoch, change: Change, options: SimulateOptions = {}): Outcome<Reshared>[] {
  return simulate(sessionsOf(base, change), options);
}

/** The next epoch, all being honest. */
export function next(base: Epoch, change: Change, options: SimulateOptions = {}): Epoch {
  return outputs(runOf(base, change, options)).slice(change.dealers.length) as NamedKey<CoreKeyShare>[][];
}
