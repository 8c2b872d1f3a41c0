import { describe, expect, it } from '@jest/globals';
import { parseOptions, UsageError } from '../src/options.js';
import { PARTS } from '../src/results.js';

describe('parseOptions', () => {
  it('means all parts when none is named', () => {
    expect(parseOptions([])).toEqual({
      parts: [...PARTS],
      quick: false,
      only: '',
      'in-flight': 64,
      'small-primes': false,
      minutes: 10,
      runs: 5,
    });
  });

  it('runs the parts in their own order, each once', () => {
    expect(parseOptions(['primes', 'library', 'primes', '--quick'])).toMatchObject({ parts: ['library', 'primes'], quick: true });
  });

  it('takes clusters and numbers', () => {
    const options = parseOptions([
      'end-to-end',
      '--cluster',
      '2-of-3',
      '--cluster=5-of-7',
      '--pool',
      '40',
      '--in-flight',
      '8',
      '--minutes',
      '1',
      '--small-primes',
    ]);
    expect(options).toMatchObject({
      cluster: [
        { threshold: 2, nodes: 3 },
        { threshold: 5, nodes: 7 },
      ],
      pool: 40,
      'in-flight': 8,
      minutes: 1,
      'small-primes': true,
    });
  });

  it.each([
    { args: ['latency'], complaint: /^latency: must be one of library, / },
    { args: ['library', '--fast'], complaint: /--fast/ },
    { args: ['--pool', '3'], complaint: /^--pool: must be a whole number, 4 to 5000$/ },
    { args: ['--pool', '1e3'], complaint: /^--pool: / },
    { args: ['--minutes', '0'], complaint: /^--minutes: / },
    { args: ['--runs', 'many'], complaint: /^--runs: / },
    { args: ['--in-flight', '-1'], complaint: /in-flight/ },
    { args: ['--in-flight=1.5'], complaint: /^--in-flight: / },
    { args: ['--cluster', '3-of-8'], complaint: /^--cluster: must be like 3-of-4/ },
    { args: ['--cluster', '4-of-3'], complaint: /^--cluster: more signers than nodes/ },
    { args: ['--quick=1'], complaint: /quick/ },
  ])('refuses $args', ({ args, complaint }) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(complaint);
  });
});
