import { z } from 'zod';
import { PublicKeyHexSchema, WaitSchema } from './contract_fields.js';

/**
 * `POST /publickey` → the same. Another key than the stored one: 409 `public_key_conflict`. With a roster, 403 `unconfirmed_key`
 * until as many nodes as sign have stated this key in their heartbeats; the board then has it also without being told.
 */
export const PublicKeySchema = z.strictObject({ public_key: PublicKeyHexSchema });
export type PublicKey = z.infer<typeof PublicKeySchema>;

/** `GET /publickey` → {@link PublicKeyAnswerSchema}, or 404 `no_public_key`, held back for `wait`. */
export const WaitQuerySchema = z.strictObject({ wait: WaitSchema.optional() });
export const PublicKeyAnswerSchema = z.object({ public_key: PublicKeyHexSchema });
