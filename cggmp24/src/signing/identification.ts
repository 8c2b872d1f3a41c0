/**
 * The identification phase (figure 9 of the paper, "failed nonce" and "failed key"), entered when delta G = Delta or
 * delta X = S does not hold: everybody shows what it received and made in round 2 and proves, to all,
 *
 *   - by Π^dec that its delta_i (its S_i) is what its own K_i, the D it received and the F it made decrypt to, and
 *   - by Π^aff-g* that the D and F it made for each other party have the same mask, and its Gamma_i (X_i) as factor.
 *
 * If all that holds, and everybody received what the others made, the sums hold. So somebody is named.
 *
 * What i says it received from j and what j says it made for i may differ. i then has j's proof of round 2, which binds D and F
 * to a Schnorr proof of knowledge of the discrete logarithm of Gamma_j (X_j): nobody but j makes one that verifies. So a claim
 * to have received what j's proof does not cover falls back on i, and one that it covers on j. No dispute stays open, whether or
 * not the transport's signatures can be shown.
 *
 * No honest party is blamed: each check looks at one party's own messages, at the first round's, which the echo has compared,
 * and at what follows from these (Gamma_j, by its Π^elog). Whoever sends different messages to different parties is at worst not
 * named by some of them; who is silent is not named at all.
 */
import { affGContext, affGStarContext, decContext } from '../hash/context.js';
import { G, multiplyPublic, sumPoints, toSigned, type Point, type Scalar } from '../math/curve.js';
import { at } from '../runtime/at.js';
import { check, ProtocolAborted, ProtocolBug, refusalOf, type Blame } from '../runtime/errors.js';
import { broadcast, pause, peersOf, receive, type PerPeer, type Protocol } from '../runtime/protocol.js';
import * as affG from '../zk/aff_g.js';
import * as affGStar from '../zk/aff_g_star.js';
import * as dec from '../zk/dec.js';
import { checkSums, KEY_SUM, NONCE_SUM } from './checks.js';
import type { PublicSigningContext, SigningContext } from './context.js';
import { identificationRounds, type Claims, type FailedSum, type Operation, type ProvenOperation } from './identification_messages.js';
import { round3, type Round1a, type Round2, type Round3 } from './messages.js';

/** The public side of presigning, for each signer in order. */
export interface PresigningTranscript {
  readonly ciphertexts: readonly Round1a[];
  readonly Gammas: readonly Point[];
  readonly results: readonly Round3[];
}

/** One party's messages of this phase. */
export interface IdentificationMessages {
  readonly claims: Claims;
  readonly affine: readonly affGStar.Proof[];
}

/** An operation of one's own, with what Π^aff-g* needs. */
export interface OwnOperation extends Operation {
  readonly witness: affG.Witness;
}

/** What one keeps for this phase until the sums are known to hold. */
export interface OwnPart {
  readonly gamma: Scalar;
  /** Those for gamma and for the key share, by recipient. */
  readonly made: ReadonlyMap<number, Readonly<Record<FailedSum, OwnOperation>>>;
  readonly received: PerPeer<Round2>;
}

/** One thing to be checked of one party; `verify` throws `InvalidProof`. */
export interface IdentificationCheck {
  readonly party: number;
  readonly what: string;
  readonly verify: () => void;
}

/** The multiplication whose shares do not add up: x_j k for factors x_j. */
class Product {
  readonly hat: boolean;
  /** X_j = x_j G: Gamma_j, or the share of the public key. */
  readonly X: readonly Point[];
  /** The base of S, and S_j: what party j says its share of the product is, in the exponent. */
  readonly H: Point;
  readonly S: readonly Point[];

  constructor(
    private readonly ctx: PublicSigningContext,
    sum: FailedSum,
    private readonly transcript: PresigningTranscript,
  ) {
    const { Gammas, results } = transcript;
    this.hat = sum === 'key';
    this.X = this.hat ? ctx.X : Gammas;
    this.H = this.hat ? sumPoints(Gammas) : G;
    this.S = results.map(({ delta, S }) => (this.hat ? S : multiplyPublic(G, delta)));
  }

