/** The ESLint rules that enforce eslint.imports.js. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { EXCEPTIONS, IMPORTS, TEST_IMPORTS } from './eslint.imports.js';

const root = import.meta.dirname;

/** A workspace is at the top or in packages/. */
const folderOf = (workspace) => (existsSync(join(root, 'packages', workspace)) ? `packages/${workspace}` : workspace);

/** Where the files of a row are: in `src` as written, in `dist` as other workspaces import them. */
function pathOf({ workspace, row }, place) {
  const path = `${folderOf(workspace)}/${place}`;
  if (row === '.') return path;
  const folder = join(root, folderOf(workspace), 'src', row);
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  return isFolder ? `${path}/${row}` : `${path}/${row}${place === 'src' ? '.ts' : '.js'}`;
}

/** Every row, in the order of the table. */
export const rows = Object.entries(IMPORTS).flatMap(([workspace, table]) =>
  Object.entries(table).filter(([row]) => row !== '*').map(([row, imports]) => {
    const all = [...(table['*'] ?? []), ...imports].filter((name) => name !== row);
    return { workspace, row, imports: all, path: pathOf({ workspace, row }, 'src') };
  }));

/** The row that `name` means in a row of `workspace`. A workspace alone means its index, or else all of it. */
function find(name, workspace) {
  const [first, ...rest] = name.split('/');
  const own = IMPORTS[workspace]?.[name] !== undefined;
  const there = own ? workspace : first;
  const row = own ? name : rest.join('/') || (IMPORTS[there]?.index ? 'index' : '.');
  const position = rows.findIndex((candidate) => candidate.workspace === there && candidate.row === row);
  if (position < 0) throw new Error(`eslint.imports.js: no row is called ${name}`);
  return { ...rows[position], position };
}

/** The paths that `imports` allows to a file of `workspace`. */
const allowed = (imports, workspace) => imports.map((name) => {
  if (name in TEST_IMPORTS) return name;
  const row = find(name, workspace);
  return row.workspace === workspace ? row.path : pathOf(row, 'dist');
});

for (const [position, { workspace, row, imports }] of rows.entries()) {
  for (const name of imports) {
    if (find(name, workspace).position < position) continue;
    throw new Error(`eslint.imports.js: ${workspace}/${row} may not name ${name}, which is not above it`);
  }
}

/**
 * `files` may import `paths` and npm packages, and nothing else.
 * @returns {import('eslint').Linter.Config}
 */
function restriction(name, files, ignores, paths, imports) {
  const exceptions = EXCEPTIONS.filter((exception) => exception.from === name).map((exception) => exception.to);
  const message = `${name} may import ${imports.length === 0 ? 'no other folder' : imports.join(', ')}: see eslint.imports.js.`;
  return {
    files,
    ignores,
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        { basePath: root, zones: [{ target: '.', from: '.', except: ['node_modules', ...paths, ...exceptions], message }] },
      ],
    },
  };
}

const pattern = (path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`);

/** @type {import('eslint').Linter.Config[]} */
export const importRules = [
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] }, extensions: ['.ts', '.js'] })],
    },
    rules: { 'import-x/no-cycle': 'error' },
  },
  {
    // A program or library imports only the npm packages that its own package.json names.
    files: rows.filter(({ workspace }) => !['testkit', 'bench'].includes(workspace)).map(({ path }) => pattern(path)),
    rules: { 'import-x/no-extraneous-dependencies': ['error', { devDependencies: false, includeTypes: true, includeInternal: true }] },
  },
  ...rows.map(({ workspace, row, path, imports }) => {
    const others = rows.filter((other) => row === '.' && other.workspace === workspace && other.row !== '.');
    const name = row === '.' ? workspace : `${workspace}/${row}`;
    return restriction(name, [pattern(path)], others.map((other) => pattern(other.path)), [path, ...allowed(imports, workspace)], imports);
  }),
  ...Object.entries(TEST_IMPORTS).map(([folder, imports]) => {
    const workspace = folder.split('/').at(-2) ?? '';
    const own = [folder, ...(folder.endsWith('/test') ? [folder.replace(/test$/, 'src')] : [])];
    return restriction(folder, [`${folder}/**/*.ts`], [], [...own, ...allowed(imports, workspace)], imports);
  }),
];
