import type { Payload } from 'message-board/contract';
import { payloadSha256 } from 'message-board/payload';
import { Identity } from 'sealing/identity';
import { SIGNING_REQUEST } from 'sealing/kinds';
import { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';
import { identityText } from './fixed_identity.js';

export interface Members {
  readonly roster: Roster;
  /** By party index. */
  readonly identities: readonly Identity[];
  readonly gateway: Identity;
}

/** A cluster in which t of n nodes sign: the same roster and identities in every run. */
export function members(n = 4, t = 3, messages: 'sealed' | 'plain' = 'sealed'): Members {
  const identities = Array.from({ length: n }, (_, index) => Identity.parse(identityText(`node-${index + 1}`)));
  const gateway = Identity.parse(identityText('gateway'));
  const nodes = identities.map(({ publicIdentity }) => publicIdentity);
  const roster = new Roster({
    version: 1,
    cluster: '0123456789abcdef'.repeat(2),
    messages,
    threshold: t,
    nodes,
    gateway: gateway.publicIdentity,
  });
  return { roster, identities, gateway };
}

const LIFETIME_MS = 3_600_000;

/**
 * The gateway's signed statement that asks for a signature, as of `agoMs` ago: it expires an hour after that.
 * @param presignature_id the proposed one, if any
 */
export function originOf(
  { gateway, roster }: Members,
  id: string,
  asked: string | Payload,
  agoMs = 0,
  presignature_id?: string,
): Promise<string> {
  const time = Date.now() - agoMs;
  return sign(gateway, roster, SIGNING_REQUEST, {
    id,
    message_sha256: payloadSha256(typeof asked === 'string' ? { message: asked } : asked),
    time: new Date(time).toISOString(),
    expires: new Date(time + LIFETIME_MS).toISOString(),
    presignature_id,
  });
}
