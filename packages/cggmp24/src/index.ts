/**
 * CGGMP24 threshold ECDSA over secp256k1. Sans-IO: a protocol is a `Session` that tells what to send and takes what
 * arrived; the transport, which must authenticate senders, is the caller's.
 */
export { PregeneratedPrimes, parsePrimes, serializePrimes, type FourPrimes } from './aux_info/primes.js';
export { GROUP_ORDER } from './math/curve.js';
export { verify, type Signature } from './ecdsa.js';
export {
  messagesOfRecord,
  parseCase,
  partialSignatureMessage,
  serializeCase,
  type AuxInfoSetting,
  type Case,
  type KeygenSetting,
  type OwnRecord,
  type Setting,
  type SignedMessage,
  type SigningCaseSetting,
} from './evidence/case.js';
export { judge } from './evidence/judge.js';
export type { Verdict } from './evidence/transcript.js';
export { keyMaterialDigest, publicKeyMaterialJson, type PublicKeyMaterial } from './key_share/public_key_material.js';
export { parseAuxInfo, serializeAuxInfo, type AuxInfo, type PublicAux } from './key_share/aux_info.js';
export { minSigners, parseCoreKeyShare, serializeCoreKeyShare, type CoreKeyShare, type PublicCore, type VssSetup } from './key_share/core.js';
export { completeKeyShare, parseKeyShare, serializeKeyShare, type KeyShare } from './key_share/key_share.js';
export type { ChainCodeMode } from './keygen/context.js';
export { encodePoint, type Point, type Scalar } from './math/curve.js';
export { arithmeticBackend, type BackendChoice } from './math/modular.js';
export { generateSafePrime, type SafePrimeOptions } from './math/primes.js';
export { systemRng, type Rng } from './math/random.js';
export { SECURITY_128, type SecurityParams } from './params.js';
export { InvalidArgument, ProtocolBug } from './base/errors.js';
export type { Blame, MessageAbortCode } from './runtime/abort.js';

export { ProtocolAborted, type AbortCode } from './aborts.js';
export { MAX_PAYLOAD_LENGTH } from './runtime/message.js';
export type { IncomingMessage, OutgoingMessage, Session, Step } from './runtime/session.js';
export {
  auxInfo,
  keygen,
  keygenNonThreshold,
  presign,
  settleTogether,
  sign,
  type AuxInfoOptions,
  type FullSigningOptions,
  type KeygenOptions,
  type RunOptions,
  type SigningOptions,
  type ThresholdKeygenOptions,
} from './sessions.js';
export { derive, type Derived, type ExtendedPublicKey } from './signing/derivation.js';
export {
  combine,
  isPartialSignature,
  messageToScalar,
  Presignature,
  type PartialSignature,
  type PresignatureCommitment,
  type PresignaturePublicData,
} from './signing/presignature.js';
export { ScalarJson } from './wire/json.js';
