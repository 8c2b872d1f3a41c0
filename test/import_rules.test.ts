import { describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';
import { importRules, rows } from '../eslint.import_rules.js';
import { IMPORTS } from '../eslint.imports.js';
import { findCycle, importGraph } from './util/import_graph.js';
import { files, read } from './util/repository.js';

const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: importRules });

/** The rules that a file at this path would break with this import. */
async function brokenRules(filePath: string, statement: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${statement}\n`, { filePath });
  return (result?.messages ?? []).map((message) => message.ruleId ?? message.message);
}

describe('The import rule', () => {
  test.each([
    ['a folder below', 'node/src/storage/files.ts', "import '../base/utils.js';"],
    ['a package', 'node/src/base/wakeup.ts', "import 'cggmp24';"],
    ['a part of a program', 'node/src/cluster/presence.ts', "import 'message-board/client';"],
    ['a file of the same folder', 'node/src/base/version.ts', "import './utils.js';"],
  ])('allows %s', async (_, path, statement) => {
    expect(await brokenRules(path, statement)).toEqual([]);
  });

  test.each([
    ['a folder above', 'node/src/base/version.ts', "import '../signing/signing.js';"],
    ['the types of a folder above', 'node/src/base/version.ts', "import type {} from '../signing/signing.js';"],
    ['what a folder above exports', 'node/src/base/version.ts', "export * from '../signing/signing.js';"],
    ['a part of a program that is not for others', 'node/src/cluster/presence.ts', "import 'message-board/app';"],
    ['a program', 'packages/sealing/src/member.ts', "import 'message-board/client';"],
    ['what is for tests', 'node/src/cluster/presence.ts', "import 'testkit/folder';"],
    ['what a new folder needs before it has a row', 'node/src/news/feed.ts', "import '../base/utils.js';"],
    ['the tests of another workspace', 'api-gateway/test/app.test.ts', "import '../../node/test/util/cluster.js';"],
  ])('forbids %s', async (_, path, statement) => {
    expect(await brokenRules(path, statement)).toContain('import-x/no-restricted-paths');
  });

  test('forbids a cycle', async () => {
    expect(await brokenRules('packages/service/src/random.ts', "import './http.js';")).toEqual([]);
    // http.ts imports errors.ts.
    expect(await brokenRules('packages/service/src/errors.ts', "import './http.js';")).toEqual(['import-x/no-cycle']);
  });

  test('forbids npm packages that package.json does not name', async () => {
    expect(await brokenRules('packages/cggmp24/src/params.ts', "import 'express';")).toEqual(['import-x/no-extraneous-dependencies']);
  });
});

test('Every source file belongs to one row of the table', () => {
  const rowsOf = (path: string): number => {
    const named = rows.filter((row) => row.row !== '.' && (path === row.path || path.startsWith(`${row.path}/`)));
    return named.length > 0 ? named.length : rows.filter((row) => row.row === '.' && path.startsWith(`${row.path}/`)).length;
  };
  const sources = files('packages/*/src/**/*.ts', '*/src/**/*.ts').filter((path) => !path.startsWith('interop/'));
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter((path) => rowsOf(path) !== 1)).toEqual([]);
});

/** The rows under a heading of docs/architecture.md: what each folder imports, null where it says "everything above". */
function documented(heading: string): Record<string, string[] | null> {
  const section = read('docs/architecture.md').split(/\n##+ /).find((text) => text.startsWith(heading)) ?? '';
  const lines = [...section.matchAll(/^\| `([\w.]+)` \|.*\| (.*?) ?\|$/gm)];
  const namesIn = (cell: string): string[] => [...cell.matchAll(/`(.*?)`/g)].map(([, name = '']) => name);
  return Object.fromEntries(lines.map(([, row = '', cell = '']) => [row, cell === 'everything above' ? null : namesIn(cell)]));
}

test.each([
  ['packages/cggmp24', IMPORTS.cggmp24],
  ['message-board', IMPORTS['message-board']],
  ['api-gateway', IMPORTS['api-gateway']],
  ['node', IMPORTS.node],
])('docs/architecture.md has the same table: %s', (heading, table) => {
  const shown = documented(heading);
  const expected = Object.entries(table).filter(([row]) => row !== '*').map(([row, names]) => [row, shown[row] === null ? null : names]);
  expect(shown).toEqual(Object.fromEntries(expected));
});

test('docs/folders.svg shows every row of the programs', () => {
  const shown = new Set(read('docs/folders.svg').replace(/<style>[^]*<\/style>/, '').match(/\w+/g));
  const programs = rows.filter(
    ({ workspace, row }) => ['message-board', 'api-gateway', 'node'].includes(workspace) && !['.', 'testing', 'parts'].includes(row),
  );
  expect(programs.map(({ row }) => row).filter((row) => !shown.has(row))).toEqual([]);
});

test('No file imports itself through others, types included', () => {
  const graph = importGraph(files('**/*.ts'));
  expect(graph.size).toBeGreaterThan(300);
  expect(findCycle(graph)).toBeUndefined();
});

test('A cycle is found', () => {
  expect(findCycle(new Map([['a', ['b']], ['b', ['c', 'd']], ['c', []], ['d', ['b']]]))).toEqual(['b', 'd', 'b']);
});
