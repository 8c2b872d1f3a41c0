import { describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';
import { importRules, rows } from '../eslint.import_rules.js';
import { IMPORTS } from '../eslint.imports.js';
import { findCycle, importGraph } from './util/import_graph.js';
import { files, read } from './util/repository.js';

const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: importRules });

/** The rules that a file with this text at this path would break. */
async function brokenRules(filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${text}\n`, { filePath });
  return (result?.messages ?? []).map((message) => message.ruleId ?? message.message);
}

describe('The import rule', () => {
  test.each([
    ['a folder below', 'node/src/storage/files.ts', "import { log } from '../base/utils.js'; export const l = log;"],
    ['a package', 'node/src/base/wakeup.ts', "import { verify } from 'cggmp24'; export const v = verify;"],
    ['a part of a program', 'node/src/cluster/presence.ts', "import { BoardClient } from 'message-board/client'; export const b = BoardClient;"],
    ['a file of the same folder', 'node/src/base/version.ts', "import { log } from './utils.js'; export const l = log;"],
  ])('allows %s', async (_, path, text) => {
    expect(await brokenRules(path, text)).toEqual([]);
  });

  test.each([
    ['a folder above', 'node/src/base/version.ts', "import { sign } from '../signing/signing.js'; export const s = sign;"],
    ['the types of a folder above', 'node/src/base/version.ts', "import type { Signing } from '../signing/signing.js'; export type S = Signing;"],
    ['a part of a program that is not for others', 'node/src/cluster/presence.ts', "import { createApp } from 'message-board/app'; export const c = createApp;"],
    ['a program', 'packages/sealing/src/member.ts', "import { BoardClient } from 'message-board/client'; export const b = BoardClient;"],
    ['what is for tests', 'node/src/cluster/presence.ts', "import { tempFolder } from 'testkit/folder'; export const t = tempFolder;"],
    ['what a new folder needs before it has a row', 'node/src/news/feed.ts', "import { log } from '../base/utils.js'; export const l = log;"],
    ['the tests of another workspace', 'api-gateway/test/app.test.ts', "import { x } from '../../node/test/util/cluster.js'; export const y = x;"],
  ])('forbids %s', async (_, path, text) => {
    expect(await brokenRules(path, text)).toContain('import-x/no-restricted-paths');
  });

  test('forbids a cycle', async () => {
    const text = "import { handleErrors } from './http.js'; export const h = handleErrors;";
    expect(await brokenRules('packages/service/src/random.ts', text)).toEqual([]);
    // http.ts imports errors.ts.
    expect(await brokenRules('packages/service/src/errors.ts', text)).toEqual(['import-x/no-cycle']);
  });

  test('forbids npm packages that package.json does not name', async () => {
    expect(await brokenRules('packages/cggmp24/src/params.ts', "import express from 'express'; export const e = express;"))
      .toEqual(['import-x/no-extraneous-dependencies']);
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
  const lines = [...section.matchAll(/^\| `([\w.]+)` \|.*\| (?:(everything above)|(.*?)) ?\|$/gm)];
  return Object.fromEntries(lines.map(([, row = '', everything, names = '']) => [row, everything === undefined ? [...names.matchAll(/`(.*?)`/g)].map(([, name = '']) => name) : null]));
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

/** Imports of types that close a cycle. They are to go. */
const CLOSING: readonly (readonly [string, string])[] = [
  ['message-board/src/store/request_store.ts', 'message-board/src/server/board.ts'],
  ['message-board/src/store/presignature_request_store.ts', 'message-board/src/server/board.ts'],
  ['node/src/evidence/evidence_folder.ts', 'node/src/evidence/culprits.ts'],
  ['packages/cggmp24/src/math/openssl_backend.ts', 'packages/cggmp24/src/math/modular.ts'],
  ['packages/cggmp24/src/math/bigint_backend.ts', 'packages/cggmp24/src/math/modular.ts'],
];

test('No file imports itself through others, types included', () => {
  const graph = importGraph(files('**/*.ts'));
  for (const [from, to] of CLOSING) graph.set(from, (graph.get(from) ?? []).filter((path) => path !== to));
  expect(findCycle(graph)).toBeUndefined();
});

test('A cycle is found', () => {
  expect(findCycle(new Map([['a', ['b']], ['b', ['c', 'd']], ['c', []], ['d', ['b']]]))).toEqual(['b', 'd', 'b']);
});
