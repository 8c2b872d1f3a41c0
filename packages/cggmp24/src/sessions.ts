/** The public entry points: each checks its options and starts a `Session`. */
import { z } from 'zod';
import { auxInfoRounds } from './aux_info/messages.js';
import { auxInfoGeneration } from './aux_info/protocol.js';
import { PregeneratedPrimesShape, type PregeneratedPrimes } from './aux_info/primes.js';
import { Callback, checkArgument, fields, Flag, instanceOf, integerBetween, listOf, NonEmptyBytes } from './base/arguments.js';
import { InvalidArgument } from './base/errors.js';
import { DigestShape, hashMessage, type Signature } from './ecdsa.js';
import type { AuxInfo } from './key_share/aux_info.js';
import type { CoreKeyShare } from './key_share/core.js';
import { KeyShareShape, type KeyShare } from './key_share/key_share.js';
import { ChainCodeShape, checkParties, checkThreshold, type ChainCodeMode } from './keygen/context.js';
import { nonThresholdKeygen } from './keygen/non_threshold.js';
import { nonThresholdKeygenRounds } from './keygen/non_threshold_messages.js';
import { thresholdKeygen } from './keygen/threshold.js';
import { thresholdKeygenRounds } from './keygen/threshold_messages.js';
import { checkedRng, systemRng, type Rng } from './math/random.js';
import { SECURITY_128 } from './params.js';
import { NamedKeysShape, NamedSharesShape, ownShares, reshareContext, ReshareSettingShape, type NamedKey } from './reshare/context.js';
import { allRounds } from './reshare/messages.js';
import { deal, receiveShares } from './reshare/protocol.js';
import type { AnyRound, Protocol } from './runtime/protocol.js';
import { Session } from './runtime/session.js';
import { signingContext, type SignerOptions, type SigningContext } from './signing/context.js';
import { allIdentificationRounds } from './signing/identification_messages.js';
import { presigningRounds, signingRounds } from './signing/messages.js';
import { presign as presignProtocol } from './signing/presign.js';
import type { Presignature } from './signing/presignature.js';
import { sign as signProtocol } from './signing/sign.js';

/** What every protocol run takes. */
export interface RunOptions {
  /** Names this run and no other, ever; the same at all parties. Every proof is bound to it. */
  readonly executionId: Uint8Array;
  /** Is there an echo round after the first? On by default; the same at all parties. */
  readonly reliableBroadcast?: boolean;
  /** Randomness, the operating system's by default. */
  readonly rng?: Rng;
}

export interface KeygenOptions extends RunOptions {
  /** One's own index, from 0. */
  readonly index: number;
  /** n: how many parties hold the key. */
  readonly parties: number;
  /** Chain code for public derivation, `shared` by default; the same at all parties. */
  readonly chainCode?: ChainCodeMode;
}

export interface ThresholdKeygenOptions extends KeygenOptions {
  /** t: how many sign, from 2 to n. */
  readonly threshold: number;
}

export interface AuxInfoOptions extends RunOptions {
  readonly index: number;
  readonly parties: number;
  /** Four fresh safe primes; the params they were made for decide the sizes of the run. */
  readonly primes: PregeneratedPrimes;
  /**
   * Makes and verifies Pi^prm as the Rust crate does, with soundness 2^-32 instead of 2^-128. Only for clusters with
   * Rust nodes; the same at all parties; off by default. Warn the operators of such a cluster.
   */
  readonly insecurePrmFirstWordOnly?: boolean;
}

export interface SigningOptions extends RunOptions {
  readonly share: KeyShare;
  /** Key-share indices of the signers: `minSigners` of them, in the same order at all signers. */
  readonly signers: readonly number[];
  /**
   * When the signers' results do not fit together, do further rounds find out whose are wrong? On by default; the same at all
   * signers; needs the echo round. The Rust crate has no such rounds: turn them off in clusters with Rust nodes, where nobody is
   * named then.
   */
  readonly identification?: boolean;
}

export interface FullSigningOptions extends SigningOptions {
  /** What is hashed with SHA-256 and signed. Exactly one of `message` and `digest`. */
  readonly message?: Uint8Array | undefined;
  /** 32 bytes that are signed as they are. All signers have to have agreed on them before anybody begins. */
  readonly digest?: Uint8Array | undefined;
  /** Public derivation below the key, non-hardened; empty by default. */
  readonly path?: readonly number[];
}

