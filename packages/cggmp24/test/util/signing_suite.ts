/** What must hold of every recorded presigning or signing run. The quick suite runs it on one, the slow one on all. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bytesToHex } from '@noble/hashes/utils.js';
import * as secp from '@noble/secp256k1';
import { digestAll } from '../../src/hash/encoding.js';
import { encodePoint, toScalar, type Scalar } from '../../src/math/curve.js';
import { toBytesPadded } from '../../src/math/integer.js';
import { lagrange } from '../../src/math/polynomial.js';
import type { KeyShare } from '../../src/key_share/key_share.js';
import { at } from '../../src/base/at.js';
import { presign, sign } from '../../src/sessions.js';
import { verify, type Signature } from '../../src/ecdsa.js';
import { echo } from '../../src/signing/messages.js';
import { combine, isPartialSignature, messageToScalar, Presignature } from '../../src/signing/presignature.js';
import type { PresignaturePublicData } from '../../src/signing/presignature_data.js';
import { derive } from '../../src/signing/derivation.js';
import { replay, sorted, type RecordedMessage } from './messages.js';
import { scriptedRng, scalarDraw, drawBelow, halfRangeDraw } from './scripted_rng.js';
import { contextOf, loadSigningRun, messagesOf, proofOf, type SigningRun } from './signing_vectors.js';
import { expectSeed } from './zk_vectors.js';
import type { Rng } from '../../src/math/random.js';
import type { SigningContext } from '../../src/signing/context.js';
import type { Proof as ElogProof } from '../../src/zk/elog.js';

const hex = (P: Parameters<typeof encodePoint>[0]): string => bytesToHex(encodePoint(P, true));

/** Does an implementation that is not ours accept the signature? */
export function acceptedByNoble({ r, s }: Signature, publicKey: Uint8Array, message: Uint8Array): boolean {
  const bytes = Uint8Array.from([...toBytesPadded(r, 32), ...toBytesPadded(s, 32)]);
  return secp.verify(bytes, createHash('sha256').update(message).digest(), publicKey, { lowS: true, prehash: false });
}

/** What a prover of Π^elog drew, from its witness and the recorded challenge. */
function elogDraws(run: SigningRun, ctx: SigningContext, name: 'tilde_psi' | 'psi_prime', i: number, proof: ElogProof): Uint8Array[] {
  const { challenge } = proofOf(run, ctx, name, i, i === 0 ? 1 : 0);
  const { a, b, k, gamma } = at(run.ephemeral, i);
  const witness = name === 'tilde_psi' ? { lambda: b, y: gamma } : { lambda: a, y: k };
  const { z, u } = proof.response;
  return [toScalar(z - challenge * witness.lambda), toScalar(u - challenge * witness.y)].map(scalarDraw);
}

/**
 * Draws what signer i drew, as far as the messages that everybody sees depend on it. The randomness of the range
 * proofs is not recorded: they differ, and nothing else does.
 */
function recordedRng(run: SigningRun, ctx: SigningContext, i: number): Rng {
  const { k, gamma, y, a, b, rho, v } = at(run.ephemeral, i);
  const peers = run.participants.map((_, j) => j).filter((j) => j !== i);
  const n = at(ctx.N, i).n;
  const masks = peers.flatMap((j) => {
    const mta = run.checks.mta.find(({ sender, receiver }) => sender === i && receiver === j);
    if (mta === undefined) throw new Error(`no conversion from ${i} to ${j}`);
    return [mta.beta, mta.hat_beta].map((beta) => halfRangeDraw(1n << BigInt(ctx.params.ellPrime), beta));
  });
  const chance = peers.flatMap(() => [null, null]);
  const { tilde_psi } = messagesOf.round2(run, i, at(peers, 0));
  const { psi_prime } = messagesOf.round3(run, i);
  const scalars = [
    ...[k, gamma, y, a, b].map(scalarDraw),
    ...chance,
    ...elogDraws(run, ctx, 'tilde_psi', i, tilde_psi),
    ...elogDraws(run, ctx, 'psi_prime', i, psi_prime),
  ];
  return scriptedRng(new Map<number, (Uint8Array | null)[]>([[32, scalars], [384, [drawBelow(n, rho), drawBelow(n, v)]], [161, masks]]));
}

/** Without what the randomness of the range proofs and of fresh ciphertexts decides. */
function reproducible(messages: readonly RecordedMessage[]): RecordedMessage[] {
  return sorted(messages.flatMap((message) => {
    const { Round1b, Round2, ...others } = message.msg;
    if (Round1b !== undefined) return [];
    if (Round2 === undefined) return [{ ...message, msg: others }];
    const { Gamma, tilde_psi } = Round2 as { Gamma: string; tilde_psi: string };
    return [{ ...message, msg: { Round2: { Gamma, tilde_psi } } }];
  }));
}

function publicDataOf(run: SigningRun): PresignaturePublicData {
  const recorded = run.presignature_public_data;
  if (recorded === undefined) throw new Error('not a presigning run');
  return {
    Gamma: recorded.Gamma,
    commitments: recorded.commitments.map(({ tilde_Delta, tilde_S }) => ({ tildeDelta: tilde_Delta, tildeS: tilde_S })),
  };
}

