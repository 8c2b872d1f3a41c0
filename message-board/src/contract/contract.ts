/**
 * The message board's HTTP contract: every body, query and answer, as zod schemas and the types they infer.
 *
 * What the board *receives* (bodies, queries) is strict: an unknown key is refused by name. What a client *parses* (records,
 * health) drops keys it does not know, so that a board and its clients may be upgraded one after the other.
 *
 * Lists are bare arrays in the board's order. A list answer is cut after about 16 MiB: read on with `after` until it is empty.
 *
 * - `after`: the id of the last element seen; only later ones are answered. Unknown (another life of the board, or
 *   forgotten): from the start. The cursor is a position in the list's order of arrival, so an element that no longer passes the
 *   filter (a request that was pending then) is still a good cursor.
 * - `wait`: milliseconds, 0 to 30,000, for which an empty answer is held back until there is something to answer.
 * - `changed_after`, on `GET /requests` instead of `after`: the `revision` of the last element seen. Every change of a request
 *   (posted, named a presignature, given a reason, finished) gives it a new, later revision, and elements come in order of
 *   revision. With `status=pending` and `wait` this one reading tells a node of new work and of names set on it; without
 *   `status` also of what finished. Begin with `changed_after=0`. A revision of another life of the board means from the start.
 *
 * A board with the roster of a sealed cluster keeps only what a member has signed for the very place where it is posted. It
 * refuses the rest: 403 `invalid_envelope` for messages, `invalid_statement` for everything else, `unconfirmed_key` for a public key.
 * Signing requests are kept unchecked, for the nodes to refuse where everybody sees it; but not with a presignature that nobody has proposed.
 *
 * All errors have the shape of `ErrorBodySchema` in `service/errors`. 400 malformed, 403 not signed as it has to be, 404 unknown,
 * 409 against what is stored, 413 too large, 415 not JSON, 429 a limit is reached, 503 closing.
 */
export {
  formatSignature, MAX_MESSAGE_BYTES, MAX_WAIT_MS, type NodeId, NodeIdSchema, OriginSchema, parseSignature, PublicKeyHexSchema,
  ReasonSchema, type Recipient, RecipientSchema, type RequestId, RequestIdSchema, SignatureSchema, SigningMessageSchema, StatementSchema,
  type Status, StatusSchema,
} from './contract_fields.js';
export * from './entries.js';
export * from './health.js';
export { contentOf, MAX_OFFERS, type NodeStatus, type SetupStatus } from './node_status.js';
export * from './nodes.js';
export * from './presignature_requests.js';
export * from './public_key.js';
export * from './requests.js';

/** Header of the board's answers: a name for this life of it. Another life remembers nothing. */
export const INSTANCE_HEADER = 'x-board-instance';
