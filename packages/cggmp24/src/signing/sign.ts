/** Full signing (figures 8 and 10 of the paper): presigning and, at once, the exchange of partial signatures. */
import type { Signature } from '../ecdsa.js';
import { broadcast, receive, type Protocol } from '../runtime/protocol.js';
import type { SigningContext } from './context.js';
import { round4 } from './messages.js';
import { presign } from './presign.js';
import { combine } from './presignature.js';

export function* sign(ctx: SigningContext, message: Uint8Array): Protocol<Signature> {
  const presignature = yield* presign(ctx);

  // Round 4
  const partial_sig = presignature.issuePartialSignature(message);
  yield* broadcast(round4, { partial_sig });
  const partials = yield* receive(round4);

  // Output
  const all = partials.withOwn(ctx.index, { partial_sig });
  const signatures = all.map(({ partial_sig: partial }) => partial);
  return combine(signatures, presignature.publicData, ctx.publicKey, message, ctx.reliableBroadcast);
}
