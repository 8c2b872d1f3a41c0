import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { encodePoint, GROUP_ORDER, type Point } from '../../src/math/curve.js';
import { hashMessage, verify, verifyDigest, type Signature } from '../../src/ecdsa.js';
import { completeKeyShare, type KeyShare } from '../../src/key_share/key_share.js';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { auxInfo, keygen, keygenNonThreshold, presign, sign, type FullSigningOptions } from '../../src/sessions.js';
import { derive } from '../../src/signing/derivation.js';
import { combine, Presignature } from '../../src/signing/presignature.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate, type SimulateOptions } from '../../src/testing/simulate.js';
import { recordRun } from '../util/messages.js';
import { acceptedByNoble } from '../util/signing_suite.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';

const executionId = utf8ToBytes('a signature');
const message = utf8ToBytes('pay 5 to Alice');

function sessionsOf(shares: readonly KeyShare[], signers: readonly number[], options: Partial<FullSigningOptions> = {}) {
  return signers.map((party) => sign({ executionId, share: at(shares, party), signers, message, ...options }));
}

function presessionsOf(shares: readonly KeyShare[], signers: readonly number[]) {
  return signers.map((party) => presign({ executionId, share: at(shares, party), signers }));
}

/** One signature, the same at all, low in s, which two verifiers accept. */
function expectSigned(signatures: readonly Signature[], publicKey: Point, signed = message): void {
  const [first] = signatures;
  if (first === undefined) throw new Error('nobody signed');
  for (const signature of signatures) expect(signature).toEqual(first);
  expect(first.s <= GROUP_ORDER / 2n).toBe(true);
  const key = encodePoint(publicKey, true);
  expect(verify(first, key, signed)).toBe(true);
  expect(acceptedByNoble(first, key, signed)).toBe(true);
  expect(verify(first, key, utf8ToBytes('another message'))).toBe(false);
}

const run = (
  shares: readonly KeyShare[],
  signers: readonly number[],
  options: Partial<FullSigningOptions> = {},
  delivery: SimulateOptions = {},
): Signature[] => outputs(simulate(sessionsOf(shares, signers, options), delivery));

const keyOf = (shares: readonly KeyShare[]): Point => at(shares, 0).core.sharedPublicKey;

describe('3 of 4', () => {
  const shares = smallShares(3, 4);
  const key = keyOf(shares);

  it.each([[[0, 1, 2]], [[0, 1, 3]], [[0, 2, 3]], [[3, 2, 1]]])('signers %j', (signers) => {
    expectSigned(run(shares, signers), key);
  });

  it.each([[[2, 3, 1]]])('signers %j, with a presignature', (signers) => {
    const presignatures = outputs(simulate(presessionsOf(shares, signers)));
    const { publicData } = at(presignatures, 0);
    for (const { publicData: other } of presignatures) expect(other.Gamma.equals(publicData.Gamma)).toBe(true);
    // One of them in another thread.
    const [first, ...others] = presignatures;
    const all = [Presignature.takeOver(first?.handOver() ?? ''), ...others];
    expectSigned([combine(all.map((p) => p.issuePartialSignature(message)), publicData, key, message)], key);
  });

  it('with a derivation path', () => {
    const path = [44, 60, 0, 2 ** 31 - 1];
    const { core } = at(shares, 0);
    const derived = derive({ publicKey: core.sharedPublicKey, chainCode: core.chainCode ?? new Uint8Array() }, path);
    expect(derived.publicKey.equals(key)).toBe(false);
    expectSigned(run(shares, [2, 0, 1], { path }), derived.publicKey);
  });
});

describe('2 of 3', () => {
  const shares = smallShares(2, 3);

  it('in any order of delivery, and each message twice', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (seed, twice) => {
        const tamper: SimulateOptions['tamper'] = (delivery) => (twice ? [delivery, delivery] : [delivery]);
        expectSigned(run(shares, [2, 0], {}, { shuffle: seededRng(seed), tamper }), keyOf(shares));
      }),
      { numRuns: 4 },
    );
  });

  it('signs any bytes', () => {
    for (const signed of [Uint8Array.of(0), new Uint8Array(100_000)])
      expectSigned(run(shares, [0, 1], { message: signed }), keyOf(shares), signed);
  });

  it('signs a digest as it is', () => {
    const digest = hashMessage(message, 'keccak256');
    const signatures = run(shares, [0, 1], { message: undefined, digest });
    for (const signature of signatures) {
      expect(verifyDigest(signature, keyOf(shares), digest)).toBe(true);
      for (const other of [message, digest]) expect(verify(signature, keyOf(shares), other)).toBe(false);
    }
    expect(signatures).toHaveLength(2);
  });

  it('presigning is what signing begins with', () => {
    const rng = (): ReturnType<typeof seededRng> => seededRng('the same');
    const presigning = recordRun(
      [0, 1].map((party) => presign({ executionId, share: at(shares, party), signers: [0, 1], rng: rng() })),
    ).messages;
    const signing = recordRun(
      [0, 1].map((party) => sign({ executionId, share: at(shares, party), signers: [0, 1], message, rng: rng() })),
    ).messages;
    expect(signing.filter(({ msg }) => !('Round4' in msg))).toEqual(presigning);
  });

  it('without the echo round', () => {
    const { outcomes, messages } = recordRun(sessionsOf(shares, [0, 1], { reliableBroadcast: false }));
    expectSigned(outputs(outcomes), keyOf(shares));
    expect(messages.some(({ msg }) => 'ReliabilityCheck' in msg)).toBe(false);
  });

  it('draws a new nonce each time', () => {
    const [a, b] = [run(shares, [0, 1]), run(shares, [0, 1])];
    expect(a[0]?.r).not.toBe(b[0]?.r);
  });
});

