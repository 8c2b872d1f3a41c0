/** The changes that a careless programmer, or a compiler that is wrong, could make in a check. */
import ts from 'typescript';
import type { Mutant } from './mutant.js';

/** What replaces an operator. */
const OPERATORS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.AsteriskToken, '+'],
]);

/** What replaces a method's name. */
const METHODS: ReadonlyMap<string, string> = new Map([['every', 'some'], ['some', 'every']]);

/** Calls that only tell somebody something. */
const TELLING = /(^|\.)(logger|log|audit)\b|\.(debug|info|warn|error|note)$/;

/** All mutants of a file. @param file from the project's root @param text what is in it */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const mutants: Mutant[] = [];
  const add = (node: ts.Node, after: string): void => {
    const start = node.getStart(source);
    const end = node.getEnd();
    const line = source.getLineAndCharacterOfPosition(start).line + 1;
    mutants.push({ file, line, start, end, before: text.slice(start, end), after });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (isTelling(node, source)) return;
    mutate(node, add);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

function isTelling(node: ts.Node, source: ts.SourceFile): boolean {
  if (!ts.isExpressionStatement(node)) return false;
  const call = ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
  return ts.isCallExpression(call) && TELLING.test(call.expression.getText(source));
}

function mutate(node: ts.Node, add: (node: ts.Node, after: string) => void): void {
  if (ts.isBinaryExpression(node)) {
    const after = OPERATORS.get(node.operatorToken.kind);
    if (after !== undefined && !isText(node.left) && !isText(node.right)) add(node.operatorToken, after);
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) add(node, node.operand.getText());
  if (ts.isIfStatement(node)) for (const value of ['true', 'false']) add(node.expression, value);
  if (ts.isConditionalExpression(node)) for (const value of ['true', 'false']) add(node.condition, value);
  if (node.kind === ts.SyntaxKind.TrueKeyword && !ts.isLiteralTypeNode(node.parent)) add(node, 'false');
  if (node.kind === ts.SyntaxKind.FalseKeyword && !ts.isLiteralTypeNode(node.parent)) add(node, 'true');
  // A call whose result nobody uses is there for what it does or refuses.
  if (ts.isExpressionStatement(node) && isCall(node.expression)) add(node, ';');
  if (ts.isThrowStatement(node)) add(node, ';');
  if (ts.isPropertyAccessExpression(node) && ts.isCallExpression(node.parent)) {
    const after = METHODS.get(node.name.text);
    if (after !== undefined) add(node.name, after);
  }
}

function isCall(expression: ts.Expression): boolean {
  return ts.isCallExpression(ts.isAwaitExpression(expression) ? expression.expression : expression);
}

function isText(node: ts.Expression): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}
