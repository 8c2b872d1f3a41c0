/**
 * What nodes state about themselves: one small statement on each topic, so that a change on one topic does not touch the others.
 *
 * In a sealed cluster the text of a statement is a JWS of kind `NODE_STATEMENT`, which proves who has made it. In a plain one it is the
 * JSON of the claims, which proves nothing.
 */
import { Refused } from 'sealing/errors';
import { NODE_STATEMENT } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { unverifiedClaims, verify } from 'sealing/statement';
import type { z } from 'zod';
import type { NodeId } from './contract_fields.js';
import { CONTENT, KNOWN_CONTENT, type ContentSchemas, type Contents, type NodeStatus } from './node_status.js';
import { TOPICS, type StatementTexts, type Topic } from './nodes.js';

/** One life of a node: from the start of its process to its end. */
export interface NodeLife {
  /** When it began, ms since 1970, by the node's clock. */
  readonly started: number;
  readonly incarnation: string;
}

interface Statement<Content> {
  readonly life: NodeLife;
  /** Counts the statements of one life, on all topics. */
  readonly sequence: number;
  readonly content: Content;
}

/** What a node states, on all topics, in one life. */
export interface NodeStatements {
  readonly texts: StatementTexts;
  readonly life: NodeLife;
  readonly statements: { readonly [T in Topic]: Statement<Contents[T]> };
  readonly status: NodeStatus;
}

/**
 * What the texts say. Nothing is verified.
 * @param before what was read earlier: a text that it has too is not read again
 * @throws Refused naming topic and field
 */
export function readStatements(texts: StatementTexts, before?: NodeStatements): NodeStatements {
  return read(KNOWN_CONTENT, texts, before);
}

/** The same; but a field that the contract does not have is refused. */
export function readStatementsStrictly(texts: StatementTexts, before?: NodeStatements): NodeStatements {
  return read(CONTENT, texts, before);
}

function read(schemas: ContentSchemas, texts: StatementTexts, before: NodeStatements | undefined): NodeStatements {
  const on = <Content>(topic: Topic, schema: z.ZodType<Content>, known: Statement<Content> | undefined): Statement<Content> =>
    known !== undefined && before?.texts[topic] === texts[topic] ? known : readStatement(topic, schema, texts[topic]);
  const known = before?.statements;
  const statements = {
    presence: on('presence', schemas.presence, known?.presence),
    setup: on('setup', schemas.setup, known?.setup),
    pool: on('pool', schemas.pool, known?.pool),
    attempts: on('attempts', schemas.attempts, known?.attempts),
    accusations: on('accusations', schemas.accusations, known?.accusations),
  };
  const { presence, setup, pool, attempts, accusations } = statements;
  const { life } = presence;
  const other = TOPICS.find((topic) => compareLives(statements[topic].life, life) !== 0);
  if (other !== undefined) throw new Refused(`${other}: it is of another life than presence`);
  const content = { ...presence.content, ...setup.content, ...pool.content, ...attempts.content, ...accusations.content };
  return { texts, life, statements, status: { incarnation: life.incarnation, ...content } };
}

function readStatement<Content>(topic: Topic, schema: z.ZodType<Content>, text: string): Statement<Content> {
  const { started, incarnation, sequence, topic: stated, content } = parsed(topic, NODE_STATEMENT.claims, claimsOf(topic, text));
  if (stated !== topic) throw new Refused(`${topic}: it is a statement on ${stated}`);
  return { life: { started, incarnation }, sequence, content: parsed(topic, schema, content) };
}

/** @throws Refused naming the topic */
function claimsOf(topic: Topic, text: string): unknown {
  try {
    return text.startsWith('{') ? JSON.parse(text) : unverifiedClaims(text);
  } catch (error) {
    throw new Refused(`${topic}: ${error instanceof Refused ? error.message : 'is not JSON'}`);
  }
}

function parsed<T>(topic: Topic, schema: z.ZodType<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const complaints = error.issues.map(({ path, message }) => [path.join('.'), message].filter((part) => part !== '').join(': '));
  throw new Refused(`${topic}: ${complaints.join('; ')}`);
}

/** Negative when `a` began earlier than `b`; 0 when they are one life. Of two that began in the same millisecond one counts as later. */
export function compareLives(a: NodeLife, b: NodeLife): number {
  if (a.started !== b.started) return a.started - b.started;
  if (a.incarnation === b.incarnation) return 0;
  return a.incarnation < b.incarnation ? -1 : 1;
}

/** Do both have the same text on every topic? */
export function saysTheSame(a: StatementTexts, b: StatementTexts): boolean {
  return TOPICS.every((topic) => a[topic] === b[topic]);
}

/** The topics on which a node says something else than before, which a statement that is merely renewed does not. */
export function topicsOfNews(before: NodeStatements | undefined, next: NodeStatements): readonly Topic[] {
  if (before === undefined || compareLives(before.life, next.life) !== 0) return TOPICS;
  const content = (of: NodeStatements, topic: Topic): string => JSON.stringify(of.statements[topic].content);
  return TOPICS.filter((topic) => before.texts[topic] !== next.texts[topic] && content(before, topic) !== content(next, topic));
}

/** Why `next` cannot have been stated after `before` by the same node; null when it can. */
export function whyNotLater(before: NodeStatements, next: NodeStatements): string | null {
  const order = compareLives(next.life, before.life);
  if (order > 0) return null;
  if (order < 0) return 'it is of an earlier life';
  const news = TOPICS.filter((topic) => next.texts[topic] !== before.texts[topic]);
  if (news.length === 0) return 'nothing in it is new';
  const stale = news.find((topic) => next.statements[topic].sequence <= before.statements[topic].sequence);
  return stale === undefined ? null : `${stale}: it is not later than what was stated before`;
}

/** What the texts of statements prove in one kind of cluster. */
export interface StatementProof {
  /** Do they prove who has made them? If not, anybody can make a later one, so that the order of two means nothing. */
  readonly isProof: boolean;
  /** @throws Refused when the node has not made this text */
  verify(nodeId: NodeId, text: string): Promise<void>;
}

export const NO_PROOF: StatementProof = { isProof: false, verify: () => Promise.resolve() };

export function proofBy(roster: Roster): StatementProof {
  return {
    isProof: true,
    verify: async (nodeId, text) => {
      const { signer } = await verify(roster, NODE_STATEMENT, text);
      if (signer !== nodeId) throw new Refused(`signed by ${signer}, it is a statement of ${signer}, not of ${nodeId}`);
    },
  };
}

/** Verifies the texts that are not among those verified before. @throws Refused naming the topic */
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

/** The public keys that at least `count` of these nodes state. More than one is possible where two halves can sign. */
export function keysStatedBy(count: number, statuses: Iterable<NodeStatus>): string[] {
  const votes = new Map<string, number>();
  for (const { public_key: key } of statuses) if (key !== null) votes.set(key, (votes.get(key) ?? 0) + 1);
  return [...votes].filter(([, voices]) => voices >= count).map(([key]) => key);
}

/** A statement's text where nothing is signed. */
export function plainStatement(claims: z.infer<typeof NODE_STATEMENT.claims>): string {
  return JSON.stringify(claims);
}