  /** Party i's operation on j's K. */
  affine(i: number, j: number, { D, F }: Operation): affG.Data {
    const { N } = this.ctx;
    return { key_j: at(N, j), key_i: at(N, i), c: at(this.transcript.ciphertexts, j).K, d: D, y: F, x: at(this.X, i) };
  }

  /** F encrypts the negative of what its maker adds, hence the inverse. All must be units. */
  decryption(i: number, received: readonly Operation[], made: readonly Operation[]): dec.Data {
    const key = at(this.ctx.N, i);
    const product = (factors: readonly bigint[]): bigint => factors.reduce((all, factor) => key.add(all, factor), 1n);
    const d = key.add(product(received.map(({ D }) => D)), key.inverse(product(made.map(({ F }) => F))));
    return { key, k: at(this.transcript.ciphertexts, i).K, x: at(this.X, i), d, s: at(this.S, i), h: this.H };
  }
}

/** The entry about party `about` in a list that party `of` made, which has none about itself. */
function entry<T>(list: readonly T[], of: number, about: number): T {
  return at(list, about < of ? about : about - 1);
}

/** Everything to be checked of every party, the quick ones first. A party that fails one need not be checked further. */
export function* identificationChecks(
  ctx: PublicSigningContext,
  sum: FailedSum,
  transcript: PresigningTranscript,
  messages: readonly IdentificationMessages[],
): Generator<IdentificationCheck, void> {
  const { params, sid, N, aux } = ctx;
  const product = new Product(ctx, sum, transcript);
  const { hat } = product;
  const received = (i: number, from: number): ProvenOperation => entry(at(messages, i).claims.received, i, from);
  const made = (i: number, to: number): Operation => entry(at(messages, i).claims.made, i, to);
  /** That j has made what i says it received from j. */
  const verifyOrigin = (i: number, j: number): void => {
    const { psi, ...operation } = received(i, j);
    affG.verify(affGContext({ sid, prover: j }, hat), params, at(aux, i), product.affine(j, i, operation), psi);
  };
  const contradicted = (i: number, j: number): boolean => {
    const [claimed, known] = [made(i, j), received(j, i)];
    return (claimed.D !== known.D || claimed.F !== known.F) && refusalOf(() => { verifyOrigin(j, i); }) === null;
  };

  for (const [i, { claims, affine }] of messages.entries()) {
    const others = peersOf(i, messages.length);
    for (const j of others) {
      yield { party: i, what: `received from party ${j}`, verify: () => { verifyOrigin(i, j); } };
    }
    for (const j of others) {
      yield {
        party: i,
        what: `made for party ${j}`,
        verify: () => {
          const { D, F } = made(i, j);
          at(N, j).checkCiphertexts({ D });
          at(N, i).checkCiphertexts({ F });
          check('D and F are those that it has proven', !contradicted(i, j));
        },
      };
    }
    yield {
      party: i,
      what: hat ? 'S' : 'delta',
      verify: () => { dec.verify(decContext({ sid, prover: i }, hat), params, product.decryption(i, claims.received, claims.made), claims.dec); },
    };
    for (const [k, proof] of affine.entries()) {
      const j = (i + k + 1) % messages.length;
      yield {
        party: i,
        what: `operation for party ${j}`,
        verify: () => { affGStar.verify(affGStarContext({ sid, prover: i }, hat), params, product.affine(i, j, made(i, j)), proof); },
      };
    }
  }
}

