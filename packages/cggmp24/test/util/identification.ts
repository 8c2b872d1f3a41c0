/** Presignings that fail at a sum, and what the honest signers make of it. */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { KeyShare } from '../../src/key_share/key_share.js';
import { G, toScalar, type Point, type Scalar } from '../../src/math/curve.js';
import { randomScalar } from '../../src/math/random.js';
import { at } from '../../src/base/at.js';
import { peersOf, type Protocol } from '../../src/runtime/protocol.js';
import { Session } from '../../src/runtime/session.js';
import { signingContext, type SigningContext } from '../../src/signing/context.js';
import { allIdentificationRounds } from '../../src/signing/identification_messages.js';
import { round3, signingRounds, type Round3 } from '../../src/signing/messages.js';
import { presign } from '../../src/signing/presign.js';
import type { Presignature } from '../../src/signing/presignature.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { cheating, hears, says, type Lie } from './cheating.js';

/** Challenge bits with which no lie passes by luck where everything is drawn from fixed seeds; runs take a third of the time. */
const FEW_BITS = 12;
export const SID = utf8ToBytes('identification');

export interface Group {
  readonly shares: readonly KeyShare[];
  /** Key-share indices. */
  readonly signers: readonly number[];
  /** Challenge bits. */
  readonly m?: number;
}

export function contextOf({ shares, signers, m = FEW_BITS }: Group, position: number, path: readonly number[] = []): SigningContext {
  const rng = seededRng(`identification ${position}`);
  const share = at(shares, at(signers, position));
  const ctx = signingContext({ executionId: SID, signers, path, share, reliableBroadcast: true, identification: true, rng });
  return { ...ctx, params: { ...ctx.params, m } };
}

/** k and gamma: the first two scalars that a signer draws. */
export function ephemeralOf(position: number): { k: Scalar; gamma: Scalar } {
  const rng = seededRng(`identification ${position}`);
  const k = randomScalar(rng);
  return { k, gamma: randomScalar(rng) };
}

/** A run of one signer, who lies or not. */
export function signer<T>(ctx: SigningContext, protocol: Protocol<T>, lies: readonly Lie[] = []): Session<T> {
  const { params, signers: parties, index } = ctx;
  const rounds = [...signingRounds, ...allIdentificationRounds(params, parties)];
  return new Session({ protocol: cheating(protocol, peersOf(index, parties), lies), rounds, index, parties });
}

export type Lies = ReadonlyMap<number, readonly Lie[]>;

/** Presigning by all signers, of whom those with lies are cheats. */
export function presigners(group: Group, lies: Lies): Session<Presignature>[] {
  return group.signers.map((_, position) => {
    const ctx = contextOf(group, position);
    return signer(ctx, presign(ctx), lies.get(position));
  });
}

/** Says a share that is by `error` more than its own, and hears `victim` say so: it then sees the same sum fail as the others do. */
export function wrongDelta(victim: number, error = 1n): Lie[] {
  const add = (body: Round3): Round3 => ({ ...body, delta: toScalar(body.delta + error) });
  return [says(round3, add), hears(round3, (body, from) => (from === victim ? add(body) : body))];
}

/** The same with S_i. */
export function wrongS(victim: number, error: Point = G): Lie[] {
  const add = (body: Round3): Round3 => ({ ...body, S: body.S.add(error) });
  return [says(round3, add), hears(round3, (body, from) => (from === victim ? add(body) : body))];
}
