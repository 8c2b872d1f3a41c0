import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serializeAuxInfo, serializeCoreKeyShare, type KeyShare } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { CreateRequest } from 'message-board/contract';
import { newRequestId } from 'message-board/ids';
import { ServiceError } from 'service/errors';
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
class Offers {
  readonly #taken = new Set<string>();

  constructor(private readonly board: BoardClient) {}

  async next(): Promise<string | undefined> {
    const offered = (await this.board.listNodes()).flatMap((record) => Object.values(statusIn(record).offers ?? {}).flat());
    const id = offered.find((each) => !this.#taken.has(each));
    if (id !== undefined) this.#taken.add(id);
    return id;
  }
}

/** Asks for signatures as the gateway does: it signs each request, and proposes a presignature for every second one. */
export class Asker {
  /** Messages by request id. */
  readonly asked = new Map<string, string>();
  readonly #offers: Offers;

  constructor(
    private readonly members: Members,
    private readonly board: BoardClient,
  ) {
    this.#offers = new Offers(board);
  }

  async ask(message: string): Promise<string> {
    const isProposing = this.asked.size % 2 === 0;
    for (;;) {
      const request = await signedRequest(this.members, message, isProposing ? await this.#offers.next() : undefined);
      this.asked.set(request.id, message);
      try {
        await this.board.createRequest(request);
        return request.id;
      } catch (error) {
        // A node has assigned it to an earlier request in the meantime. The board has not taken this request.
        if (!(error instanceof ServiceError && error.code === 'presignature_conflict')) throw error;
        this.asked.delete(request.id);
      }
    }
  }
}

/** The files of a node that has its share already, in clear text. */
export async function writeKeyFiles(folder: string, { core, aux }: KeyShare): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, `key_share_${nodeId(core.index)}.json`), serializeCoreKeyShare(core), { mode: 0o600 });
  await writeFile(join(folder, `aux_info_${nodeId(core.index)}.json`), serializeAuxInfo(aux), { mode: 0o600 });
}
