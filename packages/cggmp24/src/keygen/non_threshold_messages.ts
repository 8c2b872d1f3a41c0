/** Messages of non-threshold key generation, their transcripts, and the checks that need public data only. */
import { z } from 'zod';
import { executionId, integer, leaf, point, struct, wrapped, type Encoding } from '../hash/encoding.js';
import type { Point, Scalar } from '../math/curve.js';
import type { AnyRound, Round } from '../runtime/protocol.js';
import { reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import { NonZeroPointJson, ScalarJson } from '../wire/json.js';
import * as sch from '../zk/sch.js';
import { chainCodeEncoding, commitments, commonDecommitment, round1, type CommonDecommitment } from './commitments.js';
import type { PublicKeygenContext } from './context.js';

const TAG = 'dfns.cggmp24.keygen.non_threshold.';

export interface Decommitment extends CommonDecommitment {
  /** X_j = x_j G. */
  readonly X: Point;
  /** A_j: commitment of the Schnorr proof. */
  readonly sch_commit: Point;
}

export const round2: Round<Decommitment> = {
  variant: 'Round2',
  number: 3,
  delivery: 'broadcast',
  body: z.object({ ...commonDecommitment, X: NonZeroPointJson, sch_commit: NonZeroPointJson }),
};

export const round3: Round<{ readonly sch_proof: Scalar }> = {
  variant: 'Round3',
  number: 4,
  delivery: 'broadcast',
  body: z.object({ sch_proof: ScalarJson }),
};

export const nonThresholdKeygenRounds: readonly AnyRound[] = [round1, reliabilityCheckRound, round2, round3];

function encodeDecommitment(mode: PublicKeygenContext['chainCode'], message: Decommitment): Encoding {
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

/** Seed of party j's Schnorr challenge; its field names differ from those of the threshold variant. */
export function schnorrSeed(sid: Uint8Array, prover: number, rid: Uint8Array, { X, sch_commit }: Decommitment): Encoding {
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

export const { commit, echoes, checkOpening } = commitments(TAG, encodeDecommitment);

/** Party j knows its share of the key. */
export function checkKnowledge({ sid }: PublicKeygenContext, j: number, rid: Uint8Array, opening: Decommitment, z: Scalar): void {
  sch.verify(schnorrSeed(sid, j, rid, opening), { A: opening.sch_commit, y: opening.X }, z);
}