/** One's own operations and what one received, and that one's part of the sum follows from them. */
function claim(ctx: SigningContext, sum: FailedSum, product: Product, { gamma, made, received }: OwnPart): Claims {
  const { params, sid, index: i, rng, decryptionKey } = ctx;
  const { hat } = product;
  const others = peersOf(i, ctx.signers);
  const theirs = others.map((j): ProvenOperation => {
    const { D, F, psi_j, hat_D, hat_F, hat_psi_j } = received.of(j);
    return hat ? { D: hat_D, F: hat_F, psi: hat_psi_j } : { D, F, psi: psi_j };
  });
  const ours = others.map((j) => operationFor(made, j, sum));
  const data = product.decryption(i, theirs, ours);
  const x = toSigned(hat ? ctx.x_i.reveal() : gamma);
  // The inverse is always made, so that the sign of x costs no time of its own.
  const ciphertext = data.key.add(data.key.scaleWith(x, data.k, data.key.inverse(data.k)), data.d);
  const witness = { x, y: decryptionKey.decrypt(ciphertext), nonce: decryptionKey.nonceOf(ciphertext) };
  const proof = dec.prove(decContext({ sid, prover: i }, hat), params, data, witness, rng);
  return { received: theirs, made: ours, dec: proof };
}

function operationFor(made: OwnPart['made'], j: number, sum: FailedSum): OwnOperation {
  const operations = made.get(j);
  if (operations === undefined) throw new ProtocolBug(`nothing was made for party ${j}`);
  return operations[sum];
}

/**
 * Finds out who broke the sum.
 * @returns what to abort with
 */
export function* identify(ctx: SigningContext, sum: FailedSum, transcript: PresigningTranscript, own: OwnPart): Protocol<ProtocolAborted> {
  const { params, sid, signers, index: i, rng } = ctx;
  const product = new Product(ctx, sum, transcript);
  const rounds = identificationRounds(sum, params, signers);

  yield* pause(`${rounds.claims.variant}: proving`);
  const claims = claim(ctx, sum, product, own);
  yield* broadcast(rounds.claims, claims);
  const affine: affGStar.Proof[] = [];
  for (const [k, round] of rounds.affine.entries()) {
    yield* pause(`${round.variant}: proving`);
    const j = (i + k + 1) % signers;
    const { witness, ...operation } = operationFor(own.made, j, sum);
    const proof = affGStar.prove(affGStarContext({ sid, prover: i }, product.hat), params, product.affine(i, j, operation), witness, rng);
    affine.push(proof);
    yield* broadcast(round, proof);
  }

  const allClaims = (yield* receive(rounds.claims)).withOwn(i, claims);
  const allAffine: affGStar.Proof[][] = [];
  for (const [k, round] of rounds.affine.entries()) allAffine.push((yield* receive(round)).withOwn(i, at(affine, k)));
  const messages = allClaims.map((made, j) => ({ claims: made, affine: allAffine.map((proofs) => at(proofs, j)) }));

  const blame = new Map<number, Blame>();
  for (const { party, what, verify } of identificationChecks(ctx, sum, transcript, messages)) {
    if (party === i || blame.has(party)) continue;
    yield* pause(`${rounds.claims.variant}: checking party ${party}, ${what}`);
    const reason = refusalOf(verify);
    if (reason !== null) blame.set(party, { party, reason: `${what}: ${reason}` });
  }
  if (blame.size === 0) throw new ProtocolBug('all parts of a sum are proven but the sum does not hold');
  return new ProtocolAborted('inconsistent_presignature', rounds.claims.variant, [...blame.values()], `the ${sum} failed`);
}

const FAILED: Readonly<Record<string, FailedSum>> = { [NONCE_SUM]: 'nonce', [KEY_SUM]: 'key' };

/**
 * Aborts unless the sums hold. Who broke them is found out when the context says so and the first round was echoed, without
 * which nobody could be blamed. Nobody has when delta is zero: then k or gamma happens to be.
 */
export function* requireSums(ctx: SigningContext, transcript: PresigningTranscript, own: OwnPart): Protocol<void> {
  const equation = refusalOf(() => {
    checkSums(ctx, transcript.results);
  });
  if (equation === null) return;
  const sum = FAILED[equation];
  if (sum !== undefined && ctx.identification) throw yield* identify(ctx, sum, transcript, own);
  throw new ProtocolAborted('inconsistent_presignature', round3.variant, [], `${equation} does not hold`);
}
