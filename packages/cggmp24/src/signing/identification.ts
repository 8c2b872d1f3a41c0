/**
 * The identification phase (figure 9 of the paper, "failed nonce" and "failed key"), entered when delta G = Delta or
 * delta X = S does not hold: everybody shows what it received and made in round 2 and proves, to all,
 *
 *   - by Π^dec that its delta_i (its S_i) is what its own K_i, the D it received and the F it made decrypt to, and
 *   - by Π^aff-g* that the D and F it made for each other party have the same mask, and its Gamma_i (X_i) as factor.
 *
 * If all that holds, and everybody received what the others made, the sums hold. So somebody is named.
 *
 * What i says it received from j and what j says it made for i may differ. i then shows j's proof of round 2, which binds D and F
 * to a Schnorr proof of knowledge of the discrete logarithm of Gamma_j (X_j): nobody but j makes one that verifies. If the proof
 * covers what i shows, j is guilty; if not, i is. No dispute stays open, whether or not the transport's signatures can be shown.
 * This needs moduli that differ: with one N, one K and one set of ring-Pedersen parameters, two parties can show as received what
 * j made for the other one. Aux info generation and whoever reads key material therefore refuse equal moduli.
 *
 * No honest party is blamed: each check looks at one party's own messages, at the first round's, which the echo has compared,
 * and at what follows from these (Gamma_j, by its Π^elog). A party that sends different messages to different parties may stay
 * unnamed by some of them. A silent party is not named at all. As for all proofs, no execution id may run twice: what an honest
 * party made in an earlier run of the same id would count as made in this one.
 */
import { affGContext, affGStarContext, decContext } from '../zk/context.js';
import { G, multiplyPublic, sumPoints, toSigned, type Point, type Scalar } from '../math/curve.js';
import { at } from '../base/at.js';
import { check, ProtocolBug, failedCheckOf } from '../base/errors.js';
import { ProtocolAborted, type Blame } from '../runtime/abort.js';
import { broadcast, pause, peersOf, receive, verifyPeers, type PerPeer, type Protocol } from '../runtime/protocol.js';
import * as affG from '../zk/aff_g.js';
import * as affGStar from '../zk/aff_g_star.js';
import * as dec from '../zk/dec.js';
import { checkProducts, checkSums, KEY_SUM, NONCE_SUM } from './checks.js';
import type { PublicSigningContext, SigningAbortCode, SigningContext } from './context.js';
import { identificationRounds, type Exchange, type FailedSum, type Operation, type ProvenOperation } from './identification_messages.js';
import { round2, round3, type Round1a, type Round2, type Round3 } from './messages.js';

/** The public side of presigning, for each signer in order. */
export interface PresigningTranscript {
  readonly ciphertexts: readonly Round1a[];
  readonly Gammas: readonly Point[];
  readonly results: readonly Round3[];
}

/** One party's messages of this phase. */
export interface IdentificationMessages {
  readonly psi_dec: dec.Proof;
  /** With the next party, the one after that, and so on. */
  readonly exchanges: readonly Exchange[];
}

/** An operation of one's own, with what Π^aff-g* needs. */
export interface OwnOperation extends Operation {
  readonly witness: affG.Witness;
}

/** What a party keeps for this phase until the sums hold. */
export interface OwnPart {
  readonly gamma: Scalar;
  /** Those for gamma and for the key share, by recipient. */
  readonly made: ReadonlyMap<number, Readonly<Record<FailedSum, OwnOperation>>>;
  readonly received: PerPeer<Round2>;
}

/** One check of one party; `verify` throws `InvalidProof`. */
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

/** What party i has signed to have sent to party j in round 2; undefined when that is not known. */
export type SentOperation = (i: number, j: number) => Operation | undefined;

function isSame(a: Operation, b: Operation | undefined): boolean {
  return a.D === b?.D && a.F === b.F;
}

/**
 * All checks of all parties, the quick ones first. A party that fails one is not checked further.
 *
 * @param sent a judge's: whoever has signed for the recipient what it says to have made is not contradicted by what is shown as received
 */
