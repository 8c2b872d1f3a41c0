/** The ESLint rules that enforce eslint.imports.js. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { IMPORTS, TEST_IMPORTS } from './eslint.imports.js';

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
  Object.keys(table).filter((row) => row !== '*').map((row) => ({ workspace, row, path: pathOf({ workspace, row }, 'src') })));

/** The position of the row that `name` means in a row of `workspace`. A workspace alone means its index, or else all of it. */
function find(name, workspace) {
  const [first, ...rest] = name.split('/');
  const own = IMPORTS[workspace]?.[name] !== undefined;
  const there = own ? workspace : first;
  const row = own ? name : rest.join('/') || (IMPORTS[there]?.index ? 'index' : '.');
  const position = rows.findIndex((candidate) => candidate.workspace === there && candidate.row === row);
  if (position < 0) throw new Error(`eslint.imports.js: no row is called ${name}`);
  return position;
}

/** The names in a row, with those that all rows of its workspace have. @throws Error when it names a row that is not above it */
function namesIn({ workspace, row }, position) {
  const wrong = IMPORTS[workspace][row].find((name) => find(name, workspace) >= position);
  if (wrong !== undefined) throw new Error(`eslint.imports.js: ${workspace}/${row} may not name ${wrong}, which is not above it`);
  const everywhere = (IMPORTS[workspace]['*'] ?? []).filter((name) => find(name, workspace) < position);
  return [...everywhere, ...IMPORTS[workspace][row]];
}

/** The paths that `names` allows to a file of `workspace`. */
const allowed = (names, workspace) => names.map((name) => {
  if (name in TEST_IMPORTS) return name;
  const row = rows[find(name, workspace)];
  return row.workspace === workspace ? row.path : pathOf(row, 'dist');
});

/**
 * `files` may import `paths` and npm packages, and nothing else.
 * @returns {import('eslint').Linter.Config}
 */
function restriction(name, files, ignores, paths, imports) {
  const message = `${name} may import ${imports.length === 0 ? 'no other folder' : imports.join(', ')}: see eslint.imports.js.`;
  return {
    files,
    ignores,
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        { basePath: root, zones: [{ target: '.', from: '.', except: ['node_modules', ...paths], message }] },
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
    // A workspace imports only the packages that its own package.json names.
    files: rows.map(({ path }) => pattern(path)),
    rules: { 'import-x/no-extraneous-dependencies': ['error', { devDependencies: false, includeTypes: true, includeInternal: true }] },
  },
  {
    // What mutants runs on is for development: the container installs nothing of it.
    files: ['mutants/src/**/*.ts'],
    rules: { 'import-x/no-extraneous-dependencies': ['error', { devDependencies: true, includeTypes: true, includeInternal: true }] },
  },
  restriction('A file without a row', ['*/src/**/*.ts', 'packages/*/src/**/*.ts'], [], [], []),
  ...rows.map(({ workspace, row, path }, position) => {
    const names = namesIn({ workspace, row }, position);
    const others = rows.filter((other) => row === '.' && other.workspace === workspace && other.row !== '.');
    const name = row === '.' ? workspace : `${workspace}/${row}`;
    return restriction(name, [pattern(path)], others.map((other) => pattern(other.path)), [path, ...allowed(names, workspace)], names);
  }),
  ...Object.entries(TEST_IMPORTS).map(([folder, imports]) => {
    const workspace = folder.split('/').at(-2) ?? '';
    const own = [folder, ...(folder.endsWith('/test') ? [folder.replace(/test$/, 'src')] : [])];
    return restriction(folder, [`${folder}/**/*.ts`], [], [...own, ...allowed(imports, workspace)], imports);
  }),
];
