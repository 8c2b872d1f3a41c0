import type { AbortCode, Blame } from 'cggmp24';
import type { Payload } from 'message-board/contract';
import type { SessionRecord } from '../mail/session_record.js';

/** Partial signatures, as their makers stated them, and what they had to match. */
export interface PartialSignatureRecord {
  readonly kind: 'partial_signature';
  readonly requestId: string;
  readonly payload: Payload;
  /** How the presignature was made; null when nobody has signed that. */
  readonly making: SessionRecord | null;
  readonly statements: readonly string[];
}

/** A party has deviated from the protocol, and has signed what shows it. */
export interface Accusation {
  readonly code: AbortCode;
  readonly round: string;
  /** By party index in the cluster. At least one. */
  readonly blame: readonly Blame[];
  readonly record: SessionRecord | PartialSignatureRecord;
}
