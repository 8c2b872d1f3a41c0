/** What a package shows to a newcomer. That it also runs is tested in e2e/packages.full.test.ts. */
import { describe, expect, test } from '@jest/globals';
import { read } from './util/repository.js';

describe.each([
  ['cggmp24', 'two_of_three.ts'],
  ['sealing', 'sealed_message.ts'],
])('The package %s', (name, example) => {
  const folder = `packages/${name}`;

  test('has a README with its example, complete', () => {
    const [readme, program] = [read(`${folder}/README.md`), read(`${folder}/examples/${example}`)];
    const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, snippet]) => snippet);
    expect(snippets).toEqual([program]);
  });

  test('has the licence of the repository', () => {
    expect(read(`${folder}/LICENSE`)).toBe(read('LICENSE'));
  });
});

test('The README shows a part of the example of cggmp24', () => {
  const section = read('README.md').split('\n## ').find((text) => text.startsWith('As a library'));
  const [, snippet] = /^```ts\n(.*?)^```$/ms.exec(section ?? '') ?? [];
  expect(read('packages/cggmp24/examples/two_of_three.ts')).toContain(snippet);
});
