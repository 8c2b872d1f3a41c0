import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serializeAuxInfo, serializeCoreKeyShare, type KeyShare } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { CreateRequest } from 'message-board/contract';
import { newRequestId } from 'message-board/ids';
import { PARTIAL_SIGNATURE, SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign, verify } from 'sealing/statement';
import { nodeId } from '../../src/base/utils.js';
import { sha256 } from '../../src/base/sha256.js';
import type { Members } from 'testkit/roster';

/** What a node has stated to be its part of a signature. */
export interface Partial {
  readonly node: string;
  readonly request: string;
  /** SHA-256, hexadecimal. */
  readonly message: string;
  readonly presignature: string;
}

/** All partial signatures that members of the roster have signed, in all that a board was ever told. */
export async function partialSignatures(memory: Iterable<string>, roster: Roster): Promise<Partial[]> {
  const texts = new Set([...memory].flatMap((text) => text.match(/[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}/g) ?? []));
  const stated = await Promise.all([...texts].map((text) => verify(roster, PARTIAL_SIGNATURE, text).catch(() => null)));
  return stated.flatMap((each) =>
    each === null ? [] : [{ node: each.signer, request: each.claims.request_id, message: each.claims.message_sha256, presignature: each.claims.presignature_id }],
  );
}

/**
 * Parts of signatures of anything that was not asked for, and presignatures of which a maker has used its half for two things.
 * A board that lies may get one maker's half used for one request and another's for another: that leaves both without a
 * signature, and once all makers have signed one message, none can have signed a second (docs/threat_model.md).
 * @param asked messages by request id
 */
export function misuses(all: readonly Partial[], asked: ReadonlyMap<string, string>): string[] {
  const isAsked = ({ request, message }: Partial): boolean => {
    const wanted = asked.get(request);
    return wanted !== undefined && sha256(wanted) === message;
  };
  const notAsked = all.filter((each) => !isAsked(each)).map(({ request, node }) => `${node} signed ${request}, which is not what was asked for`);
  const uses = new Map<string, Set<string>>();
  for (const { node, presignature, request, message } of all) {
    const half = `${presignature} of ${node}`;
    uses.set(half, (uses.get(half) ?? new Set()).add(`${request} ${message}`));
  }
  const twice = [...uses].filter(([, each]) => each.size > 1).map(([half, each]) => `${half} was used for ${[...each].join(' and ')}`);
  return [...notAsked, ...twice];
}

/** A request as the gateway makes it, with this presignature if any. */
export async function signedRequest({ gateway, roster }: Members, message: string, presignature_id?: string): Promise<CreateRequest & { readonly id: string }> {
  const id = newRequestId(Date.now(), randomBytes(8).toString('hex'));
  const origin = await sign(gateway, roster, SIGNING_REQUEST, { id, message_sha256: sha256(message), time: new Date().toISOString(), presignature_id });
  return { id, message, origin, presignature_id };
}

/** What the nodes offer to a gateway, alive or not, each once. */
export class Offers {
  readonly #taken = new Set<string>();

  constructor(private readonly board: BoardClient) {}

  async next(): Promise<string | undefined> {
    const offered = (await this.board.listNodes()).flatMap(({ status }) => Object.values(status.offers ?? {}).flat());
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
