/** docs/paper.md names what the library has. Its paths with folders, and the functions of its tables, are in documents.test.ts. */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { files, read } from './util/repository.js';

const SOURCE = 'packages/cggmp24/src';
const paper = read('docs/paper.md');
const sources = new Map(files(`${SOURCE}/**/*.ts`).map((path) => [path.slice(SOURCE.length + 1), read(path)]));
const code = [...sources.values()].map((text) => text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, ''));
const all = code.join('\n');
const quoted = [...new Set([...paper.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span))];

const hasWord = (text: string, word: string): boolean => new RegExp(`\\b${word}\\b`).test(text);

/** A name with a member is in the file that declares it. The parts of a name, `hat_`, are where longer names have them. */
function isInSource(span: string): boolean {
  const [, owner, member] = /^(\w+)\.(\w+)$/.exec(span) ?? [];
  if (owner !== undefined && member !== undefined) {
    const declared = code.filter((text) => new RegExp(`\\b(class|interface|type) ${owner}\\b`).test(text));
    return declared.some((text) => hasWord(text, member));
  }
  if (span.endsWith('_')) return all.includes(span);
  return (span.match(/[A-Za-z_]\w*/g) ?? []).every((word) => hasWord(all, word));
}

describe('docs/paper.md', () => {
  it('names files of the library', () => {
    const paths = quoted.filter((span) => /^[\w/]+\.ts$/.test(span));
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !sources.has(path))).toEqual([]);
  });

  it('names types, functions, fields and steps of the library', () => {
    const names = quoted.filter((span) => !span.includes('/') && !span.endsWith('.ts'));
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !isInSource(name))).toEqual([]);
    const steps = quoted.filter((span) => span.startsWith('// '));
    expect(steps).toEqual(['// Round 1', '// Output']);
    expect(steps.filter((step) => !hasWord(sources.get('signing/presign.ts') ?? '', step.slice(3)))).toEqual([]);
  });

  it('says truly what a proof module has', () => {
    const [, list = '', exceptions = ''] = /Each proof module has ([^.]+)\. ([^]*?)\n\n/.exec(paper) ?? [];
    const names = [...list.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    expect(names).toHaveLength(8);
    const except = ['zk/aff_g_star.ts', 'zk/sch.ts'];
    for (const path of except) expect(exceptions).toContain(`\`${path}\``);
    const modules = [...paper.matchAll(/^\| \d+ \| Π\S+ \| `(zk\/\w+\.ts)` \|$/gm)].map(([, path = '']) => path);
    expect(modules).toHaveLength(9);
    const lacks = (path: string): string[] =>
      names.filter((name) => !new RegExp(`^export (interface|type|function) ${name}\\b`, 'm').test(read(join(SOURCE, path))));
    expect(modules.filter((path) => lacks(path).length > 0).sort()).toEqual(except);
  });
});