describe.each([
  [2, 2, [1, 0]],
  [3, 5, [4, 0, 2]],
])('%i of %i', (threshold, parties, signers) => {
  it('signs', () => {
    const shares = smallShares(threshold, parties);
    expectSigned(run(shares, signers), keyOf(shares));
  });
});

describe('all of 3, non-threshold', () => {
  const everyone = [0, 1, 2];
  const auxInfos = outputs(
    simulate(everyone.map((index) => auxInfo({ executionId, index, parties: 3, primes: fixturePrimes(index, FEW_REPETITIONS) }))),
  );
  const shares = outputs(simulate(everyone.map((index) => keygenNonThreshold({ executionId, index, parties: 3 })))).map((core, j) =>
    completeKeyShare(core, at(auxInfos, j)),
  );

  it('signs, in any order of the signers', () => {
    expectSigned(run(shares, [1, 2, 0]), keyOf(shares));
  });

  it('needs everybody', () => {
    expect(() => sessionsOf(shares, [0, 1])).toThrow('signers: must be exactly 3, the number that the key needs');
  });

  it('has no path without a chain code', () => {
    const plain = outputs(
      simulate(everyone.map((index) => keygen({ executionId, index, parties: 3, threshold: 3, chainCode: 'none' }))),
    ).map((core, j) => completeKeyShare(core, at(auxInfos, j)));
    expect(() => sessionsOf(plain, everyone, { path: [0] })).toThrow('path: the key has no chain code');
    expectSigned(run(plain, everyone, { path: [] }), keyOf(plain));
  });
});

describe('options', () => {
  const shares = smallShares(2, 3);
  const options = { executionId, share: at(shares, 0), signers: [0, 1], message };
  it.each([
    ['signers', { ...options, signers: [0] }, 'exactly 2'],
    ['signers', { ...options, signers: [0, 1, 2] }, 'exactly 2'],
    ['signers', { ...options, signers: [0, 0] }, 'distinct'],
    ['signers', { ...options, signers: [0, 3] }, 'from 0 to 2'],
    ['signers', { ...options, signers: [0, -1] }, 'from 0 to 2'],
    ['signers', { ...options, signers: [0, 1.5] }, 'from 0 to 2'],
    ['signers', { ...options, signers: [1, 2] }, 'we are not among them'],
    ['message', { ...options, message: new Uint8Array() }, 'must not be empty'],
    ['message', { ...options, message: undefined }, 'or digest be given'],
    ['digest', { ...options, digest: new Uint8Array(32).fill(1) }, 'cannot be given with message'],
    ['digest', { ...options, message: undefined, digest: new Uint8Array(31).fill(1) }, 'must be 32 bytes'],
    ['digest', { ...options, message: undefined, digest: new Uint8Array(32) }, 'must not be zero'],
    ['path', { ...options, path: [2 ** 31] }, 'from 0 to 2^31 - 1'],
    ['path', { ...options, path: [-1] }, 'from 0 to 2^31 - 1'],
  ])('%s is refused', (argument, wrong, reason) => {
    expect(() => sign(wrong)).toThrow(InvalidArgument);
    expect(() => sign(wrong)).toThrow(`${argument}: `);
    expect(() => sign(wrong)).toThrow(reason);
  });

  it('a presignature has no derivation path and no digest: neither can be chosen once it is known', () => {
    const withPath = presign({ ...options, path: [1] } as Parameters<typeof presign>[0]);
    const [presignature] = outputs(simulate([withPath, presign({ executionId, share: at(shares, 1), signers: [0, 1] })]));
    expect(presignature).toBeInstanceOf(Presignature);
  });
});
