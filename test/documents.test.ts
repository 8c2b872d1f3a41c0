import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { files, read, ROOT } from './util/repository.js';

const documents = files('**/*.md').filter((path) => !['CHANGELOG.md', 'bench/RESULTS.md'].includes(path));

/** Folders that a document's paths may begin in, besides the root and its own. */
const BASES: Readonly<Record<string, readonly string[]>> = {
  'docs/paper.md': ['packages/cggmp24/src'],
  'docs/threat_model.md': ['packages/cggmp24/test'],
};

/** What building or running the project makes. */
const MADE = /^(DATA_DIR\/)?(evidence|data|run|\.node|node_modules)\/|\/(dist|results)\//;
const PATH = /^\.{0,2}[\w@-][\w.@*{},-]*(\/[\w.@*{},-]+)*(\/|\.(ts|js|md|sh|json|yml|toml))$/;

/** Paths between backquotes and in links. A bare file name counts in a link alone: `roster.json` may be anybody's. */
function pathsIn(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map((match) => match[1] ?? '').filter((target) => !/^[a-z]+:/.test(target));
  const quoted = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '').filter((span) => PATH.test(span) && span.includes('/'));
  return [...links, ...quoted.map((path) => path.replace(/^\.\//, ''))].filter((path) => !MADE.test(path));
}

function exists(path: string, bases: readonly string[]): boolean {
  return bases.some((base) =>
    /[*{]/.test(path) ? expand(join(base, path)).every((one) => files(one).length > 0) : existsSync(join(ROOT, base, path)),
  );
}

/** `a/{b,c}/*.ts` → `a/b/*.ts`, `a/c/*.ts`. */
function expand(path: string): string[] {
  const match = /^(.*?)\{([^}]*)\}(.*)$/.exec(path);
  if (match === null) return [path];
  const [, before = '', choices = '', after = ''] = match;
  return choices.split(',').flatMap((choice) => expand(`${before}${choice}${after}`));
}

const basesOf = (document: string): string[] => ['.', join(document, '..'), ...(BASES[document] ?? [])];

describe.each(documents)('%s', (document) => {
  const text = read(document);

  test('names files that exist', () => {
    expect(pathsIn(text).filter((path) => !exists(path, basesOf(document)))).toEqual([]);
  });

  test('names functions that are in their file', () => {
    const pairs = [...text.matchAll(/`([\w./-]+\.ts)`\s+→\s+((?:`[\w.]+`(?:,\s+)?)+)/g)];
    const missing = pairs.flatMap(([, path = '', names = '']) => {
      const base = basesOf(document).find((candidate) => existsSync(join(ROOT, candidate, path)));
      const source = base === undefined ? '' : read(join(base, path));
      const identifiers = [...names.matchAll(/[A-Za-z]\w*/g)].map(([name]) => name);
      return identifiers.filter((name) => !new RegExp(`\\b${name}\\b`).test(source)).map((name) => `${path} → ${name}`);
    });
    expect(missing).toEqual([]);
  });

  test('has lines of at most 120 columns, but for tables and code', () => {
    const prose = text.replace(/^```[^]*?^```$/gm, '').split('\n').filter((line) => !line.startsWith('|'));
    expect(prose.filter((line) => line.length > 120)).toEqual([]);
  });
});

test('README.md says why for each package that a workspace depends on', () => {
  const why = read('README.md').split('## Dependencies, and why')[1]?.split('\n## ')[0] ?? '';
  interface Manifest {
    readonly name?: string;
    readonly dependencies?: Record<string, string>;
  }
  const manifests = files('**/package.json').map((path) => JSON.parse(read(path)) as Manifest);
  const workspaces = new Set(manifests.map(({ name }) => name));
  const needed = manifests.flatMap(({ dependencies = {} }) => Object.keys(dependencies)).filter((name) => !workspaces.has(name));
  expect(needed.length).toBeGreaterThan(5);
  expect([...new Set(needed)].filter((name) => !why.includes(`\`${name}\``))).toEqual([]);
});
