/** Shares that were dealt anew sign for the same key, in full and with a re-randomised presignature. */
import { expect, it } from '@jest/globals';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { at } from '../../src/base/at.js';
import { verify, verifyDigest } from '../../src/ecdsa.js';
import { completeKeyShare, type KeyShare } from '../../src/key_share/key_share.js';
import { auxInfo, presign, sign } from '../../src/sessions.js';
import { derive } from '../../src/signing/derivation.js';
import { RandomizedSigning, type PresignedRequest } from '../../src/signing/randomized.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { outputs, simulate } from '../../src/testing/simulate.js';
import { next } from '../util/resharing.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';

const before = smallShares(3, 4);
const epoch = next(before.map(({ core }) => [{ keyId: 'default', core }]), { dealers: [3, 0, 1], parties: 3, threshold: 2 });
const { sharedPublicKey: publicKey, chainCode } = at(before, 0).core;
const executionId = utf8ToBytes('after a resharing');

/** The new shares with new auxiliary info. */
function after(): KeyShare[] {
  const auxInfos = outputs(simulate(epoch.map((_, index) =>
    auxInfo({ executionId, index, parties: 3, primes: fixturePrimes(4 + index, FEW_REPETITIONS) }))));
  return epoch.map((keys, j) => completeKeyShare(at(keys, 0).core, at(auxInfos, j)));
}

it('two of three sign where three of four had to', () => {
  const shares = after();
  const signers = [2, 0];
  const message = utf8ToBytes('the same key');
  const signatures = outputs(simulate(signers.map((j) => sign({ executionId, share: at(shares, j), signers, message }))));
  expect(verify(at(signatures, 0), publicKey, message)).toBe(true);

  const root = { publicKey, chainCode: chainCode ?? new Uint8Array() };
  const digest = sha256(utf8ToBytes('a transaction'));
  const request: PresignedRequest = {
    presignatureId: 'p', keyId: 'default', epoch: 1, signers, requestId: 'r', path: [44, 0], digest, nonce: sha256(digest),
  };
  const presignatures = outputs(simulate(signers.map((j) => presign({ executionId, share: at(shares, j), signers }))));
  const signing = new RandomizedSigning(at(presignatures, 0).publicData, root, request);
  const parts = presignatures.map((presignature) => presignature.issueRandomized(signing));
  expect(verifyDigest(signing.combine(parts), derive(root, request.path).publicKey, digest)).toBe(true);
});
