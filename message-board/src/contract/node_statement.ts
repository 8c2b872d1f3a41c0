/**
 * What nodes state about themselves, and which statement counts when two differ.
 *
 * A node makes one small statement on each topic, so that news on one topic does not renew the others. In a sealed cluster the text of a
 * statement is a JWS of kind `NODE_STATEMENT`, which proves who has made it. In a plain cluster it is the JSON of the claims, which
 * proves nothing.
 */
import { Refused } from 'sealing/errors';
import { hasMoreParts, parseJsonValue } from 'sealing/json';
import { NODE_STATEMENT } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { unverifiedClaims, verify } from 'sealing/statement';
import type { z } from 'zod';
import type { NodeId } from './contract_fields.js';
import { CONTENT, KNOWN_CONTENT, newsOf, type ContentSchemas, type Contents, type NodeStatus } from './node_status.js';
import { TOPICS, type StatementTexts, type Topic } from './nodes.js';

/** One life of a node: from the start of its process to its end. */
export interface Life {
  /** Its number, from a counter on the node's disk: a later life has a larger one, whatever the clocks show. */
  readonly started: number;
  /** Its name, drawn at random. */
  readonly incarnation: string;
}

interface Statement<Content> {
  readonly life: Life;
  /** The node counts its statements of one life with it, on all topics together. A later statement has a larger number. */
  readonly sequence: number;
  readonly content: Content;
}

/** The statements of one node, one on each topic, all of the same life. */
export interface NodeStatements {
  /** As they were posted. */
  readonly texts: StatementTexts;
  readonly life: Life;
  /** What the texts say, topic by topic. */
  readonly statements: { readonly [T in Topic]: Statement<Contents[T]> };
  /** What all of them say together. */
  readonly status: NodeStatus;
}

/**
 * Parses statements, without verifying who has made them. It drops a field that the contract does not have.
 * @param before statements of the same node that were parsed earlier: a text that has not changed since is not parsed again
 * @throws Refused naming topic and field
 */
export function readStatements(texts: StatementTexts, before?: NodeStatements): NodeStatements {
  return read(KNOWN_CONTENT, texts, before);
}

/** As {@link readStatements}, but it refuses a field that the contract does not have. @throws Refused naming topic and field */
export function readStatementsStrictly(texts: StatementTexts, before?: NodeStatements): NodeStatements {
  return read(CONTENT, texts, before);
}

function read(schemas: ContentSchemas, texts: StatementTexts, before: NodeStatements | undefined): NodeStatements {
  const readOn = <Content>(topic: Topic, schema: z.ZodType<Content>, earlier: Statement<Content> | undefined): Statement<Content> =>
    earlier !== undefined && before?.texts[topic] === texts[topic] ? earlier : readStatement(topic, schema, texts[topic]);
  const earlier = before?.statements;
  const statements = {
    presence: readOn('presence', schemas.presence, earlier?.presence),
    setup: readOn('setup', schemas.setup, earlier?.setup),
    pool: readOn('pool', schemas.pool, earlier?.pool),
    attempts: readOn('attempts', schemas.attempts, earlier?.attempts),
    accusations: readOn('accusations', schemas.accusations, earlier?.accusations),
    health: readOn('health', schemas.health, earlier?.health),
  };
  const { presence, setup, pool, attempts, accusations, health } = statements;
  const { life } = presence;
  const stray = TOPICS.find((topic) => compareLives(statements[topic].life, life) !== 0);
  if (stray !== undefined) throw new Refused(`${stray}: it is of another life than presence`);
  const content = { ...presence.content, ...setup.content, ...pool.content, ...attempts.content, ...accusations.content };
  return { texts, life, statements, status: { incarnation: life.incarnation, ...content, ...health.content } };
}

function readStatement<Content>(topic: Topic, schema: z.ZodType<Content>, text: string): Statement<Content> {
  const { started, incarnation, sequence, topic: stated, content } = parsed(topic, NODE_STATEMENT.claims, claimsOf(topic, text));
  if (stated !== topic) throw new Refused(`${topic}: it is a statement on ${stated}`);
  return { life: { started, incarnation }, sequence, content: parsed(topic, schema, content) };
}

/**
 * Parts of the JSON of one statement. With a smaller value, a node with many presignatures cannot offer them all. With a larger one, a
 * statement that says nothing of what it should say takes longer to refuse: each wrong part is a complaint.
 */
const MAX_PARTS = 5_000;

/** @throws Refused naming the topic */
function claimsOf(topic: Topic, text: string): unknown {
  const json = text.startsWith('{') ? Buffer.from(text) : Buffer.from(text.split('.', 2)[1] ?? '', 'base64url');
  if (hasMoreParts(json, MAX_PARTS)) throw new Refused(`${topic}: it has more than ${MAX_PARTS} parts`);
  if (text.startsWith('{')) return parseJsonValue(text, topic);
  try {
    return unverifiedClaims(text);
  } catch (error) {
    throw error instanceof Refused ? new Refused(`${topic}: ${error.message}`, { cause: error }) : error;
  }
}