/** The additive shares of a run: cheap, so that the quick suite looks at those of the slow runs too. */
export function expectGroup(run: SigningRun, shares: readonly KeyShare[]): void {
  it('shares the key additively among the signers, the shift at the first', () => {
    const contexts = shares.map((share) => contextOf(run, share));
    const ctx = at(contexts, 0);
    const root = at(shares, 0).core;
    const setup = root.vssSetup;
    const weights: Scalar[] =
      setup === null
        ? run.participants.map(() => 1n)
        : lagrange(
            run.participants.map((j) => at(setup.indices, j)),
            0n,
          );
    expect(weights).toEqual(run.group.lagrange);
    expect(contexts.map(({ x_i }) => x_i.reveal())).toEqual(run.group.additive_x);
    expect(ctx.X.map(hex)).toEqual(run.group.X);
    expect(hex(ctx.publicKey)).toBe(run.public_key);
    const derived = derive({ publicKey: root.sharedPublicKey, chainCode: root.chainCode ?? new Uint8Array(32) }, run.derivation_path);
    expect(derived.shift).toBe(run.group.additive_shift);
  });
}

export function describeSigningRun(name: string): void {
  describe(name, () => {
    const { run, shares } = loadSigningRun(name);
    const contexts = shares.map((share) => contextOf(run, share));
    const everyone = run.participants.map((_, i) => i);
    const ctx = at(contexts, 0);

    expectGroup(run, shares);

    it('echoes what the crate echoes', () => {
      const hash = digestAll(everyone.map((j) => echo(run.eid, messagesOf.round1a(run, j))));
      expect(bytesToHex(hash)).toBe(run.checks.echo.sha256);
    });

    it('has the recorded transcripts and challenges, and every proof verifies', () => {
      for (const { proof, prover, verifier, seed, challenge } of run.checks.proofs) {
        const receivers = verifier === null ? everyone.filter((j) => j !== prover) : [verifier];
        for (const j of receivers) {
          const found = proofOf(run, at(contexts, j), proof, prover, j);
          expectSeed(found.seed, seed);
          expect(found.challenge).toBe(challenge);
          found.verify();
        }
      }
    });

    it('converts products into sums', () => {
      for (const { sender, receiver, alpha, hat_alpha, beta, hat_beta } of run.checks.mta) {
        const { D, hat_D } = messagesOf.round2(run, sender, receiver);
        const { decryptionKey } = at(contexts, receiver);
        expect(decryptionKey.decrypt(D)).toBe(alpha);
        expect(decryptionKey.decrypt(hat_D)).toBe(hat_alpha);
        const { gamma } = at(run.ephemeral, sender);
        const { k } = at(run.ephemeral, receiver);
        expect(toScalar(alpha + beta)).toBe(toScalar(gamma * k));
        expect(toScalar(hat_alpha + hat_beta)).toBe(toScalar(at(run.group.additive_x, sender) * k));
      }
    });

    it.each(everyone)('signer %i, run again with what the crate drew, sends and ends the same', (i) => {
      const executionId = run.eid;
      const rng = recordedRng(run, at(contexts, i), i);
      const options = { executionId, share: at(shares, i), signers: run.participants, reliableBroadcast: run.reliable_broadcast, rng };
      const own = reproducible(run.messages.filter(({ sender }) => sender === i));
      if (run.message !== undefined) {
        const { sent, output } = replay(sign({ ...options, message: run.message, path: run.derivation_path }), i, run.messages);
        expect(reproducible(sent)).toEqual(own);
        expect(output).toEqual(run.signature?.serde);
        return;
      }
      const { sent, output } = replay(presign(options), i, run.messages);
      expect(reproducible(sent)).toEqual(own);
      const handedOver = (presignature: Presignature): unknown => ({ ...(JSON.parse(presignature.handOver()) as object), token: null });
      expect(handedOver(output)).toEqual(handedOver(presignatureOf(run, i)));
    });

    it('signs as recorded', () => {
      const message = run.message ?? run.signing?.message ?? new Uint8Array();
      const signature = (run.signature ?? run.signing?.signature)?.serde;
      if (signature === undefined) throw new Error('no signature recorded');
      const key = encodePoint(ctx.publicKey, true);
      expect(acceptedByNoble(signature, key, message)).toBe(true);
      expect(verify(signature, key, message)).toBe(true);
      if (run.signing === undefined) return;
      expect(messageToScalar(message)).toBe(run.signing.m);
      const publicData = publicDataOf(run);
      const partials = everyone.map((i) => presignatureOf(run, i).issuePartialSignature(message));
      expect(partials).toEqual(run.signing.partial_signatures);
      for (const [j, { sigma }] of partials.entries()) expect(isPartialSignature(sigma, j, publicData, run.signing.m)).toBe(true);
      expect(combine(partials, publicData, ctx.publicKey, message)).toEqual(signature);
    });
  });
}

function presignatureOf(run: SigningRun, i: number): Presignature {
  const recorded = run.presignatures?.[i];
  if (recorded === undefined) throw new Error('not a presigning run');
  return new Presignature(publicDataOf(run), { tildeK: recorded.tilde_k, tildeChi: recorded.tilde_chi });
}
