/** In place of `message-board/node_statement`: the same texts are parsed once, by the board and by whoever reads them first. */
import { TOPICS, type StatementTexts } from 'message-board/contract';
import * as real from 'message-board/node_statement';

export * from 'message-board/node_statement';

type NodeStatements = real.NodeStatements;

const loosely = new Map<string, NodeStatements>();
const strictly = new Map<string, NodeStatements>();

/** Begins a new world. */
export function forgetReadStatements(): void {
  loosely.clear();
  strictly.clear();
}

export function readStatements(texts: StatementTexts, before?: NodeStatements): NodeStatements {
  return readOnce(loosely, texts, () => real.readStatements(texts, before));
}

export function readStatementsStrictly(texts: StatementTexts, before?: NodeStatements): NodeStatements {
  return readOnce(strictly, texts, () => real.readStatementsStrictly(texts, before));
}

function readOnce(known: Map<string, NodeStatements>, texts: StatementTexts, read: () => NodeStatements): NodeStatements {
  const key = TOPICS.map((topic) => texts[topic]).join(' ');
  const stated = known.get(key) ?? read();
  known.set(key, stated);
  return stated;
}

({ readStatements, readStatementsStrictly }) satisfies Pick<typeof real, 'readStatements' | 'readStatementsStrictly'>;
