/** The first two rounds that both key generations share: commit to a decommitment, echo the commitments. */
import { z } from 'zod';
import { digest, executionId, integer, leaf, option, struct, type Encoding } from '../hash/encoding.js';
import { equalBytes, xorBytes } from '../math/integer.js';
import { check } from '../base/errors.js';
import type { Round } from '../runtime/protocol.js';
import { bytesHexJson, DigestJson } from '../wire/json.js';
import type { ChainCodeMode, KeygenContext, PublicKeygenContext } from './context.js';

/** Round 1 of both: V_i. */
export interface Round1 {
  readonly commitment: Uint8Array;
}

export const round1: Round<Round1> = {
  variant: 'Round1',
  number: 1,
  delivery: 'broadcast',
  body: z.object({ commitment: DigestJson }),
};

/** V = SHA-256(sid, j, decommitment). */
export function commitmentTo(tag: string, sid: Uint8Array, party: number, decommitment: Encoding): Uint8Array {
  return digest(struct({ sid: executionId(sid), party_index: integer(party), decommitment }, `${tag}hash_commitment`));
}

/** What the echo round hashes for one party. */
export function echo(tag: string, sid: Uint8Array, { commitment }: Round1): Encoding {
  const message = struct({ commitment: leaf(commitment) }, `${tag}round1`);
  return struct({ sid: executionId(sid), commitment: message }, `${tag}echo_round`);
}

/** Fields that the second message of both key generations has. */
export const commonDecommitment = {
  rid: bytesHexJson(32),
  chain_code: bytesHexJson(32).nullish(),
  decommit: bytesHexJson(32),
};

export interface CommonDecommitment {
  readonly rid: Uint8Array;
  /** null (written as such) when there is none; undefined (not written) in the mode `absent`. */
  readonly chain_code?: Uint8Array | null | undefined;
  readonly decommit: Uint8Array;
}

/** Fresh randomness for a party's own decommitment. */
export function sampleCommon({ params, chainCode, rng }: KeygenContext): CommonDecommitment {
  const chain_code = { shared: () => rng(32), none: () => null, absent: () => undefined }[chainCode]();
  return { rid: rng(params.kappaBytes), chain_code, decommit: rng(params.kappaBytes) };
}

/** Hash field of the chain code, or no field. */
export function chainCodeEncoding(mode: ChainCodeMode, { chain_code }: CommonDecommitment): Record<string, Encoding> {
  return mode === 'absent' ? {} : { chain_code: option(chain_code == null ? null : leaf(chain_code)) };
}

/** How one of the key generations commits and opens. @param tag of its hashes @param encode the hashed fields of a decommitment */
export function commitments<D extends CommonDecommitment>(tag: string, encode: (mode: ChainCodeMode, opening: D) => Encoding) {
  /** V_j, the commitment to an opening. */
  const commit = ({ sid, chainCode }: PublicKeygenContext, j: number, opening: D): Round1 => ({
    commitment: commitmentTo(tag, sid, j, encode(chainCode, opening)),
  });
  return {
    commit,
    /** What the echo round hashes. */
    echoes: ({ sid }: PublicKeygenContext, messages: readonly Round1[]): Encoding[] => messages.map((message) => echo(tag, sid, message)),
    /** Party j's opening is the one that it has committed to, with a chain code when the key gets one. */
    checkOpening: (ctx: PublicKeygenContext, j: number, { commitment }: Round1, opening: D): void => {
      check('V_j = H(sid, j, decommitment_j)', equalBytes(commitment, commit(ctx, j, opening).commitment));
      check('chain_code_j is present', ctx.chainCode !== 'shared' || opening.chain_code != null);
    },
  };
}

/** rid: the XOR of all parties' parts. */
export function jointRid(openings: readonly CommonDecommitment[]): Uint8Array {
  return xorBytes(openings.map(({ rid }) => rid));
}

/** The key's chain code: the XOR of all parties' parts. @returns null when the key has none */
export function jointChainCode({ chainCode }: PublicKeygenContext, openings: readonly CommonDecommitment[]): Uint8Array | null {
  const codes = openings.flatMap(({ chain_code }) => (chain_code == null ? [] : [chain_code]));
  return chainCode === 'shared' ? xorBytes(codes) : null;
}
