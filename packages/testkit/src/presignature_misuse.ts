/** The misuse of presignatures that tests of attacks and crashes look for in everything that a board was ever told. */
import { messageHash } from 'message-board/payload';
import { PARTIAL_SIGNATURE } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';

/** A node's signed statement of its part of a signature. */
export interface StatedPartial {
  readonly node: string;
  readonly request: string;
  /** SHA-256, hexadecimal. */
  readonly message: string;
  readonly presignature: string;
}

/** All partial signatures that members of the roster have signed, in all that a board was ever told. */
export async function partialSignatures(memory: Iterable<string>, roster: Roster): Promise<StatedPartial[]> {
  const texts = new Set([...memory].flatMap((text) => text.match(/[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}/g) ?? []));
  const stated = await Promise.all([...texts].map((text) => verify(roster, PARTIAL_SIGNATURE, text).catch(() => null)));
  return stated.flatMap((each) => {
    if (each === null) return [];
    const { request_id: request, message_sha256: message, presignature_id: presignature } = each.claims;
    return [{ node: each.signer, request, message, presignature }];
  });
}

/**
 * Finds partial signatures of messages that nobody asked for, and presignature halves that their maker has used twice. A board
 * that lies can make one maker use its half for one request, and another maker for another. Then neither request gets a
 * signature. Once all makers have signed one message, none can sign a second one (docs/threat_model.md).
 * @param asked messages by request id
 */
export function misuses(all: readonly StatedPartial[], asked: ReadonlyMap<string, string>): string[] {
  const isAsked = ({ request, message }: StatedPartial): boolean => {
    const wanted = asked.get(request);
    return wanted !== undefined && messageHash(wanted) === message;
  };
  const notAsked = all
    .filter((each) => !isAsked(each))
    .map(({ request, node }) => `${node} signed ${request}, which is not what was asked for`);
  const uses = new Map<string, Set<string>>();
  for (const { node, presignature, request, message } of all) {
    const half = `${presignature} of ${node}`;
    uses.set(half, (uses.get(half) ?? new Set()).add(`${request} ${message}`));
  }
  const twice = [...uses].filter(([, each]) => each.size > 1).map(([half, each]) => `${half} was used for ${[...each].join(' and ')}`);
  return [...notAsked, ...twice];
}
