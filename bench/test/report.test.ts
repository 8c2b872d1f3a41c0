import { describe, expect, it } from '@jest/globals';
import { figures } from '../src/measure.js';
import { BEGIN, betweenMarkers, END, fullTable, quantity, resultsTable, verdict } from '../src/report.js';
import type { Bound, Result, ResultFile } from '../src/results.js';

/** As the table describes `machine`. */
const MACHINE = 'A CPU, 2 cores, 8 GiB, Node 20.19.0, OpenSSL 3.0.19, arithmetic by openssl';
const machine = {
  cpu: 'A CPU',
  cores: 2,
  memory_gib: 8,
  platform: 'linux x64',
  node: 'v20.19.0',
  openssl: '3.0.19',
  arithmetic: 'openssl',
  load: 0.1,
  busy: 0.02,
};

function resultOf(values: number[], more: Partial<Result> = {}): Result {
  return { name: 'presigning', unit: 'ms', clock: 'CPU', headline: 'median', ours: figures(values), crate: {}, bounds: [], ...more };
}

function fileOf(results: Result[], more: Partial<ResultFile> = {}): ResultFile {
  return { date: '2026-01-02T03:04:05.000Z', part: 'library', quick: false, machine, notes: [], results, series: [], ...more };
}

describe('quantity', () => {
  it.each([
    { value: 0.0123456, unit: 'ms' as const, text: '0.0123 ms' },
    { value: 65.44, unit: 'ms' as const, text: '65.4 ms' },
    { value: 456.7, unit: 'ms' as const, text: '457 ms' },
    { value: 999.4, unit: 'ms' as const, text: '999 ms' },
    { value: 1432.1, unit: 'ms' as const, text: '1.43 s' },
    { value: 50, unit: '/s' as const, text: '50/s' },
    { value: -0.25, unit: 'MiB/min' as const, text: '-0.250 MiB/min' },
    { value: 0, unit: '' as const, text: '0' },
  ])('$value $unit is $text', ({ value, unit, text }) => {
    expect(quantity(value, unit)).toBe(text);
  });
});

describe('verdict', () => {
  const result = resultOf([10, 30, 20], { crate: { GMP: figures([50, 40, 10]) } });
  const bound = (more: Partial<Bound>): Bound => ({ figure: 'median', side: 'at most', limit: 0.5, ...more });

  it.each([
    { name: 'a ratio that holds', bound: bound({ against: 'GMP' }), expected: { text: '0.50 of GMP ≤ 0.5 ✓', met: true } },
    {
      name: 'a ratio that does not',
      bound: bound({ against: 'GMP', limit: 0.49 }),
      expected: { text: '0.50 of GMP ≤ 0.49 ✗', met: false },
    },
    {
      name: 'a ratio of means',
      bound: bound({ against: 'GMP', figure: 'mean', limit: 0.6 }),
      expected: { text: '0.60 of GMP ≤ 0.6 ✓', met: true },
    },
    { name: 'a crate that was not there', bound: bound({ against: 'num-bigint' }), expected: null },
    { name: 'a figure itself', bound: bound({ limit: 15 }), expected: { text: '20 ms ≤ 15 ms ✗', met: false } },
    { name: 'a 95th percentile', bound: bound({ figure: 'p95', limit: 40 }), expected: { text: '95% 30 ms ≤ 40 ms ✓', met: true } },
    { name: 'at least', bound: bound({ side: 'at least', limit: 20 }), expected: { text: '20 ms ≥ 20 ms ✓', met: true } },
    {
      name: 'less than at least',
      bound: bound({ side: 'at least', limit: 20.1 }),
      expected: { text: '20 ms ≥ 20.1 ms ✗', met: false },
    },
  ])('$name', ({ bound, expected }) => {
    expect(verdict(result, bound)).toEqual(expected);
  });
});

describe('the tables', () => {
  const results = [
    resultOf([10, 20, 30], {
      crate: { GMP: figures([40]), 'num-bigint': figures([80]) },
      bounds: [{ figure: 'median', against: 'GMP', side: 'at most', limit: 0.6 }],
    }),
    resultOf([1], { name: 'a proof', headline: null }),
    resultOf([2, 4], { name: 'signature', clock: 'wall', headline: 'mean' }),
  ];

  it('of a part have every figure of ours and of the crate', () => {
    expect(fullTable(fileOf(results))).toBe(
      [
        '|  | by | samples | minimum | median | 95% | mean |  |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
        '| presigning | ours | 3 | 10 ms | 20 ms | 30 ms | 20 ms | 0.50 of GMP ≤ 0.6 ✓ |',
        '|  | crate, GMP | 1 | 40 ms | 40 ms | 40 ms | 40 ms | ours is 0.50 of it |',
        '|  | crate, num-bigint | 1 | 80 ms | 80 ms | 80 ms | 80 ms | ours is 0.25 of it |',
        '| a proof | ours | 1 | 1 ms | 1 ms | 1 ms | 1 ms |  |',
        '| signature | ours | 2 | 2 ms | 3 ms | 4 ms | 3 ms |  |',
        '',
      ].join('\n'),
    );
  });

  it('of bench/RESULTS.md have the headlines, the parts in their order, the machine and the notes', () => {
    const late = fileOf([resultOf([5], { name: 'prime', headline: 'mean' })], { part: 'primes', notes: ['noted'] });
    expect(resultsTable([late, fileOf(results)])).toBe(
      [
        `- library, 2026-01-02: ${MACHINE}; load 0.1 and 2% busy at the start.`,
        `- primes, 2026-01-02: ${MACHINE}; load 0.1 and 2% busy at the start.`,
        '',
        '|  | ours | 95% | crate, GMP | its tables | num-bigint | bound |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
        '| presigning | 20 ms | 30 ms | 40 ms |  | 80 ms | 0.50 of GMP ≤ 0.6 ✓ |',
        '| signature, wall time, mean of 2 | 3 ms |  |  |  |  |  |',
        '| prime | 5 ms |  |  |  |  |  |',
        '',
        '- noted',
        '',
      ].join('\n'),
    );
  });

  it('say when the machine was not quiet', () => {
    const busy = fileOf(results, { machine: { ...machine, busy: 0.5 } });
    expect(resultsTable([busy])).toContain('**The machine was not quiet.**');
  });
});

describe('betweenMarkers', () => {
  const document = `# Title\n\n${BEGIN}\nold\n${END}\n\nafter\n`;

  it('replaces what is between them, and nothing else', () => {
    expect(betweenMarkers(document, 'new $& $1\n')).toBe(`# Title\n\n${BEGIN}\nnew $& $1\n${END}\n\nafter\n`);
  });

  it('gives the same again the second time', () => {
    const once = betweenMarkers(document, 'new');
    expect(betweenMarkers(once, 'new')).toBe(once);
  });

  it.each([
    { name: 'there is no marker', document: 'text' },
    { name: 'there is no end', document: `${BEGIN}\nold` },
    { name: 'there is no beginning', document: `old\n${END}` },
    { name: 'the end comes first', document: `${END}\n${BEGIN}\n` },
    { name: 'the end is there before, too', document: `${END}\n${document}` },
    { name: 'it begins twice', document: `${document}${document}` },
    { name: 'it ends twice', document: `${document}${END}` },
  ])('refuses a document where $name', ({ document }) => {
    expect(() => betweenMarkers(document, 'new')).toThrow('once each, in this order');
  });
});
