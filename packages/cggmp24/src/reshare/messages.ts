/** Messages of a resharing, all of them broadcasts, and their hashes. */
import { z } from 'zod';
import { digest, digestAll, integer, leaf, list, point, scalar, struct, type Encoding } from '../hash/encoding.js';
import type { Point, Scalar } from '../math/curve.js';
import { xorBytes } from '../math/integer.js';
import type { AnyRound, Round } from '../runtime/protocol.js';
import { bytesHexJson, CompactPointJson, CompactScalarJson } from '../wire/json.js';
import { TAG, type ReshareContext } from './context.js';

/** Of a dealer: V_i. */
export interface Commitment {
  readonly commitment: Uint8Array;
}

/** Of a receiver: Y_ji = y_ji G for each dealer, good for this run only. */
export interface Keys {
  readonly Y: Point[];
}

/** Of everybody: the hash of each first message, in the order of the parties. */
export interface Echo {
  readonly echo: Uint8Array[];
}

/** Of a dealer. */
export interface Deal {
  readonly rid: Uint8Array;
  readonly decommit: Uint8Array;
  /** For each key, a_ik G for k from 1 to t' - 1. */
  readonly F: Point[][];
  /** B_ij = b_ij G for each receiver. */
  readonly B: Point[];
  /** For each key, the sub-share of each receiver under its pad. */
  readonly c: Scalar[][];
}

/** A receiver's Schnorr proof of its new share of one key. */
export interface ShareProof {
  readonly A: Point;
  readonly z: Scalar;
}

export interface Complaint {
  readonly dealer: number;
  /** y_ji, which opens the pads between these two, and nothing else. */
  readonly y: Scalar;
}

/** Of a receiver: whom it complains about, or else the proofs for each key. */
export interface Answer {
  /** The hash of the deal that it has from each dealer. */
  readonly view: Uint8Array[];
  readonly complaints: Complaint[];
  readonly proofs: ShareProof[] | null;
}

const Bytes32 = bytesHexJson(32);
// The lengths of these are checked later, by a check that names its maker.
const Points = z.array(CompactPointJson).max(0xffff);
const Scalars = z.array(CompactScalarJson).max(0xffff);

/** Complaints ascend by dealer, and there are proofs when there is none. */
function isWellFormed({ complaints, proofs }: Pick<Answer, 'complaints' | 'proofs'>): boolean {
  const ascend = complaints.every(({ dealer }, k) => k === 0 || (complaints[k - 1]?.dealer ?? dealer) < dealer);
  return ascend && (proofs === null) === complaints.length > 0;
}

export interface ReshareRounds {
  readonly commitment: Round<Commitment>;
  readonly keys: Round<Keys>;
  readonly echo: Round<Echo>;
  readonly deal: Round<Deal>;
  readonly answer: Round<Answer>;
}

export function dealersOf({ dealers }: ReshareContext): number[] {
  return Array.from({ length: dealers }, (_, i) => i);
}

/** The parties that receive: receiver j is party t + j. */
export function receiversOf({ dealers, receivers }: ReshareContext): number[] {
  return Array.from({ length: receivers }, (_, j) => dealers + j);
}

export function reshareRounds(ctx: ReshareContext): ReshareRounds {
  const [byDealers, byReceivers] = [dealersOf(ctx), receiversOf(ctx)].map((senders) => ({ delivery: 'broadcast', senders }) as const);
  const complaint = z.object({ dealer: z.int().min(0).max(ctx.dealers - 1), y: CompactScalarJson });
  const answer = z.object({
    view: z.array(Bytes32).length(ctx.dealers),
    complaints: z.array(complaint).max(ctx.dealers),
    proofs: z.array(z.object({ A: CompactPointJson, z: CompactScalarJson })).length(ctx.keys.length).nullable(),
  });
  return {
    commitment: { variant: 'Round1', number: 1, ...byDealers, body: z.object({ commitment: Bytes32 }) } as Round<Commitment>,
    keys: { variant: 'Round2', number: 2, ...byReceivers, body: z.object({ Y: Points }) } as Round<Keys>,
    echo: {
      variant: 'Round3',
      number: 3,
      delivery: 'broadcast',
      body: z.object({ echo: z.array(Bytes32).length(ctx.dealers + ctx.receivers) }),
    },
    deal: {
      variant: 'Round4',
      number: 4,
      ...byDealers,
      body: z.object({ rid: Bytes32, decommit: Bytes32, F: z.array(Points).max(0xffff), B: Points, c: z.array(Scalars).max(0xffff) }),
    } as Round<Deal>,
    answer: {
      variant: 'Round5',
      number: 5,
      ...byReceivers,
      body: answer.refine(isWellFormed, 'complaints must ascend, and proofs be null exactly when there are complaints'),
    } as Round<Answer>,
  };
}

export function allRounds(ctx: ReshareContext): readonly AnyRound[] {
  const { commitment, keys, echo, deal, answer } = reshareRounds(ctx);
  return [commitment, keys, echo, deal, answer];
}

const points = (all: readonly Point[]): Encoding => list(all.map(point));

/** V_i, the commitment to an opening. */
export function commitTo({ run }: ReshareContext, dealer: number, { rid, F, decommit }: Pick<Deal, 'rid' | 'F' | 'decommit'>): Uint8Array {
  const opening = { rid: leaf(rid), F: list(F.map(points)), decommit: leaf(decommit) };
  return digest(struct({ run, dealer: integer(dealer), ...opening }, `${TAG}commitment`));
}

/** The hash of each first message, in the order of the parties: what the echo says. */
export function echoes({ run }: ReshareContext, commitments: readonly Commitment[], keys: readonly Keys[]): Uint8Array[] {
  return [
    ...commitments.map(({ commitment }, i) => digest(struct({ run, dealer: integer(i), commitment: leaf(commitment) }, `${TAG}round1`))),
    ...keys.map(({ Y }, j) => digest(struct({ run, receiver: integer(j), Y: points(Y) }, `${TAG}round2`))),
  ];
}

/** What all later hashes have of the first messages. */
export function echoValue(hashes: readonly Uint8Array[]): Encoding {
  return leaf(digestAll(hashes.map((hash) => leaf(hash))));
}

/** The hash of a dealer's deal: what a view says. */
export function viewOf({ run }: ReshareContext, dealer: number, { rid, decommit, F, B, c }: Deal): Uint8Array {
  const body = {
    rid: leaf(rid),
    decommit: leaf(decommit),
    F: list(F.map(points)),
    B: points(B),
    c: list(c.map((row) => list(row.map(scalar)))),
  };
  return digest(struct({ run, dealer: integer(dealer), ...body }, `${TAG}round4`));
}

/** rid: the XOR of all dealers' parts. */
export function jointRid(deals: readonly Deal[]): Encoding {
  return leaf(xorBytes(deals.map(({ rid }) => rid)));
}
