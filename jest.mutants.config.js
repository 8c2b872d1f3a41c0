/** The quick suite, with one file changed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import quick from './jest.config.js';

/**
 * Tests take these workspaces from their sources, as far as they use them in their own process: a mutant of the board is also in the board
 * that the test kit starts. Those that are not here are mutated for their own tests alone.
 */
const FROM_SOURCE = ['packages/sealing', 'packages/service', 'packages/testkit', 'message-board', 'api-gateway'];
const SOURCES = [...FROM_SOURCE, 'packages/cggmp24', 'node'].map((workspace) => `<rootDir>/${workspace}/src`);

const [pattern, [, options]] = Object.entries(quick.transform)[0];

/** The source of everything that a workspace exports, by the name under which it is imported. */
function sourcesOf(workspace) {
  const { name, exports } = JSON.parse(readFileSync(join(import.meta.dirname, workspace, 'package.json'), 'utf8'));
  return Object.entries(exports).map(([path, target]) => {
    const source = target.default.replace('./dist/', '').replace(/\.js$/, '.ts');
    return [`^${name}${path.slice(1)}$`, `<rootDir>/${workspace}/src/${source}`];
  });
}

export default {
  ...quick,
  // jest finds the tests of a file only through files that it knows.
  roots: [...quick.roots, ...SOURCES],
  moduleNameMapper: { ...quick.moduleNameMapper, ...Object.fromEntries(FROM_SOURCE.flatMap(sourcesOf)) },
  transform: { [pattern]: ['<rootDir>/mutants/dist/transform.js', options] },
  // What one mutant makes hang ends soon, and counts as found.
  testTimeout: 60_000,
};
