import { ReasonSchema, RequestIdSchema } from 'message-board/contract';
import { ErrorBodySchema } from 'service/errors';
import { request } from 'undici';
import { z } from 'zod';
import { Refusal } from './command.js';
import { CompactSignatureSchema, PublicKeyHexSchema } from './independent_verifier.js';

const TIMEOUT_MS = 10_000;

/** Where a gateway listens that was told nothing else. */
export const DEFAULT_GATEWAY = 'http://localhost:8000';
export const GatewayUrlSchema = z.url({ protocol: /^https?$/, error: 'must be a URL, http:// or https://' });

const PublicKeyAnswerSchema = z.object({ public_key: PublicKeyHexSchema });

const StatusSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('completed'), request_id: RequestIdSchema, signature: CompactSignatureSchema }),
  z.object({ status: z.enum(['pending', 'failed']), request_id: RequestIdSchema, reason: ReasonSchema.optional() }),
  z.object({ status: z.literal('not_found'), request_id: z.string() }),
]);
export type SigningStatus = z.infer<typeof StatusSchema>;

/** The cluster's public key. @throws Refusal when there is none, or no gateway */
export async function fetchPublicKey(gateway: string) {
  return (await get(gateway, '/publickey', PublicKeyAnswerSchema)).public_key;
}

/** @throws Refusal when there is no gateway, or it does not know */
export function fetchStatus(gateway: string, requestId: string): Promise<SigningStatus> {
  return get(gateway, `/status/${encodeURIComponent(requestId)}`, StatusSchema);
}

async function get<T>(gateway: string, path: string, schema: z.ZodType<T>): Promise<T> {
  const url = gateway.replace(/\/+$/, '') + path;
  const answer = await read(url);
  const error = ErrorBodySchema.safeParse(answer);
  if (error.success) throw new Refusal(`${url} answers: ${error.data.error.message}`);
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Refusal(`${url} does not answer as a gateway does: ${where.join('; ')}`);
}

/** @returns the answer's JSON, whatever its status; undefined when it is not JSON */
async function read(url: string): Promise<unknown> {
  try {
    const { body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return parseJson(await body.text());
  } catch (error) {
    throw new Refusal(`no answer from ${url}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