export function* identificationChecks(
  ctx: PublicSigningContext,
  sum: FailedSum,
  transcript: PresigningTranscript,
  messages: readonly IdentificationMessages[],
  sent: SentOperation = () => undefined,
): Generator<IdentificationCheck, void> {
  const { params, sid, N, aux } = ctx;
  const product = new Product(ctx, sum, transcript);
  const { hat } = product;
  const t = messages.length;
  const exchange = (i: number, j: number): Exchange => at(at(messages, i).exchanges, (j - i - 1 + t) % t);
  /** That j has made what i says it received from j. */
  const verifyOrigin = (i: number, j: number): void => {
    const { psi, ...operation } = exchange(i, j).received;
    affG.verify(affGContext({ sid, prover: j }, hat), params, at(aux, i), product.affine(j, i, operation), psi);
  };
  /** Has i made something else for j than it says? */
  const contradicted = (i: number, j: number): boolean => {
    const [{ made }, { received }] = [exchange(i, j), exchange(j, i)];
    return !isSame(made, received) && !isSame(made, sent(i, j)) && failedCheckOf(() => { verifyOrigin(j, i); }) === null;
  };

  for (const [i, { psi_dec }] of messages.entries()) {
    const others = peersOf(i, t);
    for (const j of others) {
      yield { party: i, what: `received from party ${j}`, verify: () => { verifyOrigin(i, j); } };
    }
    for (const j of others) {
      yield {
        party: i,
        what: `made for party ${j}`,
        verify: () => {
          const { D, F } = exchange(i, j).made;
          at(N, j).checkCiphertexts({ D });
          at(N, i).checkCiphertexts({ F });
          check('D and F are what it has proven to that party', !contradicted(i, j));
        },
      };
    }
    yield {
      party: i,
      what: hat ? 'S' : 'delta',
      verify: () => {
        const [received, made] = [others.map((j) => exchange(i, j).received), others.map((j) => exchange(i, j).made)];
        dec.verify(decContext({ sid, prover: i }, hat), params, product.decryption(i, received, made), psi_dec);
      },
    };
    for (const j of others) {
      yield {
        party: i,
        what: `operation for party ${j}`,
        verify: () => {
          const { made, psi_star } = exchange(i, j);
          affGStar.verify(affGStarContext({ sid, prover: i }, hat), params, product.affine(i, j, made), psi_star);
        },
      };
    }
  }
}

/** One's own operation for party j. */
function operationFor(made: OwnPart['made'], j: number, sum: FailedSum): OwnOperation {
  const operations = made.get(j);
  if (operations === undefined) throw new ProtocolBug(`nothing was made for party ${j}`);
  return operations[sum];
}

/** The operation of a message that the failed sum is about. */
export function operationOf({ D, F, psi_j, hat_D, hat_F, hat_psi_j }: Round2, sum: FailedSum): ProvenOperation {
  return sum === 'nonce' ? { D, F, psi: psi_j } : { D: hat_D, F: hat_F, psi: hat_psi_j };
}

/**
 * Checks each received Π^aff-g by itself. When it was settled together with others, one with a wrong root may have passed.
 * Nobody else would accept it, and the party that shows it would be blamed.
 * @throws ProtocolAborted naming its maker
 */
function* requirePresentable(ctx: SigningContext, { ciphertexts }: PresigningTranscript, { received }: OwnPart): Protocol<void> {
  const { index: i, signers } = ctx;
  const { K } = at(ciphertexts, i);
  yield* verifyPeers<SigningAbortCode>(peersOf(i, signers), [
    { code: 'invalid_affine_proof', round: round2, verify: (j) => { checkProducts(ctx, j, i, K, received.of(j)); } },
  ]);
}

