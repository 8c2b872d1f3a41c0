/**
 * CGGMP24 threshold ECDSA over secp256k1. Sans-IO: a protocol is a `Session` that tells what to send and takes what
 * arrived; the transport, which must authenticate senders, is the caller's.
 */
// ---- Protocols ----
export {
  auxInfo,
  keygen,
  keygenNonThreshold,
  presign,
  reshareAsDealer,
  reshareAsReceiver,
  settleTogether,
  sign,
  type AuxInfoOptions,
  type DealOptions,
  type FullSigningOptions,
  type KeygenOptions,
  type ReceiveOptions,
  type ReshareOptions,
  type RunOptions,
  type SigningOptions,
  type ThresholdKeygenOptions,
} from './sessions.js';
export type { ChainCodeMode, KeygenAbortCode } from './keygen/context.js';
export type { AuxInfoAbortCode } from './aux_info/checks.js';
export type { NamedKey, ReshareAbortCode, ReshareSetting } from './reshare/context.js';
export type { SigningAbortCode } from './signing/context.js';

// ---- Running them ----
export { ProtocolAborted, type AbortCode } from './aborts.js';
export { InvalidArgument, ProtocolBug } from './base/errors.js';
export type { Blame, MessageAbortCode } from './runtime/abort.js';
export { MAX_PAYLOAD_LENGTH, type IncomingMessage } from './runtime/message.js';
export type { Recipient } from './runtime/protocol.js';
export { run, type DriverOptions, type Signal, type Transport } from './runtime/run.js';
export type { OutgoingMessage, Session, Step } from './runtime/session.js';

// ---- Signatures ----
export {
  hashMessage, MESSAGE_HASHES, publicPoint, signatureEncodings, signatureForms, verify, verifyDigest,
  type MessageHash, type PublicKey, type Signature, type SignatureEncodings, type SignatureForms,
} from './ecdsa.js';
export {
  derive, formatPath, MAX_PATH_LENGTH, parsePath,
  type Derived, type ExtendedPublicKey, type RootKey,
} from './signing/derivation.js';
export { xpub } from './signing/xpub.js';
export { combine, isPartialSignature, messageToScalar, Presignature } from './signing/presignature.js';
export type { PartialSignature, PresignatureCommitment, PresignaturePublicData, PresignatureSecrets } from './signing/presignature_data.js';

export {
  RandomizedSigning, RANDOMIZED_EQUATION,
  type PresignedRequest, type RandomizedPartialSignature,
} from './signing/randomized.js';

// ---- Keys ----
export { generatePrimes, type PrimesOptions, type PrimesProgress } from './aux_info/generate_primes.js';
export { generateSafePrime, type SafePrimeOptions } from './math/primes.js';
export { PregeneratedPrimes, parsePrimes, serializePrimes, type FourPrimes } from './aux_info/primes.js';
export { completeKeyShare, parseKeyShare, serializeKeyShare, type KeyShare } from './key_share/key_share.js';
export {
  minSigners, parseCoreKeyShare, PublicCoreJson, publicInconsistency, serializeCoreKeyShare,
  type CoreKeyShare, type PublicCore, type VssSetup,
} from './key_share/core.js';
export { parseAuxInfo, serializeAuxInfo, type AuxInfo, type PublicAux } from './key_share/aux_info.js';
export { keyMaterialDigest, publicKeyMaterialJson, type PublicKeyMaterial } from './key_share/public_key_material.js';
export type { DecryptionKey } from './paillier/decryption_key.js';
export type { EncryptionKey } from './paillier/encryption_key.js';
export type { RingPedersen, RingPedersenParams } from './paillier/ring_pedersen.js';
export type { Secret } from './base/secret.js';

// ---- Evidence ----
export {
  messagesOfRecord,
  parseCase,
  partialSignatureMessage,
  serializeCase,
  type AuxInfoSetting,
  type Case,
  type KeygenSetting,
  type ReshareCaseSetting,
  type OwnRecord,
  type Setting,
  type SignedMessage,
  type SigningCaseSetting,
} from './evidence/case.js';
export { judge } from './evidence/judge.js';
export type { Verdict } from './evidence/transcript.js';

// ---- Parameters and arithmetic ----
export { SECURITY_128, type SecurityParams } from './params.js';
export { encodePoint, GROUP_ORDER, type Point, type Scalar } from './math/curve.js';
export { arithmeticBackend, type BackendChoice } from './math/modular.js';
export type { ModularBackend, Modulus } from './math/modulus.js';
export { systemRng, type Rng } from './math/random.js';
export { ScalarJson } from './wire/json.js';
