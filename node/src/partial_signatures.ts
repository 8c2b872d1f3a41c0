import { combine, ProtocolAborted, ScalarJson, type PartialSignature, type Signature } from 'cggmp24';
import type { RequestRecord } from 'message-board/contract';
import { z } from 'zod';
import type { NodeContext } from './context.js';
import type { StoredPresignature } from './presignature_pool.js';
import { nodeId, nodeIndex } from './utils.js';

const PartialSignatureJson = z.object({ sigma: ScalarJson, presignature_id: z.string() });

/** What a node posts: its part, and the presignature it belongs to. */
function payload(partial: PartialSignature, presignatureId: string): string {
  return JSON.stringify(z.encode(PartialSignatureJson, { sigma: partial.sigma, presignature_id: presignatureId }));
}

/** null for anything that is no partial signature from this presignature. */
function parsePayload(text: string, presignatureId: string): PartialSignature | null {
  try {
    const { sigma, presignature_id } = z.decode(PartialSignatureJson, JSON.parse(text) as z.input<typeof PartialSignatureJson>);
    return presignature_id === presignatureId ? { sigma } : null;
  } catch {
    return null;
  }
}

/** The partial signatures of one request: the first acceptable one of each signer counts, until it proves wrong. */
class Collection {
  readonly #candidates: PartialSignature[][];

  constructor(readonly signers: readonly number[]) {
    this.#candidates = signers.map(() => []);
  }

  /** @param party index in the cluster */
  add(party: number, partial: PartialSignature): void {
    this.#candidates[this.signers.indexOf(party)]?.push(partial);
  }

  /** One of each signer, in their order; null while one is missing. */
  complete(): PartialSignature[] | null {
    const firsts = this.#candidates.flatMap(([first]) => (first === undefined ? [] : [first]));
    return firsts.length === this.signers.length ? firsts : null;
  }

  /** A wrong one is ignored and its place stays open: until messages are signed, anyone may have posted it. */
  discard(position: number): void {
    this.#candidates[position]?.shift();
  }

  missing(): number[] {
    return this.signers.filter((_, position) => this.#candidates[position]?.length === 0);
  }
}

/** The signature, once all parts are there and right; null while they are not. */
function tryCombine(context: NodeContext, { presignature }: StoredPresignature, collection: Collection, message: Uint8Array, requestId: string): Signature | null {
  for (let partials = collection.complete(); partials !== null; partials = collection.complete()) {
    try {
      return combine(partials, presignature.publicData, context.keyShare.sharedPublicKey, message);
    } catch (error) {
      if (!(error instanceof ProtocolAborted)) throw error;
      const makers = error.blame.map(({ party }) => collection.signers[party] ?? -1);
      context.logger.warn({ event: 'partial_signature_ignored', request_id: requestId, from: makers.map(nodeId) }, 'Wrong partial signature ignored');
      for (const { party } of error.blame) collection.discard(party);
    }
  }
  return null;
}

/** What came of a collection. */
export type CollectionOutcome = { readonly kind: 'signed'; readonly signature: Signature } | { readonly kind: 'silent'; readonly missing: readonly number[] };

/**
 * Signs with one presignature: issues our partial signature, posts it, collects the others' and combines. The caller has
 * taken the presignature out of the pool; it is spent, whatever comes out.
 *
 * @returns `silent` with who is missing when the deadline passes
 */
export async function exchangePartialSignatures(context: NodeContext, request: RequestRecord, stored: StoredPresignature, signal: AbortSignal): Promise<CollectionOutcome> {
  const { client, config } = context;
  const message = Buffer.from(request.message);
  const own = stored.presignature.issuePartialSignature(message);
  await client.postPartialSignature({ request_id: request.id, from_node: nodeId(context.index), payload: payload(own, stored.id) }, signal);

  const collection = new Collection(stored.participants);
  const deadline = performance.now() + config.fastSigningTimeoutMs;
  let after: string | undefined;
  for (;;) {
    const wait = Math.ceil(deadline - performance.now());
    if (wait <= 0) return { kind: 'silent', missing: collection.missing() };
    const entries = await client.listPartialSignatures(request.id, { after, wait: Math.min(wait, 30_000), signal });
    for (const entry of entries) {
      const party = nodeIndex(entry.from_node, context.n);
      const partial = parsePayload(entry.payload, stored.id);
      if (party !== null && partial !== null) collection.add(party, partial);
    }
    after = entries.at(-1)?.id ?? after;
    const signature = tryCombine(context, stored, collection, message, request.id);
    if (signature !== null) return { kind: 'signed', signature };
  }
}

