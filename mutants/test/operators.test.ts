import { describe, expect, test } from '@jest/globals';
import { applyTo, idOf, sample } from '../src/mutant.js';
import { mutantsOf } from '../src/operators.js';
import { targetFiles } from '../src/targets.js';

/** Every change that is made of one statement, as the statement then reads. */
const changes = (text: string): string[] => mutantsOf('file.ts', text).map((mutant) => applyTo(text, mutant));

describe('the changes', () => {
  test('of comparisons and of logic', () => {
    expect(changes('a < b;')).toEqual(['a <= b;']);
    expect(changes('a === b;')).toEqual(['a !== b;']);
    expect(changes('a && b;')).toEqual(['a || b;']);
    expect(changes('!a;')).toEqual(['a;']);
  });

  test('of a condition: it always holds, or never', () => {
    expect(changes('if (a) b;')).toEqual(['if (true) b;', 'if (false) b;']);
    expect(changes('x = a ? b : c;')).toEqual(['x = true ? b : c;', 'x = false ? b : c;']);
  });

  test('of arithmetic, and not of text that is put together', () => {
    expect(changes('x = a * b;')).toEqual(['x = a + b;']);
    expect(changes("x = a + 'b';")).toEqual([]);
  });

  test('of a check that stands alone, and of what it throws', () => {
    expect(changes('check(a);')).toEqual([';']);
    expect(changes('await check(a);')).toEqual([';']);
    expect(changes('throw error;')).toEqual([';']);
    expect(changes('list.every(check);')).toEqual([';', 'list.some(check);']);
  });

  test('not of what only tells somebody something, and not of types', () => {
    expect(changes('logger.warn(a < b);')).toEqual([]);
    expect(changes('await audit.note(a);')).toEqual([]);
    expect(changes('type T = true;')).toEqual([]);
  });

  test('of a file that has changed: refused', () => {
    const [mutant] = mutantsOf('file.ts', 'a < b;');
    if (mutant === undefined) throw new Error('there is no mutant');
    expect(() => applyTo('a > b;', mutant)).toThrow('file.ts has changed');
  });
});

describe('the sample', () => {
  const text = Array.from({ length: 40 }, (_, line) => `a${line} < b;`).join('\n');
  const mutants = mutantsOf('file.ts', text);

  test('depends on the seed alone', () => {
    expect(sample(mutants, 1, 10)).toEqual(sample([...mutants].reverse(), 1, 10));
    expect(sample(mutants, 1, 10)).not.toEqual(sample(mutants, 2, 10));
  });

  test('has no mutant twice, and is part of a larger one', () => {
    const ids = sample(mutants, 3, 30).map(idOf);
    expect(new Set(ids).size).toBe(30);
    expect(sample(mutants, 3, 40).map(idOf).slice(0, 30)).toEqual(ids);
  });
});

test('every target is there, and in none of them is a mutant missing', () => {
  const files = targetFiles();
  expect(files.length).toBeGreaterThan(60);
  expect(files).toContain('packages/cggmp24/src/zk/mod.ts');
});