/** Π^dec of one's own part. */
function proveResult(ctx: SigningContext, sum: FailedSum, product: Product, { gamma, made, received }: OwnPart): dec.Proof {
  const { params, sid, index: i, signers, rng, decryptionKey } = ctx;
  const others = peersOf(i, signers);
  const data = product.decryption(
    i,
    others.map((j) => operationOf(received.of(j), sum)),
    others.map((j) => operationFor(made, j, sum)),
  );
  const x = toSigned(sum === 'nonce' ? gamma : ctx.x_i.reveal());
  const ciphertext = data.key.add(data.key.scale(x, data.k), data.d);
  const witness = { x, y: decryptionKey.decrypt(ciphertext), nonce: decryptionKey.nonceOf(ciphertext) };
  return dec.prove(decContext({ sid, prover: i }, product.hat), params, data, witness, rng);
}

/** Sends one's own messages and collects everybody's. */
function* exchangeProofs(ctx: SigningContext, sum: FailedSum, product: Product, own: OwnPart): Protocol<IdentificationMessages[]> {
  const { params, sid, signers, index: i, rng } = ctx;
  const rounds = identificationRounds(sum, params, signers);

  yield* pause(`${rounds.result.variant}: proving`);
  const psi_dec = proveResult(ctx, sum, product, own);
  yield* broadcast(rounds.result, { psi_dec });
  const exchanges: Exchange[] = [];
  for (const [k, round] of rounds.exchanges.entries()) {
    yield* pause(`${round.variant}: proving`);
    const j = (i + k + 1) % signers;
    const { D, F, witness } = operationFor(own.made, j, sum);
    const made = { D, F };
    const data = product.affine(i, j, made);
    const psi_star = affGStar.prove(affGStarContext({ sid, prover: i }, product.hat), params, data, witness, rng);
    const message = { received: operationOf(own.received.of(j), sum), made, psi_star };
    exchanges.push(message);
    yield* broadcast(round, message);
  }

  const results = (yield* receive(rounds.result)).withOwn(i, { psi_dec });
  const all: Exchange[][] = [];
  for (const [k, round] of rounds.exchanges.entries()) all.push((yield* receive(round)).withOwn(i, at(exchanges, k)));
  return results.map((result, j) => ({ ...result, exchanges: all.map((messages) => at(messages, j)) }));
}

/**
 * Finds out who broke the sum.
 * @returns what to abort with
 */
export function* identify(
  ctx: SigningContext,
  sum: FailedSum,
  transcript: PresigningTranscript,
  own: OwnPart,
): Protocol<ProtocolAborted<SigningAbortCode>> {
  const product = new Product(ctx, sum, transcript);
  yield* requirePresentable(ctx, transcript, own);
  const messages = yield* exchangeProofs(ctx, sum, product, own);
  const blame = new Map<number, Blame>();
  for (const { party, what, verify } of identificationChecks(ctx, sum, transcript, messages)) {
    if (party === ctx.index || blame.has(party)) continue;
    yield* pause(`identification: checking party ${party}, ${what}`);
    const reason = failedCheckOf(verify);
    if (reason !== null) blame.set(party, { party, reason: `${what}: ${reason}` });
  }
  if (blame.size === 0) throw new ProtocolBug('all parts of a sum are proven but the sum does not hold');
  return new ProtocolAborted<SigningAbortCode>('inconsistent_presignature', 'Identification', [...blame.values()], `the ${sum} failed`);
}

export const FAILED: Readonly<Record<string, FailedSum>> = { [NONCE_SUM]: 'nonce', [KEY_SUM]: 'key' };

/**
 * Aborts unless the sums hold. `ctx.identification` says whether further rounds find out who broke them. Delta is zero when k or
 * gamma is, by chance: then nobody has broken anything.
 */
export function* requireSums(ctx: SigningContext, transcript: PresigningTranscript, own: OwnPart): Protocol<void> {
  const equation = failedCheckOf(() => {
    checkSums(ctx, transcript.results);
  });
  if (equation === null) return;
  const sum = FAILED[equation];
  if (sum !== undefined && ctx.identification) throw yield* identify(ctx, sum, transcript, own);
  throw new ProtocolAborted<SigningAbortCode>('inconsistent_presignature', round3.variant, [], `${equation} does not hold`);
}
