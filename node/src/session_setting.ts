import { createHash } from 'node:crypto';
import type { Job, JobKind } from './jobs.js';

/** What a session is about. All its parties sign a hash of it with every message, so that evidence cannot be read as of another. */
export interface SessionSetting {
  readonly protocol: Exclude<JobKind, 'safe_prime'>;
  readonly executionId: string;
  /** Party indices; the protocol index is the position. */
  readonly participants: readonly number[];
  /** `keyMaterialDigest` of the key, in presigning and signing. */
  readonly keyMaterial: string | null;
  /** What is to be signed, in signing. */
  readonly message: string | null;
}

/** @param keyMaterial null before there is a key */
export function settingOf(job: Exclude<Job, { kind: 'safe_prime' }>, participants: readonly number[], keyMaterial: string | null): SessionSetting {
  const { kind: protocol, executionId } = job;
  return { protocol, executionId, participants, keyMaterial, message: protocol === 'sign' ? job.message : null };
}

/** SHA-256, hexadecimal. */
export function settingDigest({ protocol, executionId, participants, keyMaterial, message }: SessionSetting): string {
  const canonical = JSON.stringify(['threshold-signing/session', protocol, executionId, participants, keyMaterial, message]);
  return createHash('sha256').update(canonical).digest('hex');
}