const runShape = { executionId: NonEmptyBytes, reliableBroadcast: Flag.optional(), rng: Callback.optional() };
const KeygenShape = fields({ ...runShape, chainCode: ChainCodeShape.optional() });
const AuxInfoShape = fields({ ...runShape, primes: PregeneratedPrimesShape, insecurePrmFirstWordOnly: Flag.optional() });
const signingShape = { ...runShape, share: KeyShareShape, signers: listOf(z.unknown()), identification: Flag.optional() };
const SigningShape = fields(signingShape);
const signedShape = { message: NonEmptyBytes.optional(), digest: DigestShape.optional() };
const FullSigningShape = fields({ ...signingShape, ...signedShape, path: listOf(z.unknown()).optional() });

function rngOf({ rng }: { readonly rng?: Rng }): Rng {
  return rng === undefined ? systemRng : checkedRng(rng);
}

function keygenContext(options: KeygenOptions) {
  checkArgument('', KeygenShape, options);
  checkParties(options.index, options.parties);
  return {
    params: SECURITY_128,
    sid: options.executionId,
    index: options.index,
    parties: options.parties,
    chainCode: options.chainCode ?? ('shared' as const),
    reliableBroadcast: options.reliableBroadcast ?? true,
    rng: rngOf(options),
  };
}

/** Generates a key with `parties` shares; any `threshold` of them sign. 3 rounds and the echo. @throws InvalidArgument */
export function keygen(options: ThresholdKeygenOptions): Session<CoreKeyShare> {
  const context = keygenContext(options);
  checkThreshold(options.threshold, options.parties);
  const protocol = thresholdKeygen({ ...context, threshold: options.threshold });
  return new Session({ protocol, rounds: thresholdKeygenRounds, index: options.index, parties: options.parties });
}

/** Generates a key that needs all `parties` to sign; its shares add up. 3 rounds and the echo. @throws InvalidArgument */
export function keygenNonThreshold(options: KeygenOptions): Session<CoreKeyShare> {
  const protocol = nonThresholdKeygen(keygenContext(options));
  return new Session({ protocol, rounds: nonThresholdKeygenRounds, index: options.index, parties: options.parties });
}

/** Generates and proves everybody's Paillier modulus and ring-Pedersen parameters. 3 rounds and the echo. @throws InvalidArgument */
export function auxInfo(options: AuxInfoOptions): Session<AuxInfo> {
  checkArgument('', AuxInfoShape, options);
  const { index, parties, primes } = options;
  checkParties(index, parties);
  const protocol = auxInfoGeneration({
    params: primes.params,
    sid: options.executionId,
    index,
    parties,
    primes,
    reliableBroadcast: options.reliableBroadcast ?? true,
    prmFirstWordOnly: options.insecurePrmFirstWordOnly ?? false,
    rng: rngOf(options),
  });
  return new Session({ protocol, rounds: auxInfoRounds(primes.params), index, parties });
}

function signerOptions(options: SigningOptions, path: readonly number[]): SignerOptions {
  const { executionId, signers, share, reliableBroadcast = true, identification = true } = options;
  return { executionId, signers, path, share, reliableBroadcast, identification, rng: rngOf(options) };
}

function roundsOf({ params, signers, identification }: SigningContext, rounds: readonly AnyRound[]): readonly AnyRound[] {
  return identification ? [...rounds, ...allIdentificationRounds(params, signers)] : rounds;
}


function signersSession<T>(context: SigningContext, protocol: Protocol<T>, rounds: readonly AnyRound[]): Session<T> {
  const { index, signers } = context;
  return new Session({ protocol, rounds: roundsOf(context, rounds), index, parties: signers });
}
/**
 * Makes a presignature among `minSigners` signers. 3 rounds and the echo. It has no derivation path: a path that is
 * chosen after the presignature is known allows forgery.
 * @throws InvalidArgument
 */
