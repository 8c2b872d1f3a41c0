import type {
  CreatePresignatureRequest, CreateRequest, NodeId, NodeStatus, PostMessage, PostPartialSignature, RequestRecord, StatementTexts,
  UpdateRequest,
} from '../contract/contract.js';
import type { UnsignedRefusal } from '../contract/unsigned_requests.js';
import type { StatementProof } from '../contract/node_statement.js';
import type { UpdateFacts } from '../store/request_rules.js';

/** The two lists of messages. */
export type Namespace = 'messages' | 'presignature-messages';

/** A request that counts as the gateway's. */
export interface AskedRequest {
  /** How long after its arrival it expires; null when nobody has signed that. */
  readonly lifetimeMs: number | null;
}

/** What a member has signed in an update. */
export type SignedFacts = Pick<UpdateFacts, 'refusal' | 'closing'>;

/** The party indices of those who made a presignature; undefined when the board has forgotten them, or never knew. */
export type MakersOf = (presignatureId: string) => readonly number[] | undefined;

/** What a board checks before it keeps something. Each check throws ServiceError 403 for what it must not keep. */
export interface Verifier {
  /** Hash of the roster against which it checks; null when it checks nothing. */
  readonly rosterHash: string | null;
  /** How many members share the board; 1 when it cannot tell them apart. */
  readonly shares: number;
  /** Whose session is it, and for what? @throws Refused when no member has signed it */
  session(text: string): Promise<{ member: string; board: string; expires: number }>;
  /** Has its sender sealed it for this place? */
  message(namespace: Namespace, message: PostMessage): Promise<void>;
  /** Has its sender signed it for this request? */
  partialSignature(body: PostPartialSignature): Promise<void>;
  /** Has a node asked these participants for it? */
  presignatureRequest(body: CreatePresignatureRequest): Promise<void>;
  /** Has the gateway signed this request? It must have proposed the presignature that the request names. */
  request(body: CreateRequest): Promise<AskedRequest | null>;
  /** Has a node signed this for requests that the gateway has not signed? @param board the life of the board */
  unsignedRefusal(statement: string, board: string): Promise<UnsignedRefusal>;
  /** As many nodes must refuse a request that too few are left to sign it. Infinity without checks: whoever says so fails it. */
  readonly enoughRefusals: number;
  /** Has a member signed what is new in the update? @returns what it has signed */
  update(record: RequestRecord, body: UpdateRequest, makersOf: MakersOf): Promise<SignedFacts>;
  /** What the texts of node statements prove here. */
  readonly statements: StatementProof;
  /** Has the node signed its statements? @param verified texts of this node that were verified before */
  heartbeat(nodeId: NodeId, texts: StatementTexts, verified: StatementTexts | undefined): Promise<void>;
  /** The public keys that at least t of these nodes state. None without checks: anybody could have stated them. */
  statedKeys(statuses: Iterable<NodeStatus>): string[];
  /** Do at least t of these nodes state this public key? */
  publicKey(publicKey: string, statuses: Iterable<NodeStatus>): void;
}
