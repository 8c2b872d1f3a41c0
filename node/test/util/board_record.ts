import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serializeAuxInfo, serializeCoreKeyShare, type KeyShare } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { CreateRequest } from 'message-board/contract';
import { newRequestId } from 'message-board/ids';
import { nodeId } from '../../src/base/utils.js';
import { statusIn } from 'testkit/heartbeat';
import { originOf, type Members } from 'testkit/roster';

/** A request as the gateway makes it, with this presignature if any. */
export async function signedRequest(
  members: Members,
  message: string,
  presignature_id?: string,
): Promise<CreateRequest & { readonly id: string }> {
  const id = newRequestId(Date.now(), randomBytes(8).toString('hex'));
  return { id, message, origin: await originOf(members, id, message, 0, presignature_id), presignature_id };
}

/** What the nodes offer to a gateway, alive or not, each once. */
export class Offers {
  readonly #taken = new Set<string>();

  constructor(private readonly board: BoardClient) {}

  async next(): Promise<string | undefined> {
    const offered = (await this.board.listNodes()).flatMap((record) => Object.values(statusIn(record).offers ?? {}).flat());
    const id = offered.find((each) => !this.#taken.has(each));
    if (id !== undefined) this.#taken.add(id);
    return id;
  }
}

/** The files of a node that has its share already, in clear text. */
export async function writeKeyFiles(folder: string, { core, aux }: KeyShare): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, `key_share_${nodeId(core.index)}.json`), serializeCoreKeyShare(core), { mode: 0o600 });
  await writeFile(join(folder, `aux_info_${nodeId(core.index)}.json`), serializeAuxInfo(aux), { mode: 0o600 });
}
