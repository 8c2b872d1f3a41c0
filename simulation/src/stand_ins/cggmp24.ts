/**
 * In place of `cggmp24`: signatures and presignatures without arithmetic. A signature is valid when `newSignature` has made it for that
 * message: whoever runs the protocols calls it, once all signers have taken part.
 */
import { createHash } from 'node:crypto';
import {
  hashMessage, ProtocolAborted, signatureEncodings, type PartialSignature, type PresignaturePublicData, type PublicKey,
  type Scalar, type Signature, type SignatureForms,
} from 'cggmp24';
import type * as real from 'cggmp24';

export * from 'cggmp24';

/** What is signed, hexadecimal, by its signature. */
const signatures = new Map<string, string>();
/** Told of each half that signs. */
let onIssue: (half: PresignatureHalf, message: string) => void = () => undefined;

/** One signer's half of a presignature. */
export interface PresignatureHalf {
  readonly id: string;
  /** Whose half it is: a party index. */
  readonly party: number;
  /** Its position among the signers. */
  readonly position: number;
  readonly signers: number;
  /** Does a corrupt member hold it, who signs something else with it? */
  readonly isWrong: boolean;
}

/** Begins a new world. @param listener told of each half that signs */
export function forgetSignatures(listener: typeof onIssue): void {
  signatures.clear();
  onIssue = listener;
}

function number(...parts: readonly (string | number)[]): bigint {
  return BigInt(`0x${createHash('sha256').update(parts.join('|')).digest('hex').slice(2)}`);
}

/** @param source what it was made by: another source gives another signature of the same message */
export function newSignature(source: string, message: string): Signature {
  const signature = { r: number('r', source), s: number('s', source, message) };
  signatures.set(`${signature.r} ${signature.s}`, hex(hashMessage(Buffer.from(message))));
  return signature;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function verifyDigest(signature: Signature, _publicKey: PublicKey, digest: Uint8Array): boolean {
  return signatures.get(`${signature.r} ${signature.s}`) === hex(digest);
}

export function signatureForms(signature: Signature): SignatureForms {
  return { ...signatureEncodings(signature), recoveryId: 0 };
}

function partOf(id: string, position: number, message: string): Scalar {
  return number('part', id, position, message);
}

export class Presignature {
  #half: PresignatureHalf | null;
  readonly publicData: PresignaturePublicData;

  private constructor(half: PresignatureHalf) {
    this.#half = half;
    const { id, signers } = half;
    this.publicData = { id, commitments: Array.from({ length: signers }, () => null) } as unknown as PresignaturePublicData;
  }

  static takeOver(text: string): Presignature {
    return new Presignature(JSON.parse(text) as PresignatureHalf);
  }

  issuePartialSignature(message: Uint8Array): PartialSignature {
    const half = this.#half;
    this.#half = null;
    if (half === null) throw new Error('a presignature was used twice');
    const text = Buffer.from(message).toString();
    onIssue(half, text);
    return { sigma: partOf(half.id, half.position, half.isWrong ? 'something else' : text) };
  }
}

export function combine(
  partials: readonly PartialSignature[],
  publicData: PresignaturePublicData,
  _publicKey: PublicKey,
  message: Uint8Array,
): Signature {
  const { id } = publicData as unknown as { readonly id: string };
  const text = Buffer.from(message).toString();
  const wrong = partials.flatMap(({ sigma }, party) => (sigma === partOf(id, party, text) ? [] : [party]));
  if (wrong.length === 0) return newSignature(id, text);
  throw new ProtocolAborted('invalid_partial_signature', 'combine', wrong.map((party) => ({ party, reason: 'it is not the right one' })));
}

({ verifyDigest, signatureForms, combine }) satisfies Pick<typeof real, 'verifyDigest' | 'signatureForms' | 'combine'>;
