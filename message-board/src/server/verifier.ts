import type {
  CreatePresignatureRequest, CreateRequest, NodeId, NodeStatus, PostMessage, PostPartialSignature, RequestRecord, StatementTexts,
  UpdateRequest,
} from '../contract/contract.js';
import type { StatementProof } from '../contract/node_statement.js';

/** The two lists of messages. */
export type Namespace = 'messages' | 'presignature-messages';

/** What a board requires of what is posted. Each check throws ServiceError 403 for what the board must not keep. */
export interface Verifier {
  /** Hash of the roster against which it checks; null when it checks nothing. */
  readonly rosterHash: string | null;
  message(namespace: Namespace, message: PostMessage): Promise<void>;
  partialSignature(body: PostPartialSignature): Promise<void>;
  presignatureRequest(body: CreatePresignatureRequest): Promise<void>;
  request(body: CreateRequest): Promise<void>;
  /** Has the gateway asked for this request, and not for the one that is known under its id? */
  mayDisplace(body: CreateRequest, rival: RequestRecord): Promise<boolean>;
  /** Checks what is new in an update. @returns the node whose refusal it brings, where that is known */
  update(record: RequestRecord, body: UpdateRequest): Promise<NodeId | undefined>;
  /** What the statements of nodes prove here. */
  readonly statements: StatementProof;
  /** @param verified texts of this node that were verified before */
  heartbeat(nodeId: NodeId, texts: StatementTexts, verified: StatementTexts | undefined): Promise<void>;
  /** The public keys that enough of these nodes state; none where anybody could have stated them. */
  statedKeys(statuses: Iterable<NodeStatus>): string[];
  /** May this be posted as the public key? */
  publicKey(publicKey: string, statuses: Iterable<NodeStatus>): void;
}
