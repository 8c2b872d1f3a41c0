import {
  combine, ProtocolAborted, ScalarJson, type Blame, type MessageHash, type PartialSignature, type Point, type Signature,
} from 'cggmp24';
import { payloadOf, type PartialSignature as Entry, type RequestRecord } from 'message-board/contract';
import { isPresignable, payloadBytes, payloadHashName, payloadSha256 } from 'message-board/payload';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import { PARTIAL_SIGNATURE } from 'sealing/kinds';
import { z } from 'zod';
import { nodeIndex } from '../base/utils.js';
import type { Accuser } from '../evidence/accuser.js';
import type { Seals } from '../mail/seals.js';
import type { StoredPresignature } from '../presigning/presignature_pool.js';

export interface CollectionDeps {
  /** Own party index. */
  readonly index: number;
  /** Nodes in the cluster. */
  readonly n: number;
  readonly seals: Pick<Seals, 'state' | 'stated'>;
  readonly accuser: Accuser;
  readonly keyShare: { readonly sharedPublicKey: Point };
  readonly logger: Logger;
}

/** A partial signature as its maker has stated it. `partial` is null when the statement has no valid number. */
interface StatedPartial {
  readonly party: number;
  readonly partial: PartialSignature | null;
  readonly statement: string;
}

/** What came of a collection. `wrong`: these makers have signed a partial signature that is wrong. */
export type CollectionOutcome =
  | { readonly kind: 'signed'; readonly signature: Signature }
  | { readonly kind: 'silent'; readonly missing: readonly number[] }
  | { readonly kind: 'wrong'; readonly makers: readonly number[] };

/** The partial signatures of one request from one presignature. The first that a signer has stated counts: it can blame only itself. */
export class Collection {
  readonly #stated = new Map<number, StatedPartial>();
  /** Names the payload in statements. */
  readonly messageHash: string;
  readonly #message: Uint8Array;
  readonly #hash: MessageHash;
  /** Senders in whose name something was ignored. */
  readonly #ignored = new Set<string>();

  /** @throws when no presignature may sign the request, whoever has assigned this one */
  constructor(
    private readonly deps: CollectionDeps,
    private readonly request: RequestRecord,
    private readonly stored: StoredPresignature,
  ) {
    const hash = payloadHashName(request);
    if (!isPresignable(request) || hash === null) throw new Error(`${request.id}: no presignature may sign it`);
    this.messageHash = payloadSha256(request);
    this.#message = payloadBytes(request);
    this.#hash = hash;
  }

  /** This node's own, in the form in which it is posted. It uses the presignature up. */
  async own(): Promise<string> {
    const { index, seals } = this.deps;
    const partial = this.stored.presignature.issuePartialSignature(this.#message, this.#hash);
    const sigma = z.encode(ScalarJson, partial.sigma).scalar;
    const claims = { request_id: this.request.id, message_sha256: this.messageHash, presignature_id: this.stored.id, sigma };
    const statement = await seals.state(PARTIAL_SIGNATURE, claims);
    this.#stated.set(index, { party: index, partial, statement });
    return statement;
  }

  /** Reads what the board has. What its sender has not stated for this request and presignature is ignored. */
  async add(entries: readonly Entry[]): Promise<void> {
    for (const stated of await Promise.all(entries.map((entry) => this.#read(entry)))) {
      if (stated !== null && !this.#stated.has(stated.party)) this.#stated.set(stated.party, stated);
    }
  }

  missing(): number[] {
    return this.stored.participants.filter((party) => !this.#stated.has(party));
  }

  /** null while a partial signature is missing, unless one of those that are there is no valid number. */
  outcome(): CollectionOutcome | null {
    const { participants, presignature } = this.stored;
    const all = participants.flatMap((party) => this.#stated.get(party) ?? []);
    const none = all.flatMap(({ party, partial }) => (partial === null ? [{ party, reason: 'sigma < q' }] : []));
    if (none.length > 0) return this.#accuse(none);
    const partials = all.flatMap(({ partial }) => partial ?? []);
    if (partials.length < participants.length) return null;
    try {
      const { sharedPublicKey } = this.deps.keyShare;
      const signature = combine(partials, presignature.publicData, sharedPublicKey, this.#message, true, this.#hash);
      return { kind: 'signed', signature };
    } catch (error) {
      if (!(error instanceof ProtocolAborted)) throw error;
      return this.#accuse(error.blame.map(({ party, reason }) => ({ party: participants[party] ?? party, reason })));
    }
  }

  #accuse(blame: readonly Blame[]): CollectionOutcome {
    const { id: requestId } = this.request;
    const payload = payloadOf(this.request);
    const statements = [...this.#stated.values()].map(({ statement }) => statement);
    const record = { kind: 'partial_signature', requestId, payload, making: this.stored.making, statements } as const;
    this.deps.accuser.accuse({ code: 'invalid_partial_signature', round: 'combine', blame, record });
    return { kind: 'wrong', makers: blame.map(({ party }) => party) };
  }

  async #read({ from_node: from, payload: statement }: Entry): Promise<StatedPartial | null> {
    const { n, index, seals } = this.deps;
    const party = nodeIndex(from, n);
    if (party === null || party === index || !this.stored.participants.includes(party)) return null;
    try {
      const { signer, claims } = await seals.stated(PARTIAL_SIGNATURE, statement);
      if (signer !== from) throw new Refused(`it is signed by ${signer}`);
      if (claims.request_id !== this.request.id) throw new Refused('it is for another request');
      // A signer that was shown another message has done nothing wrong.
      if (claims.message_sha256 !== this.messageHash) throw new Refused('it is for another message');
      if (claims.presignature_id !== this.stored.id) throw new Refused('it is from another presignature');
      const sigma = z.safeDecode(ScalarJson, { curve: 'secp256k1', scalar: claims.sigma });
      return { party, partial: sigma.success ? { sigma: sigma.data } : null, statement };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#logIgnored(from, error.message);
      return null;
    }
  }

  /** Once for each sender: a forger must not fill the log. */
  #logIgnored(from: string, reason: string): void {
    const fields = { event: 'partial_signature_ignored', request_id: this.request.id, from, reason };
    if (!this.#ignored.has(from)) this.deps.logger.warn(fields, 'An invalid partial signature was ignored');
    this.#ignored.add(from);
  }
}
