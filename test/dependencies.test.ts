import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { files, read } from './util/repository.js';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  /** Of a workspace that only developers run. */
  readonly devDependencies?: Readonly<Record<string, string>>;
  /** What Node.js and bundlers resolve for a name such as `#secp256k1`. */
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const manifest = (folder: string): Manifest => JSON.parse(read(`${folder}/package.json`)) as Manifest;
const { workspaces } = JSON.parse(read('package.json')) as { readonly workspaces: readonly string[] };

/** The package that an import names, `@noble/hashes` for `@noble/hashes/sha2.js`; nothing for a file or a module of Node.js. */
function packageOf(name: string): string | undefined {
  if (/^(\.|#|node:)/.test(name)) return undefined;
  return name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/');
}

function importedPackages(folder: string): Set<string> {
  const importsOf = (path: string): string[] => ts.preProcessFile(read(path)).importedFiles.map(({ fileName }) => fileName);
  const written = files(`${folder}/src/**/*.ts`).flatMap(importsOf);
  const resolved = Object.values(manifest(folder).imports ?? {}).flatMap((targets) => Object.values(targets));
  const packages = [...written, ...resolved].map(packageOf).filter((name) => name !== undefined);
  return new Set(packages);
}

describe.each(workspaces)('The workspace %s', (folder) => {
  test('depends on the packages that its sources import, and on no other', () => {
    const { dependencies = {}, devDependencies = {} } = manifest(folder);
    expect(Object.keys({ ...dependencies, ...devDependencies }).sort()).toEqual([...importedPackages(folder)].sort());
  });
});
