import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { PregeneratedPrimes, type FourPrimes } from '../../src/aux_info/primes.js';
import { verify, type Signature } from '../../src/ecdsa.js';
import { parseKeyShare, serializeKeyShare } from '../../src/key_share/key_share.js';
import { encodePoint, type Point } from '../../src/math/curve.js';
import { SECURITY_128 } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { auxInfo, presign, sign } from '../../src/sessions.js';
import { derive } from '../../src/signing/derivation.js';
import { combine } from '../../src/signing/presignature.js';
import { fixturePrimes, generateShares } from '../../src/testing/parties.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate } from '../../src/testing/simulate.js';
import { expectBlame, reasonsOf } from '../util/blame.js';
import { acceptedByNoble } from '../util/signing_suite.js';

const executionId = utf8ToBytes('full size');
const message = utf8ToBytes('pay 5 to Alice');

describe('3 of 4 at 128-bit security', () => {
  // Through storage, as a node uses them.
  const shares = generateShares({ parties: 4, threshold: 3, params: SECURITY_128, rng: seededRng('full size') }).map((share) =>
    parseKeyShare(serializeKeyShare(share), SECURITY_128),
  );
  const { core } = at(shares, 0);
  const key = core.sharedPublicKey;

  const expectSigned = (signature: Signature, publicKey: Point): void => {
    const encoded = encodePoint(publicKey, true);
    expect(verify(signature, encoded, message)).toBe(true);
    expect(acceptedByNoble(signature, encoded, message)).toBe(true);
  };

  it('presigns, and signs with the presignature', () => {
    const signers = [0, 2, 3];
    const presignatures = outputs(
      simulate(
        signers.map((i) => presign({ executionId, share: at(shares, i), signers })),
        { shuffle: seededRng('order') },
      ),
    );
    const partials = presignatures.map((presignature) => presignature.issuePartialSignature(message));
    expectSigned(combine(partials, at(presignatures, 0).publicData, key, message), key);
  });

  it('signs along a path, signers in another order', () => {
    const signers = [3, 1, 0];
    const path = [44, 60, 1];
    const signatures = outputs(simulate(signers.map((i) => sign({ executionId, share: at(shares, i), signers, message, path }))));
    const derived = derive({ publicKey: key, chainCode: core.chainCode ?? new Uint8Array() }, path);
    for (const signature of signatures) {
      expect(signature).toEqual(signatures[0]);
      expectSigned(signature, derived.publicKey);
    }
  });
});

/** A party that runs the protocol on primes which no honest generator makes. */
class CrookedPrimes extends PregeneratedPrimes {
  readonly #crooked: FourPrimes;

  constructor(index: number, crooked: Partial<FourPrimes>) {
    const honest = fixturePrimes(index, SECURITY_128);
    super(honest.reveal(), honest.params);
    this.#crooked = { ...honest.reveal(), ...crooked };
  }

  override reveal(): FourPrimes {
    return this.#crooked;
  }
}

describe('a Paillier modulus with a small factor, at full size', () => {
  it.each([
    ['17 bits', { p: 65_539n, q: (1n << 3055n) - 5617n }],
    ['256 bits', { p: (1n << 256n) - 189n, q: (1n << 2816n) - 5853n }],
  ])('of %s is refused, though it is a product of two primes 3 mod 4', (_, factors) => {
    const sessions = [0, 1].map((index) => {
      const primes = index === 1 ? new CrookedPrimes(1, factors) : fixturePrimes(0, SECURITY_128);
      return auxInfo({ executionId, index, parties: 2, primes });
    });
    const outcomes = simulate(sessions);
    expectBlame(outcomes, [0], 'invalid_factor_proof', [1]);
    expect(reasonsOf(outcomes[0])).toEqual(['|z2| <= 2^(ell+epsilon) sqrt(N) / 2']);
  });
});
