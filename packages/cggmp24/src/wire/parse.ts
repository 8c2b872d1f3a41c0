import { z } from 'zod';
import { checkArgument, Text } from '../base/arguments.js';
import { InvalidArgument } from '../base/errors.js';

/**
 * Parses JSON text of a file or a caller.
 * @throws InvalidArgument naming the first wrong field; the text itself, which may be secret, is never in the message
 */
export function parseWith<T>(schema: z.ZodType<T>, text: string, what: string): T {
  checkArgument(what, Text, text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InvalidArgument(what, 'not JSON');
  }
  const result = z.safeDecode(schema, json);
  if (result.success) return result.data;
  throw new InvalidArgument(what, firstIssue(result.error));
}

/** Refuses a decoded value as a whole, from within a codec: an object's own refinement would also see unparsed fields. */
export function refuse(ctx: z.core.ParsePayload, message: string): never {
  ctx.issues.push({ code: 'custom', message, input: undefined });
  return z.NEVER;
}

/** Where and what, of the first issue. */
export function firstIssue(error: z.core.$ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'invalid';
  const path = issue.path.join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