export function presign(options: SigningOptions): Session<Presignature> {
  checkArgument('', SigningShape, options);
  const context = signingContext(signerOptions(options, []));
  return signersSession(context, presignProtocol(context), presigningRounds);
}

function digestOf({ message, digest }: FullSigningOptions): Uint8Array {
  if (digest !== undefined && message !== undefined) throw new InvalidArgument('digest', 'cannot be given with message');
  if (digest !== undefined) return Uint8Array.from(digest);
  if (message === undefined) throw new InvalidArgument('message', 'must be a Uint8Array, or digest be given');
  return hashMessage(message);
}

/**
 * Signs a message or a digest interactively among `minSigners` signers. 4 rounds and the echo; every signer gets the signature.
 * @throws InvalidArgument
 */
export function sign(options: FullSigningOptions): Session<Signature> {
  checkArgument('', FullSigningShape, options);
  const digest = digestOf(options);
  const context = signingContext(signerOptions(options, options.path ?? []));
  return signersSession(context, signProtocol(context, digest), signingRounds);
}

/** What both sides of a resharing take; the same at all parties. */
export interface ReshareOptions {
  /** Names this run and no other, ever. Its hashes bind everything else here too. */
  readonly executionId: Uint8Array;
  /** Key-share indices of the t parties that deal; the position in this list is the dealer's index in the run. */
  readonly dealers: readonly number[];
  /** n': how many receive. Receiver j is party t + j of the run, and gets the share with index j. */
  readonly parties: number;
  /** t': how many of the receivers will sign, from 2 to n'. */
  readonly threshold: number;
  /** Randomness, the operating system's by default. */
  readonly rng?: Rng;
}

export interface DealOptions extends ReshareOptions {
  /** One's shares of the keys, by ascending id. */
  readonly keys: readonly NamedKey<CoreKeyShare>[];
}

export interface ReceiveOptions extends ReshareOptions {
  /** The keys as they are shared now, by ascending id. */
  readonly keys: readonly NamedKey[];
  /** j, from 0: which of the receivers one is. */
  readonly receiver: number;
}

const reshareShape = { executionId: NonEmptyBytes, ...ReshareSettingShape, rng: Callback.optional() };
const DealShape = fields({ ...reshareShape, keys: NamedSharesShape });
const ReceiveShape = fields({ ...reshareShape, keys: NamedKeysShape });

/**
 * Deals one's shares of keys anew, among the dealers that `minSigners` of each key names. 5 rounds, all of them broadcasts; the echo is one
 * of them. The keys stay the same; the old shares are of no use with the new ones. A machine that deals and receives runs two sessions.
 *
 * @returns a session that ends with the new public shares
 * @throws InvalidArgument
 */
export function reshareAsDealer(options: DealOptions): Session<NamedKey[]> {
  checkArgument('', DealShape, options);
  const context = reshareContext(options);
  const own = ownShares(options.keys, options.dealers);
  const protocol = deal(context, own, rngOf(options));
  return new Session({ protocol, rounds: allRounds(context), index: own.dealer, parties: context.dealers + context.receivers });
}

/**
 * Receives a new share of each key: `reshareAsDealer` for the other side.
 * @throws InvalidArgument
 */
export function reshareAsReceiver(options: ReceiveOptions): Session<NamedKey<CoreKeyShare>[]> {
  checkArgument('', ReceiveShape, options);
  const context = reshareContext(options);
  const { receiver, parties } = options;
  checkArgument('receiver', integerBetween(0, parties - 1), receiver);
  const protocol = receiveShares(context, receiver, rngOf(options));
  const index = context.dealers + receiver;
  return new Session({ protocol, rounds: allRounds(context), index, parties: context.dealers + context.receivers });
}

const SessionsShape = listOf(instanceOf(Session, 'a Session'));

/**
 * Settles the claims of all sessions that say `settling`, for little more than the cost of one session. Each session gets the
 * verdict that it would get by itself, and learns nothing of the others'. Use it for sessions over one key share, which have
 * the peers' keys in common. Blocks for about 25 ms, and 4 ms more for each claim; a presigning has four claims for each peer.
 */
export function settleTogether(sessions: readonly Session<unknown>[]): void {
  checkArgument('sessions', SessionsShape, sessions);
  Session.settleTogether(sessions);
}
