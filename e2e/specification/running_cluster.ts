/**
 * The cluster that is checked: one that was made lately, as `./scripts/demo.sh --keep` leaves it, so that its board still has the
 * messages of key generation. `./scripts/test.sh --specification` says where it is.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { bodyOf, eventually, HttpService } from './http.js';
import { CompletedAnswerSchema, PublicKeySchema, SignAnswerSchema, StatusAnswerSchema } from './schemas.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const NODES = ['node-1', 'node-2', 'node-3', 'node-4'] as const;
export type NodeName = (typeof NODES)[number];

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: run ./scripts/test.sh --specification`);
  return value;
}

export const gateway = new HttpService(setting('GATEWAY_URL'));
export const board = new HttpService(setting('BOARD_URL'));
/** One folder for each member. */
export const dataRoot = setting('DATA_ROOT');
/** What its members' files are sealed under. */
export const sealKey = process.env['SEAL_KEY'] ?? `key-file:${join(dataRoot, 'seal.key')}`;

const LogLineSchema = z.looseObject({ level: z.int(), time: z.iso.datetime(), msg: z.string() });
export type LogLine = z.infer<typeof LogLineSchema>;

/** A log file, line by line. @throws when a line is not JSON with a level, a time and a message */
export async function linesOf(path: string): Promise<LogLine[]> {
  const text = await readFile(path, 'utf8');
  // The last one may be only half written.
  return text.split('\n').slice(0, -1).map((line) => LogLineSchema.parse(JSON.parse(line)));
}

export function logOf(node: NodeName): Promise<LogLine[]> {
  return linesOf(join(setting('LOG_DIR'), `${node}.log`));
}

export interface SignedMessage {
  readonly message: string;
  readonly requestId: string;
  /** JSON of r and s. */
  readonly signature: string;
}

/** Signs as a client of the specification does: asks, then looks at the status until it is completed. */
export async function sign(message: string, at: HttpService = gateway): Promise<SignedMessage> {
  const { request_id: requestId } = bodyOf(await at.post('/sign', { message }), 200, SignAnswerSchema);
  const signature = await eventually(`${requestId} is completed`, async () => {
    const answer = await at.get(`/status/${requestId}`);
    if (bodyOf(answer, 200, StatusAnswerSchema).status === 'pending') return undefined;
    return bodyOf(answer, 200, CompletedAnswerSchema).signature;
  });
  return { message, requestId, signature };
}

export async function publicKey(at: HttpService = gateway): Promise<string> {
  return bodyOf(await at.get('/publickey'), 200, PublicKeySchema).public_key;
}
