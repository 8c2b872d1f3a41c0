import { check } from 'sealing/envelope';
import { Refused } from 'sealing/errors';
import { NAMING, PARTIAL_SIGNATURE, PRESIGNATURE_REQUEST, REQUEST_STATUS, SESSION } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify, type StatementKind } from 'sealing/statement';
import { ServiceError } from 'service/errors';
import {
  nodeNumber, type CreatePresignatureRequest, type CreateRequest, type NodeId, type NodeStatus, type PostMessage,
  type PostPartialSignature, type RequestRecord, type StatementTexts, type UpdateRequest,
} from '../contract/contract.js';
import { keysStatedBy, proofBy, verifyStatements, type StatementProof } from '../contract/node_statement.js';
import { refusalsToFail, verifyClosing, verifyRefusal } from '../contract/outcome.js';
import { payloadOf } from '../contract/payload.js';
import { askingFor } from '../contract/signing_request.js';
import { verifyUnsignedRefusal, type UnsignedRefusal } from '../contract/unsigned_requests.js';
import type { AskedRequest, MakersOf, Namespace, SignedFacts, Verifier } from './verifier.js';

/**
 * The checks of a sealed cluster's board: a member must have signed what is posted, for the very place where it is posted. Each check costs
 * one verification of a signature. The board keeps what passes. It may still be a lie of that member.
 */
export class SealedVerifier implements Verifier {
  readonly statements: StatementProof;
  readonly #roster: Roster;

  constructor(roster: Roster) {
    this.#roster = roster;
    this.statements = proofBy(roster);
  }

  get rosterHash(): string {
    return this.#roster.hash;
  }

  /** The nodes and the gateway. */
  get shares(): number {
    return this.#roster.n + 1;
  }

  async session(text: string): Promise<{ member: string; board: string; expires: number }> {
    const { signer, claims } = await verify(this.#roster, SESSION, text);
    return { member: signer, board: claims.board, expires: Date.parse(claims.expires) };
  }

  async message(namespace: Namespace, { request_id: session, from_node: from, to_node: to, round, payload }: PostMessage): Promise<void> {
    await rejecting('invalid_envelope', 'payload', () => check(this.#roster, { namespace, session, from, to, round }, payload));
  }

  async partialSignature({ request_id, from_node, payload }: PostPartialSignature): Promise<void> {
    await rejecting('invalid_statement', 'payload', async () => {
      const { signer, claims } = await this.#ofNode(PARTIAL_SIGNATURE, payload);
      same('from_node', signer, from_node);
      same('request_id', claims.request_id, request_id);
    });
  }

  async presignatureRequest({ request_id, participants, origin }: CreatePresignatureRequest): Promise<void> {
    await rejecting('invalid_statement', 'origin', async () => {
      const { claims } = await this.#ofNode(PRESIGNATURE_REQUEST, origin);
      same('request_id', claims.id, request_id);
      same('participants', String(claims.participants), String(participants));
    });
  }

  async request(body: CreateRequest): Promise<AskedRequest | null> {
    const { id = '', origin, presignature_id } = body;
    const asking = await askingFor(this.#roster, { ...payloadOf(body), id, origin });
    if (presignature_id !== undefined && asking?.proposal !== presignature_id) {
      const complaint = 'presignature_id: the gateway has not proposed it for this request';
      throw new ServiceError(403, 'invalid_statement', complaint);
    }
    return asking === null ? null : { lifetimeMs: asking.expires.getTime() - asking.time.getTime() };
  }

  get enoughRefusals(): number {
    return refusalsToFail(this.#roster);
  }

  unsignedRefusal(statement: string, board: string): Promise<UnsignedRefusal> {
    return rejecting('invalid_statement', 'refusal', () => verifyUnsignedRefusal(this.#roster, statement, board));
  }

  async update(record: RequestRecord, body: UpdateRequest, makersOf: MakersOf): Promise<SignedFacts> {
    const { presignature_id, naming, refusal, closing, reason, status, statement } = body;
    // The rules refuse a failure that somebody only says.
    if (reason !== undefined && status !== 'failed') await this.#status(record.id, reason, statement);
    if (presignature_id !== undefined && presignature_id !== record.presignature_id) {
      await this.#assignment(record.id, presignature_id, naming, makersOf(presignature_id));
    }
    const isNew = refusal !== undefined && record.refusals?.includes(refusal) !== true;
    return {
      refusal: isNew ? await rejecting('invalid_statement', 'refusal', () => verifyRefusal(this.#roster, record, refusal)) : undefined,
      closing: closing === undefined
        ? undefined
        : await rejecting('invalid_statement', 'closing', () => verifyClosing(this.#roster, record.id, closing)),
    };
  }

  async heartbeat(nodeId: NodeId, texts: StatementTexts, verified: StatementTexts | undefined): Promise<void> {
    await rejecting('invalid_statement', 'statements', () => verifyStatements(this.statements, nodeId, texts, verified));
  }

  statedKeys(statuses: Iterable<NodeStatus>): string[] {
    return keysStatedBy(this.#roster.t, statuses);
  }

  publicKey(publicKey: string, statuses: Iterable<NodeStatus>): void {
    if (this.statedKeys(statuses).includes(publicKey)) return;
    throw new ServiceError(403, 'unconfirmed_key', `public_key: fewer than ${this.#roster.t} nodes have stated it`);
  }

  async #status(requestId: string, reason: string, statement: string | undefined): Promise<void> {
    await rejecting('invalid_statement', 'statement', async () => {
      const { claims } = await this.#ofNode(REQUEST_STATUS, statement);
      same('request_id', claims.request_id, requestId);
      same('reason', claims.reason, reason);
    });
  }

  async #assignment(requestId: string, presignatureId: string, naming: string | undefined, makers: ReturnType<MakersOf>): Promise<void> {
    await rejecting('invalid_statement', 'naming', async () => {
      const { signer, claims } = await this.#ofNode(NAMING, naming);
      same('request_id', claims.request_id, requestId);
      same('presignature_id', claims.presignature_id, presignatureId);
      // Nodes ignore such a naming, and no other one could take its place.
      if (makers?.includes(nodeNumber(signer) - 1) === false) throw new Refused(`${signer} is no maker of ${presignatureId}`);
    });
  }

  /** Verifies a statement. @throws Refused when it is not of a node */
  async #ofNode<Claims>(kind: StatementKind<Claims>, statement: string | undefined): Promise<{ signer: NodeId; claims: Claims }> {
    const verified = await verify(this.#roster, kind, required(statement));
    if (!verified.signer.startsWith('node-')) throw new Refused(`it is a statement of ${verified.signer}, not of a node`);
    return verified;
  }
}

/** @throws Refused when it is missing */
function required(statement: string | undefined): string {
  if (statement === undefined) throw new Refused('is required: this board keeps only what is signed');
  return statement;
}

/** @throws Refused when the signer has meant something else than what is posted */
function same(field: string, signed: string, posted: string): void {
  if (signed !== posted) throw new Refused(`${field}: it was signed for ${signed}, not for ${posted}`);
}

/** Turns what a check refuses into the answer to the client. @param field the field that is wrong @throws ServiceError 403 */
async function rejecting<T>(code: string, field: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refused) throw new ServiceError(403, code, `${field}: ${error.message.slice(0, 512)}`);
    throw error;
  }
}
