/** What members of a cluster state, besides the protocol's messages (`envelope.ts`): each kind with its claims. */
import { z } from 'zod';
import type { StatementKind } from './statement.js';

function kind<Claims>(name: string, claims: z.ZodType<Claims>): StatementKind<Claims> {
  return { typ: `threshold-signing-${name}`, claims };
}

const IdSchema = z.string().min(1).max(256);
/** Hexadecimal. */
const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** By the gateway: a client wants this message signed. */
export const SIGNING_REQUEST = kind(
  'request',
  z.strictObject({
    id: IdSchema,
    /** Of the message's UTF-8 bytes. */
    message_sha256: Sha256Schema,
    /** When the client asked. */
    time: z.iso.datetime(),
    /** No node signs it after this. */
    expires: z.iso.datetime(),
    /** The presignature that it proposes; without one, its makers name one. */
    presignature_id: IdSchema.optional(),
  }),
);

/** By the gateway: this request has failed, whatever comes. No node signs it any more. */
export const CLOSING = kind('closing', z.strictObject({ request_id: IdSchema, reason: z.enum(['cancelled', 'expired']) }));

/** By a node that has a part in the presignature: sign this request with it. The gateway has proposed none for the request. */
export const NAMING = kind('naming', z.strictObject({ request_id: IdSchema, presignature_id: IdSchema }));

/** By the leader of the pool: these parties, 0-based and ascending, should make a presignature. */
export const PRESIGNATURE_REQUEST = kind(
  'presignature-request',
  z.strictObject({ id: IdSchema, participants: z.array(z.int().min(0).max(255)).max(256) }),
);

/**
 * By a signer: its part of the signature of this request. The hash is that of the message that the signer has seen. `sigma`: a
 * scalar, 64 hexadecimal digits as in the crate's JSON.
 */
export const PARTIAL_SIGNATURE = kind(
  'partial-signature',
  z.strictObject({
    request_id: IdSchema,
    message_sha256: Sha256Schema,
    presignature_id: IdSchema,
    sigma: z.string().regex(/^[0-9a-f]{64}$/),
  }),
);

/**
 * By a node: it will not sign this request. The hash is that of the statement by which the request was asked for, null when there was
 * none: so a refusal of what somebody else has put under an id says nothing about the gateway's request.
 */
export const REFUSAL = kind(
  'refusal',
  z.strictObject({ request_id: IdSchema, origin_sha256: Sha256Schema.nullable(), code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/) }),
);

/** By a node: what a pending request waits for. */
export const REQUEST_STATUS = kind('request-status', z.strictObject({ request_id: IdSchema, reason: z.string().max(512) }));

/**
 * By a node: what it says about itself on one topic. Of two statements on a topic, the one of the later life counts; of one life,
 * the one with the higher sequence.
 */
export const NODE_STATEMENT = kind(
  'node-statement',
  z.strictObject({
    /** The number of this life of the node: a later life has a larger one. */
    started: z.int().min(0),
    /** Names this life. */
    incarnation: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -'),
    /** Counts the statements of this life, on all topics. */
    sequence: z.int().min(0),
    topic: z.string().max(64),
    /** The board's contract says what it is for each topic. */
    content: z.record(z.string(), z.unknown()),
  }),
);

/** By any member, with each call to the board: it is this member that calls. */
export const SESSION = kind(
  'session',
  z.strictObject({
    /** The life of the board for which it is. */
    board: z.string().max(64),
    /** By the board's clock. */
    expires: z.iso.datetime(),
  }),
);

/** By a node: it signs none of these requests, which the gateway has not signed. One statement for many, so that each costs it little. */
export const UNSIGNED_REFUSAL = kind(
  'unsigned-refusal',
  z.strictObject({
    /** The life of the board that shows them. */
    board: z.string().max(64),
    request_ids: z.array(IdSchema).min(1).max(100),
    code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  }),
);
