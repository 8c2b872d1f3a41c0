import { z } from 'zod';

const CountSchema = z.int().min(0);
/** `GET /health`: counts of what is held now. */
export const HealthSchema = z.object({
  status: z.literal('ok'),
  public_key: z.boolean(),
  /** Hash of the roster against which it checks what is posted; null when it checks nothing. */
  roster: z.string().nullable().default(null),
  requests: z.object({ pending: CountSchema, finished: CountSchema, protocol: CountSchema }),
  presignature_requests: z.object({ open: CountSchema, finished: CountSchema }),
  /** Entries of all message and partial signature lists. */
  entries: CountSchema,
  /** Texts held, at two bytes a character. */
  stored_bytes: CountSchema,
  /** Readers held back by `wait`. */
  waiting: CountSchema,
});
export type Health = z.infer<typeof HealthSchema>;