/** Larger: a complaint is longer than anybody reads. */
const MAX_COMPLAINTS = 5;

function parsed<T>(topic: Topic, schema: z.ZodType<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const shown = error.issues.slice(0, MAX_COMPLAINTS);
  const complaints = shown.map(({ path, message }) => [path.join('.'), message].filter((part) => part !== '').join(': '));
  throw new Refused(`${topic}: ${complaints.join('; ')}`);
}

/**
 * Orders the lives of one node: negative when `a` is the earlier one, 0 when both are the same. Of two with the same number, the name
 * decides.
 */
export function compareLives(a: Life, b: Life): number {
  if (a.started !== b.started) return a.started - b.started;
  if (a.incarnation === b.incarnation) return 0;
  return a.incarnation < b.incarnation ? -1 : 1;
}

/** Do both have the same text on every topic? */
export function saysTheSame(a: StatementTexts, b: StatementTexts): boolean {
  return TOPICS.every((topic) => a[topic] === b[topic]);
}

/**
 * The topics on which `next` says something else than `before`. A statement that is only renewed has another text, but says the same. A
 * new life is news on all topics.
 */
export function topicsOfNews(before: NodeStatements | undefined, next: NodeStatements): readonly Topic[] {
  if (before === undefined || compareLives(before.life, next.life) !== 0) return TOPICS;
  const contentIn = ({ statements }: NodeStatements, topic: Topic): string => newsOf(statements[topic].content);
  return TOPICS.filter((topic) => before.texts[topic] !== next.texts[topic] && contentIn(before, topic) !== contentIn(next, topic));
}

/**
 * Is `next` later than `before`, of the same node? It is when its life is later, or when each changed statement has a larger number than
 * the one before on its topic. Nothing more is asked: a board may have shown statements of different moments together, and what comes
 * after that must not be refused.
 * @returns null when it is later, otherwise the reason why not
 */
export function whyNotLater(before: NodeStatements, next: NodeStatements): string | null {
  const order = compareLives(next.life, before.life);
  if (order > 0) return null;
  if (order < 0) return 'it is of an earlier life';
  const news = TOPICS.filter((topic) => next.texts[topic] !== before.texts[topic]);
  if (news.length === 0) return 'nothing in it is new';
  const stale = news.find((topic) => next.statements[topic].sequence <= before.statements[topic].sequence);
  return stale === undefined ? null : `${stale}: it is not later than what was stated before`;
}

/** What the text of a statement proves. That depends on the kind of cluster. */
export interface StatementProof {
  /** Does a text prove who has made it? If not, anybody can make a later one, so the order of two statements means nothing. */
  readonly isProof: boolean;
  /** Resolves when the node has made this text, and always where texts prove nothing. @throws Refused otherwise */
  verify(nodeId: NodeId, text: string): Promise<void>;
}

/** Plain clusters: every text counts, whoever has made it. */
export const NO_PROOF: StatementProof = { isProof: false, verify: () => Promise.resolve() };

/** Sealed clusters: the node's signature proves it, under its key in the roster. */
export function proofBy(roster: Roster): StatementProof {
  return {
    isProof: true,
    verify: async (nodeId, text) => {
      const { signer } = await verify(roster, NODE_STATEMENT, text);
      if (signer !== nodeId) throw new Refused(`signed by ${signer}, it is a statement of ${signer}, not of ${nodeId}`);
    },
  };
}

/**
 * Verifies the statements of a node.
 * @param verified texts that were verified before: they are not verified again
 * @throws Refused naming the topic
 */
export async function verifyStatements(
  proof: StatementProof,
  nodeId: NodeId,
  texts: StatementTexts,
  verified?: StatementTexts,
): Promise<void> {
  for (const topic of TOPICS) {
    if (verified?.[topic] === texts[topic]) continue;
    await proof.verify(nodeId, texts[topic]).catch((error: unknown) => {
      throw error instanceof Refused ? new Refused(`${topic}: ${error.message}`, { cause: error }) : error;
    });
  }
}

/** The public keys that at least `count` of these nodes state. There can be two only if `count` is at most half of the nodes. */
export function keysStatedBy(count: number, statuses: Iterable<NodeStatus>): string[] {
  const votes = new Map<string, number>();
  for (const { public_key: key } of statuses) if (key !== null) votes.set(key, (votes.get(key) ?? 0) + 1);
  return [...votes].filter(([, voteCount]) => voteCount >= count).map(([key]) => key);
}
