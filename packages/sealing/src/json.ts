/** Reading what comes from outside: JSON by its schema, bytes in base64url. */
import type { z } from 'zod';
import { Refused } from './errors.js';

/** Is this the canonical base64url of some bytes? Every other spelling of the same bytes is not. */
export function isCanonical(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text;
}

/** @throws Refused naming the field */
export function parseJson<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused(`${what}: is not JSON`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refused(`${what}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`);
}
