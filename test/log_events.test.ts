import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { files, read } from './util/repository.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
/** The sections of docs/log_events.md, by the first word of their heading, and the code that logs what they list. */
const SECTIONS: readonly (readonly [heading: string, patterns: readonly string[]])[] = [
  ['Node: ', ['node/src/**/*.ts']],
  ['Gateway\n', ['api-gateway/src/**/*.ts']],
  ['Node and gateway: ', ['message-board/src/peers/*.ts']],
  ['Message board\n', ['message-board/src/*.ts', 'message-board/src/server/*.ts', 'message-board/src/store/*.ts']],
  ['Gateway, board and', ['packages/service/src/**/*.ts']],
];

/**
 * `event level` of each line that a file logs. A part of an event that is computed is `*`, and so is the level where the fields are not
 * written in the call to the logger. The audit log has events of its own.
 */
function eventsIn(path: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const event = ts.isObjectLiteralExpression(node) ? eventOf(node) : undefined;
    const call =
      ts.isCallExpression(node.parent) && ts.isPropertyAccessExpression(node.parent.expression) ? node.parent.expression.name.text : '*';
    if (event !== undefined && !['note', 'record', 'append'].includes(call)) found.push(`${event} ${LEVELS.includes(call) ? call : '*'}`);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true), visit);
  return found;
}

function eventOf(fields: ts.ObjectLiteralExpression): string | undefined {
  for (const property of fields.properties) {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== 'event') continue;
    if (ts.isStringLiteral(property.initializer)) return property.initializer.text;
    if (ts.isTemplateExpression(property.initializer)) return property.initializer.getText().replace(/\$\{[^}]*\}/g, '*').slice(1, -1);
  }
  return undefined;
}

/** `event level` of each row in the sections with this heading: `a`, `b` | x, y gives four. */
function rowsUnder(heading: string): string[] {
  const sections = read('docs/log_events.md').split('\n## ').filter((section) => section.startsWith(heading));
  expect(sections).not.toEqual([]);
  return sections.flatMap((section) => [...section.matchAll(/^\| (`.*?`) \| ([a-z, ]+) \|/gm)].flatMap(([, events = '', levels = '']) =>
    [...events.matchAll(/`(\w+)`/g)].flatMap(([, event = '']) => levels.split(', ').map((level) => `${event} ${level}`))));
}

const matches = (pattern: string, row: string): boolean => new RegExp(`^${pattern.replaceAll('*', '\\w+')}$`).test(row);

test.each(SECTIONS)('docs/log_events.md lists what is logged: %j, %j', (heading, patterns) => {
  const logged = [...new Set(files(...patterns).flatMap(eventsIn))];
  const rows = rowsUnder(heading);
  expect(logged.length).toBeGreaterThan(1);
  expect({ missing: logged.filter((event) => !rows.some((row) => matches(event, row))) }).toEqual({ missing: [] });
  expect({ gone: rows.filter((row) => !logged.some((event) => matches(event, row))) }).toEqual({ gone: [] });
  expect(new Set(rows).size).toBe(rows.length);
});
