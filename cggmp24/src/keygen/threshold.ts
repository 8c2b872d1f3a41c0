/**
 * Threshold key generation: commit to Feldman commitments, open them and hand out shares, prove knowledge of one's
 * share of the sum. Three rounds and the echo; messages and transcripts are those of the Rust crate cggmp24-keygen.
 */
import { z } from 'zod';
import { executionId, integer, leaf, list, point, struct, wrapped, type Encoded } from '../hash/encoding.js';
import { G, multiply, sumPoints, sumScalars, type Point, type Scalar } from '../math/curve.js';
import { evaluate, evaluateCommitment } from '../math/polynomial.js';
import { randomScalar } from '../math/random.js';
import type { CoreKeyShare } from '../key_share/core.js';
import { at } from '../runtime/at.js';
import { check, ProtocolAborted } from '../runtime/errors.js';
import { broadcast, peersOf, receive, sendTo, verifyPeers, type AnyRound, type Protocol, type Round } from '../runtime/protocol.js';
import { checkReliability, reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import { Secret } from '../runtime/secret.js';
import { NonZeroPointJson, ScalarJson } from '../wire/json.js';
import * as sch from '../zk/sch.js';
import {
  chainCodeEncoding,
  combineRandomness,
  commitmentTo,
  commonDecommitment,
  echo,
  round1,
  sampleCommon,
  verifyDecommitment,
  type CommonDecommitment,
} from './commitments.js';
import type { ChainCodeMode, ThresholdKeygenContext } from './context.js';

const TAG = 'dfns.cggmp24.keygen.threshold.';

interface Decommitment extends CommonDecommitment {
  /** F_j: the polynomial in the exponent, t points, the constant term first. */
  readonly F: Point[];
  /** A_j: commitment of the Schnorr proof. */
  readonly sch_commit: Point;
}

const round2Broad: Round<Decommitment> = {
  variant: 'Round2Broad',
  number: 3,
  delivery: 'broadcast',
  body: z.object({ ...commonDecommitment, F: z.array(NonZeroPointJson).max(0xffff), sch_commit: NonZeroPointJson }),
};

/** sigma_j,i = f_j(i + 1). */
const round2Uni: Round<{ readonly sigma: Scalar }> = {
  variant: 'Round2Uni',
  number: 3,
  delivery: 'p2p',
  body: z.object({ sigma: ScalarJson }),
};

const round3: Round<{ readonly sch_proof: Scalar }> = {
  variant: 'Round3',
  number: 4,
  delivery: 'broadcast',
  body: z.object({ sch_proof: ScalarJson }),
};

export const thresholdKeygenRounds: readonly AnyRound[] = [round1, reliabilityCheckRound, round2Broad, round2Uni, round3];

function encodeDecommitment(mode: ChainCodeMode, message: Decommitment): Encoded {
  return struct(
    {
      rid: leaf(message.rid),
      F: struct({ coefs: list(message.F.map(point)) }),
      sch_commit: wrapped(point(message.sch_commit)),
      ...chainCodeEncoding(mode, message),
      decommit: leaf(message.decommit),
    },
    `${TAG}round2_broad`,
  );
}

/** Seed of party j's Schnorr challenge. */
function schnorrSeed(sid: Uint8Array, prover: number, rid: Uint8Array, y: Point, h: Point): Encoded {
  return struct(
    { sid: executionId(sid), prover: integer(prover), rid: leaf(rid), y: wrapped(point(y)), h: point(h) },
    `${TAG}schnorr_pok`,
  );
}

/** Party j's evaluation point. */
function shareIndex(party: number): Scalar {
  return BigInt(party + 1);
}

export function* thresholdKeygen(ctx: ThresholdKeygenContext): Protocol<CoreKeyShare> {
  const { sid, index: i, parties: n, threshold: t, rng, chainCode: mode } = ctx;
  const peers = peersOf(i, n);
  const everyone = Array.from({ length: n }, (_, j) => j);

  // Round 1
  const f_i = Array.from({ length: t }, () => randomScalar(rng));
  const schnorr = sch.commit(rng);
  const own: Decommitment = { ...sampleCommon(ctx), F: f_i.map((c) => multiply(G, c)), sch_commit: schnorr.A };
  const V_i = { commitment: commitmentTo(TAG, sid, i, encodeDecommitment(mode, own)) };
  yield* broadcast(round1, V_i);
  const commitments = yield* receive(round1);

  if (ctx.reliableBroadcast) {
    const echoes = commitments.withOwn(i, V_i).map((message) => echo(TAG, sid, message));
    yield* checkReliability(echoes, peers);
  }

  // Round 2
  yield* broadcast(round2Broad, own);
  for (const j of peers) yield* sendTo(j, round2Uni, { sigma: evaluate(f_i, shareIndex(j)) });
  const decommitments = yield* receive(round2Broad);
  const shares = yield* receive(round2Uni);
  yield* verifyPeers('invalid_decommitment', round2Broad, peers, (j) => {
    const opening = decommitments.of(j);
    const opened = commitmentTo(TAG, sid, j, encodeDecommitment(mode, opening));
    verifyDecommitment(ctx, commitments.of(j).commitment, opened, opening);
  });
  yield* verifyPeers('invalid_share', round2Uni, peers, (j) => {
    const { F } = decommitments.of(j);
    // A longer vector would raise the threshold for everybody.
    check('F_j has t coefficients', F.length === t);
    check('sigma_j,i G = F_j(i + 1)', multiply(G, shares.of(j).sigma).equals(evaluateCommitment(F, shareIndex(i))));
  });

  // Round 3
  const { rid, chainCode } = combineRandomness(ctx, own, decommitments);
  const all = decommitments.withOwn(i, own);
  const F = Array.from({ length: t }, (_, k) => sumPoints(all.map(({ F: F_j }) => at(F_j, k))));
  const publicShares = everyone.map((j) => evaluateCommitment(F, shareIndex(j)));
  const x_i = sumScalars([evaluate(f_i, shareIndex(i)), ...peers.map((j) => shares.of(j).sigma)]);
  const seedOf = (j: number, A: Point): Encoded => schnorrSeed(sid, j, rid, at(publicShares, j), A);
  yield* broadcast(round3, { sch_proof: sch.respond(seedOf(i, schnorr.A), schnorr.nonce, x_i) });
  const proofs = yield* receive(round3);
  yield* verifyPeers('invalid_schnorr_proof', round3, peers, (j) => {
    const A = decommitments.of(j).sch_commit;
    sch.verify(seedOf(j, A), { A, y: at(publicShares, j) }, proofs.of(j).sch_proof);
  }, ctx.reliableBroadcast);

  // Output
  const sharedPublicKey = at(F, 0);
  if (sharedPublicKey.is0()) throw new ProtocolAborted('invalid_key', 'Output', [], 'the public key is the identity');
  return {
    index: i,
    sharedPublicKey,
    publicShares,
    vssSetup: { minSigners: t, indices: everyone.map(shareIndex) },
    chainCode,
    secretShare: new Secret(x_i),
  };
}
