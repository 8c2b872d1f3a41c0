/** Full signing (figures 8 and 10 of the paper): presigning and, at once, the exchange of partial signatures. */
import type { Signature } from '../ecdsa.js';
import { broadcast, receive, type Protocol } from '../runtime/protocol.js';
import type { SigningContext } from './context.js';
import { round4 } from './messages.js';
import { presign } from './presign.js';
import { combineFor, digestToScalar, issueFor } from './presignature.js';

/** @param digest the 32 bytes that are signed. All signers have to have fixed them before they begin */
export function* sign(ctx: SigningContext, digest: Uint8Array): Protocol<Signature> {
  const presignature = yield* presign(ctx);

  // Round 4
  const partial_sig = issueFor(presignature, digestToScalar(digest));
  yield* broadcast(round4, { partial_sig });
  const partials = yield* receive(round4);

  // Output
  const all = partials.withOwn(ctx.index, { partial_sig });
  const signatures = all.map(({ partial_sig: partial }) => partial);
  return combineFor(signatures, presignature.publicData, ctx.publicKey, digest, ctx.reliableBroadcast);
}
