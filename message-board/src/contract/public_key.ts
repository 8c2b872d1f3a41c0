import { z } from 'zod';
import { PublicKeyHexSchema, WaitSchema } from './contract_fields.js';

/**
 * `POST /publickey` → the key. Another key than the stored one is answered 409 `public_key_conflict`. With a roster, the answer is 403
 * `unconfirmed_key` until t nodes, as many as sign together, state this key in their heartbeats. From then on the board has it
 * anyway, without this call.
 */
export const PublicKeySchema = z.strictObject({ public_key: PublicKeyHexSchema });
export type PublicKey = z.infer<typeof PublicKeySchema>;

/** `GET /publickey` → {@link PublicKeyAnswerSchema}, or 404 `no_public_key`. `wait` holds the 404 back until there is a key. */
export const WaitQuerySchema = z.strictObject({ wait: WaitSchema.optional() });
/** The cluster's public key. */
export const PublicKeyAnswerSchema = z.object({ public_key: PublicKeyHexSchema });
