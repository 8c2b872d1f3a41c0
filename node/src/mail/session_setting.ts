import { z } from 'zod';
import type { SessionJob } from '../workers/jobs.js';
import { sha256 } from '../base/sha256.js';

/** What a session is about. Each message is signed with a hash of it, so that nobody can pass it off as one of another session. */
export const SessionSettingSchema = z.strictObject({
  protocol: z.enum(['keygen', 'aux_info', 'presign', 'sign']),
  execution_id: z.string(),
  /** Party indices. The protocol index is the position. */
  participants: z.array(z.int().min(0).max(255)).min(2).max(256).readonly(),
  /** `keyMaterialDigest` of the key; null except in presigning and full signing. */
  key_material: z.string().nullable(),
  /** What is to be signed as SHA-256 of its UTF-8 bytes; null except in full signing. */
  message: z.string().nullable(),
  /** What is to be signed as it is, hexadecimal, in place of a message. */
  digest: z.string().regex(/^[0-9a-f]{64}$/).optional(),
});
export type SessionSetting = z.infer<typeof SessionSettingSchema>;

/** @param key_material null before there is a key */
export function settingOf(job: SessionJob, participants: readonly number[], key_material: string | null): SessionSetting {
  const { kind: protocol, executionId: execution_id } = job;
  const setting = { protocol, execution_id, participants, key_material };
  if (job.kind !== 'sign') return { ...setting, message: null };
  return 'digest' in job ? { ...setting, message: null, digest: job.digest } : { ...setting, message: job.message };
}

/** SHA-256, hexadecimal. */
export function settingDigest({ protocol, execution_id, participants, key_material, message, digest }: SessionSetting): string {
  const signed = digest === undefined ? [message] : [message, digest];
  return sha256(JSON.stringify(['threshold-signing/session', protocol, execution_id, participants, key_material, ...signed]));
}
