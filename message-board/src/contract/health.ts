import { z } from 'zod';

const CountSchema = z.int().min(0);

/** `GET /health` → how much the board holds now. */
export const HealthSchema = z.object({
  status: z.literal('ok'),
  /** Does the board have the public key? */
  public_key: z.boolean(),
  /** Hash of the roster against which the board checks what is posted. Null: it checks nothing. */
  roster: z.string().regex(/^[0-9a-f]{64}$/).nullable().default(null),
  requests: z.object({ pending: CountSchema, finished: CountSchema, protocol: CountSchema }),
  presignature_requests: z.object({ open: CountSchema, finished: CountSchema }),
  /** Messages and partial signatures, of all requests and presignature requests. */
  entries: CountSchema,
  /** Size of all texts and of the objects around them, at two bytes a character. */
  stored_bytes: CountSchema,
  /** Readers held back by `wait`. */
  waiting: CountSchema,
});
export type Health = z.infer<typeof HealthSchema>;
