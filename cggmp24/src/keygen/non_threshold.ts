/**
 * Non-threshold key generation: n of n, the secret key is the sum of the shares. Commit to X_i = x_i G, open,
 * prove knowledge of x_i. Messages and transcripts are those of the Rust crate cggmp24-keygen.
 */
import { z } from 'zod';
import { executionId, integer, leaf, point, struct, wrapped, type Encoded } from '../hash/encoding.js';
import type { CoreKeyShare } from '../key_share/core.js';
import { G, multiply, sumPoints, type Point, type Scalar } from '../math/curve.js';
import { randomScalar } from '../math/random.js';
import { ProtocolAborted } from '../runtime/errors.js';
import { broadcast, peersOf, receive, verifyPeers, type AnyRound, type Protocol, type Round } from '../runtime/protocol.js';
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
import type { ChainCodeMode, KeygenContext } from './context.js';

const TAG = 'dfns.cggmp24.keygen.non_threshold.';

interface Decommitment extends CommonDecommitment {
  /** X_j = x_j G. */
  readonly X: Point;
  /** A_j: commitment of the Schnorr proof. */
  readonly sch_commit: Point;
}

const round2: Round<Decommitment> = {
  variant: 'Round2',
  number: 3,
  delivery: 'broadcast',
  body: z.object({ ...commonDecommitment, X: NonZeroPointJson, sch_commit: NonZeroPointJson }),
};

const round3: Round<{ readonly sch_proof: Scalar }> = {
  variant: 'Round3',
  number: 4,
  delivery: 'broadcast',
  body: z.object({ sch_proof: ScalarJson }),
};

export const nonThresholdKeygenRounds: readonly AnyRound[] = [round1, reliabilityCheckRound, round2, round3];

function encodeDecommitment(mode: ChainCodeMode, message: Decommitment): Encoded {
  return struct(
    {
      rid: leaf(message.rid),
      X: wrapped(point(message.X)),
      sch_commit: wrapped(point(message.sch_commit)),
      ...chainCodeEncoding(mode, message),
      decommit: leaf(message.decommit),
    },
    `${TAG}round2`,
  );
}

/** Seed of party j's Schnorr challenge; its fields are named otherwise than in the threshold variant. */
function schnorrSeed(sid: Uint8Array, prover: number, rid: Uint8Array, { X, sch_commit }: Decommitment): Encoded {
  return struct(
    {
      sid: executionId(sid),
      prover: integer(prover),
      rid: leaf(rid),
      X: wrapped(point(X)),
      sch_commit: wrapped(point(sch_commit)),
    },
    `${TAG}schnorr_pok`,
  );
}

export function* nonThresholdKeygen(ctx: KeygenContext): Protocol<CoreKeyShare> {
  const { sid, index: i, parties: n, rng, chainCode: mode } = ctx;
  const peers = peersOf(i, n);

  // Round 1
  const x_i = randomScalar(rng);
  const schnorr = sch.commit(rng);
  const own: Decommitment = { ...sampleCommon(ctx), X: multiply(G, x_i), sch_commit: schnorr.A };
  const V_i = { commitment: commitmentTo(TAG, sid, i, encodeDecommitment(mode, own)) };
  yield* broadcast(round1, V_i);
  const commitments = yield* receive(round1);

  if (ctx.reliableBroadcast) {
    const echoes = commitments.withOwn(i, V_i).map((message) => echo(TAG, sid, message));
    yield* checkReliability(echoes, peers);
  }

  // Round 2
  yield* broadcast(round2, own);
  const decommitments = yield* receive(round2);
  yield* verifyPeers('invalid_decommitment', round2, peers, (j) => {
    const opening = decommitments.of(j);
    const opened = commitmentTo(TAG, sid, j, encodeDecommitment(mode, opening));
    verifyDecommitment(ctx, commitments.of(j).commitment, opened, opening);
  });

  // Round 3
  const { rid, chainCode } = combineRandomness(ctx, own, decommitments);
  yield* broadcast(round3, { sch_proof: sch.respond(schnorrSeed(sid, i, rid, own), schnorr.nonce, x_i) });
  const proofs = yield* receive(round3);
  yield* verifyPeers('invalid_schnorr_proof', round3, peers, (j) => {
    const opening = decommitments.of(j);
    sch.verify(schnorrSeed(sid, j, rid, opening), { A: opening.sch_commit, y: opening.X }, proofs.of(j).sch_proof);
  }, ctx.reliableBroadcast);

  // Output
  const publicShares = decommitments.withOwn(i, own).map(({ X }) => X);
  const sharedPublicKey = sumPoints(publicShares);
  if (sharedPublicKey.is0()) throw new ProtocolAborted('invalid_key', 'Output', [], 'the public key is the identity');
  return { index: i, sharedPublicKey, publicShares, vssSetup: null, chainCode, secretShare: new Secret(x_i) };
}
