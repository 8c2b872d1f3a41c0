/**
 * The message board's HTTP contract: every body, query and answer, as zod schemas and the types they infer.
 *
 * What the board *receives* (bodies, queries) is strict: an unknown key is refused by name. What a client *parses* (records,
 * health) is not: unknown keys are dropped. So a board and its clients may be upgraded one after the other.
 *
 * One life of the board is the time from its start to its end. It keeps everything in memory: the next life knows nothing of it.
 *
 * A list is a bare array in the board's order. An answer is cut after about 16 MiB: read on with `after` until it is empty.
 *
 * - `after`: the id of the last element seen. Only later ones are answered. When the board does not know the id, because it is of
 *   another life or forgotten, the list begins at its start. The order is that of arrival, so an element that no longer passes the
 *   filter (a request that was pending then) is still a good cursor.
 * - `wait`: milliseconds, 0 to 30,000. An empty answer is held back until there is something to answer, for at most this long.
 * - `changed_after`, on `GET /requests` instead of `after`: the `revision` of the last element seen. Every change of a request gives
 *   it a later revision: posted, named a presignature, given a reason, finished. Elements come in order of revision. With
 *   `status=pending` and `wait`, this one query tells a node of new requests and of the presignatures named for them; without
 *   `status`, also of what has finished. Begin with `changed_after=0`. A revision of another life of the board counts as 0.
 *
 * A board with the roster of a sealed cluster keeps only what a member has signed for the very place where it is posted. It answers
 * the rest 403: `invalid_envelope` for messages, `unconfirmed_key` for a public key, `invalid_statement` for everything else.
 * It tells members from strangers by the header `x-member`, see `session.ts`. A call without it that changes anything is answered 403
 * `unsigned_request`, and one with a session that is not valid 401 `session_refused`. Strangers may read, in small pages, and wait for
 * their turn. With `UNSIGNED_REQUESTS=keep` they may also post signing requests, which the nodes refuse where everybody sees it.
 *
 * All errors have the shape of `ErrorBodySchema` in `service/errors`. 400: malformed. 401, 403: not signed as it has to be. 404: unknown.
 * 409: contradicts what is stored. 413: too large. 415: not JSON. 429: a limit is reached. 503: closing.
 */
export {
  formatSignature, MAX_MESSAGE_BYTES, MAX_WAIT_MS, type NodeId, NodeIdSchema, nodeNumber, OriginSchema, parseSignature,
  PublicKeyHexSchema, ReasonSchema, type Recipient, RecipientSchema, type RequestId, RequestIdSchema, SignatureSchema,
  SigningMessageSchema, StatementSchema, type Status, StatusSchema,
} from './contract_fields.js';
export * from './entries.js';
export * from './health.js';
export { contentOf, MAX_OFFERS, newsOf, type NodeStatus, type SetupStatus } from './node_status.js';
export * from './nodes.js';
export {
  BytesHexSchema, DigestHexSchema, isSamePayload, payloadOf, type Payload, type PayloadField,
} from './payload.js';
export * from './presignature_requests.js';
export * from './public_key.js';
export * from './requests.js';
export * from './unsigned_requests.js';
export { MEMBER_HEADER, SESSION_MS, sessionsOf, type SignSession, TIME_HEADER } from './session.js';

/** Header of the board's answers: the name of its life. Another name means that the board has forgotten everything. */
export const INSTANCE_HEADER = 'x-board-instance';
