/** What the nodes' audit logs and the gateway say of a soaked cluster, after all: was anything signed that must not be? */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GatewayClient } from 'api-gateway/client';
import type { BoardClient } from 'message-board/client';
import { messageHash } from 'message-board/payload';
import { z } from 'zod';
import type { ClusterFiles } from '../cluster_files.js';
import type { Asked } from './load.js';

const LineSchema = z.object({
  event: z.string(),
  fields: z.object({ request_id: z.string().optional(), message_sha256: z.string().optional(), presignature_id: z.string().optional() }),
});
type NodeFolders = Pick<ClusterFiles, 'dataOf'>;
type Line = z.infer<typeof LineSchema>;

async function auditLines(files: NodeFolders, nodes: number): Promise<Line[]> {
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  const texts = await Promise.all(numbers.map((number) => readFile(join(files.dataOf(number), `audit_node-${number}.log`), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter((line) => line.endsWith('}')).map((line) => LineSchema.parse(JSON.parse(line))));
}

/** Presignatures that signed for two requests or two messages, and requests under which two messages were signed. */
export async function misusesIn(files: NodeFolders, nodes: number, asked: readonly Asked[]): Promise<string[]> {
  const uses = new Map<string, Set<string>>();
  const add = (what: string, use: string): void => void uses.set(what, (uses.get(what) ?? new Set()).add(use));
  for (const { event, fields } of await auditLines(files, nodes)) {
    const { request_id = '', message_sha256 = '', presignature_id } = fields;
    if (event !== 'partial_signature' && event !== 'signature_verified') continue;
    add(`request ${request_id}`, message_sha256);
    if (presignature_id !== undefined) add(`presignature ${presignature_id}`, `${request_id} ${message_sha256}`);
  }
  for (const { id, message } of asked) if (id !== undefined) add(`request ${id}`, messageHash(message));
  return [...uses].filter(([, each]) => each.size > 1).map(([what, each]) => `${what} was used for ${[...each].join(' and ')}`);
}

/** Requests that end in another way when they are asked about again. */
export async function changedOutcomes(gateway: GatewayClient, asked: readonly Asked[]): Promise<string[]> {
  const changed: string[] = [];
  for (const { id, message, outcome, signature } of asked) {
    if (id === undefined || (outcome !== 'completed' && outcome !== 'failed')) continue;
    const again = await gateway.status(id, message).catch((error: unknown) => ({ status: String(error), signature: undefined }));
    if (again?.status === outcome && again.signature === signature) continue;
    changed.push(`${id} was ${outcome}, and is ${again === undefined ? 'not known any more' : again.status}`);
  }
  return changed;
}

/** Requests for which the board shows another signature than the gateway has answered. */
export async function differentSignatures(board: Pick<BoardClient, 'getRequest'>, asked: readonly Asked[]): Promise<string[]> {
  const different: string[] = [];
  for (const { id, signature } of asked) {
    if (id === undefined || signature === undefined) continue;
    const shown = (await board.getRequest(id))?.signature;
    if (shown === undefined || shown === signature) continue;
    different.push(`${id} has two signatures: ${signature} at the gateway, ${shown} at the board`);
  }
  return different;
}
