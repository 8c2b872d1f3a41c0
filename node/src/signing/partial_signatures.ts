import { combine, ProtocolAborted, ScalarJson, type Blame, type PartialSignature, type Signature } from 'cggmp24';
import type { PartialSignature as Entry, RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import { Refused } from 'sealing/errors';
import { PARTIAL_SIGNATURE } from 'sealing/kinds';
import { z } from 'zod';
import type { NodeContext } from '../context.js';
import type { StoredPresignature } from '../presigning/presignature_pool.js';
import { sleepWhile } from '../cluster/reading.js';
import { announcedAttempts } from './signing_plan.js';
import { isReady } from '../cluster/readiness.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';

/**
 * Whoever posts the last one is answered all of them, and publishes. The others look after so long, times their place, ms, should
 * nothing come of it; earlier when one of the signers is down, or has gone on to full signing.
 */
const LOOK_PATIENCE_MS = 500;

/** A partial signature as its maker has stated it. `partial` is null when the number is none. */
interface Stated {
  readonly party: number;
  readonly partial: PartialSignature | null;
  readonly statement: string;
}

/** What came of a collection. `wrong`: these makers have signed one that is wrong. */
export type CollectionOutcome =
  | { readonly kind: 'signed'; readonly signature: Signature }
  | { readonly kind: 'silent'; readonly missing: readonly number[] }
  | { readonly kind: 'wrong'; readonly makers: readonly number[] };

/** The partial signatures of one request from one presignature. The first that a signer has stated counts: it can blame only itself. */
class Collection {
  readonly #stated = new Map<number, Stated>();
  /** SHA-256, hexadecimal. */
  readonly messageHash: string;
  readonly #refused = new Set<string>();

  constructor(
    private readonly context: NodeContext,
    private readonly request: RequestRecord,
    private readonly stored: StoredPresignature,
  ) {
    this.messageHash = messageHash(request.message);
  }

  /** Ours, as it is to be posted. */
  async own(partial: PartialSignature): Promise<string> {
    const { index, seals } = this.context;
    const sigma = z.encode(ScalarJson, partial.sigma).scalar;
    const claims = { request_id: this.request.id, message_sha256: this.messageHash, presignature_id: this.stored.id, sigma };
    const statement = await seals.state(PARTIAL_SIGNATURE, claims);
    this.#stated.set(index, { party: index, partial, statement });
    return statement;
  }

  /** Takes in what the board has; anything that its sender has not stated for this request and presignature is ignored. */
  async add(entries: readonly Entry[]): Promise<void> {
    for (const stated of await Promise.all(entries.map((entry) => this.#read(entry)))) {
      if (stated !== null && !this.#stated.has(stated.party)) this.#stated.set(stated.party, stated);
    }
  }

  missing(): number[] {
    return this.stored.participants.filter((party) => !this.#stated.has(party));
  }

  /** Once one of each is there; null while one is missing. */
  outcome(): CollectionOutcome | null {
    const { participants, presignature } = this.stored;
    const all = participants.flatMap((party) => this.#stated.get(party) ?? []);
    const none = all.flatMap(({ party, partial }) => (partial === null ? [{ party, reason: 'sigma < q' }] : []));
    if (none.length > 0) return this.#accuse(none);
    const partials = all.flatMap(({ partial }) => partial ?? []);
    if (partials.length < participants.length) return null;
    try {
      return { kind: 'signed', signature: combine(partials, presignature.publicData, this.context.keyShare.sharedPublicKey, Buffer.from(this.request.message)) };
    } catch (error) {
      if (!(error instanceof ProtocolAborted)) throw error;
      return this.#accuse(error.blame.map(({ party, reason }) => ({ party: participants[party] ?? party, reason })));
    }
  }

  #accuse(blame: readonly Blame[]): CollectionOutcome {
    const { id: requestId, message } = this.request;
    const statements = [...this.#stated.values()].map(({ statement }) => statement);
    const record = { kind: 'partial_signature', requestId, message, making: this.stored.making, statements } as const;
    this.context.culprits.accuse({ code: 'invalid_partial_signature', round: 'combine', blame, record });
    return { kind: 'wrong', makers: blame.map(({ party }) => party) };
  }

  async #read({ from_node: from, payload: statement }: Entry): Promise<Stated | null> {
    const { n, index, seals, logger } = this.context;
    const party = nodeIndex(from, n);
    if (party === null || party === index || !this.stored.participants.includes(party)) return null;
    try {
      const { signer, claims } = await seals.stated(PARTIAL_SIGNATURE, statement);
      if (signer !== from) throw new Refused(`it is signed by ${signer}`);
      if (claims.request_id !== this.request.id) throw new Refused('it is for another request');
      // Who was shown another message has done nothing wrong.
      if (claims.message_sha256 !== this.messageHash) throw new Refused('it is for another message');
      if (claims.presignature_id !== this.stored.id) throw new Refused('it is from another presignature');
      const sigma = z.safeDecode(ScalarJson, { curve: 'secp256k1', scalar: claims.sigma });
      return { party, partial: sigma.success ? { sigma: sigma.data } : null, statement };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const fields = { event: 'partial_signature_ignored', request_id: this.request.id, from, reason: error.message };
      if (!this.#refused.has(from)) logger.warn(fields, 'A partial signature was refused and ignored');
      this.#refused.add(from);
      return null;
    }
  }
}

/**
 * Signs with one presignature: issues our partial signature, posts it, and combines it with the others' once they are there. The caller has
 * taken the presignature out of the pool; it is spent, whatever comes out.
 *
 * The partial signature is in the audit log before it is computed.
 *
 * @returns `silent` with who is missing when the deadline passes, or as soon as one of them is known to be down
 */
export async function exchangePartialSignatures(context: NodeContext, request: RequestRecord, stored: StoredPresignature, signal: AbortSignal): Promise<CollectionOutcome> {
  const { client, config, presence, audit } = context;
  const collection = new Collection(context, request, stored);
  const record = { request_id: request.id, message_sha256: collection.messageHash, presignature_id: stored.id, signers: signersLabel(stored.participants) };
  signal.throwIfAborted();
  await audit.record({ event: 'partial_signature', fields: record });
  signal.throwIfAborted();
  const own = stored.presignature.issuePartialSignature(Buffer.from(request.message));
  const posted = await client.exchangePartialSignature({ request_id: request.id, from_node: nodeId(context.index), payload: await collection.own(own) }, signal);
  await collection.add(posted);
  const atOnce = collection.outcome();
  if (atOnce !== null) return atOnce;

  const lost = new AbortController();
  const isLost = (): boolean => collection.missing().some((party) => !isReady(context, party));
  const look = (): void => {
    if (isLost()) lost.abort(new DOMException('a signer is down', 'AbortError'));
  };
  const deadline = performance.now() + config.fastSigningTimeoutMs;
  const patience = Math.min(LOOK_PATIENCE_MS * (1 + stored.participants.indexOf(context.index)), config.fastSigningTimeoutMs);
  await sleepWhile(context, patience, signal, () => !isLost() && announcedAttempts(context, request.id, new Set()).length === 0);
  signal.throwIfAborted();
  const unsubscribe = presence.onChange(look);
  const waiting = AbortSignal.any([signal, lost.signal]);
  let after = posted.at(-1)?.id;
  let wait = 0;
  try {
    for (;;) {
      const entries = await client.listPartialSignatures(request.id, { after, wait: Math.min(wait, 30_000), signal: waiting });
      await collection.add(entries);
      after = entries.at(-1)?.id ?? after;
      const outcome = collection.outcome();
      if (outcome !== null) return outcome;
      look();
      wait = Math.ceil(deadline - performance.now());
      if (wait <= 0 || lost.signal.aborted) return { kind: 'silent', missing: collection.missing() };
    }
  } catch (error) {
    if (lost.signal.aborted && !signal.aborted) return { kind: 'silent', missing: collection.missing() };
    throw error;
  } finally {
    unsubscribe();
  }
}
