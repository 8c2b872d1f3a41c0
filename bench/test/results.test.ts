import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { figures } from '../src/measure.js';
import { loadResults, newestFiles, type ResultFile } from '../src/results.js';

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
const file: ResultFile = {
  date: '2026-01-02T03:04:05.000Z',
  part: 'library',
  quick: false,
  machine,
  notes: [],
  results: [
    { name: 'presigning', unit: 'ms', clock: 'CPU', headline: 'median', ours: figures([1, 2]), crate: { GMP: figures([3]) }, bounds: [] },
  ],
  series: [],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bench-results-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

describe('loadResults', () => {
  it('reads what was kept', () => {
    expect(loadResults(write('library_1.json', file))).toEqual(file);
  });

  it.each([
    { name: 'of another shape', content: { operations: [] } },
    { name: 'with an unknown part', content: { ...file, part: 'other' } },
    { name: 'without samples', content: { ...file, results: [{ ...file.results[0], ours: { ...figures([1]), values: [] } }] } },
    { name: 'of an unknown crate', content: { ...file, results: [{ ...file.results[0], crate: { other: figures([1]) } }] } },
  ])('refuses a file $name, by its name', ({ content }) => {
    const path = write('library_1.json', content);
    expect(() => loadResults(path)).toThrow(`${path} is no result of this benchmark`);
  });
});

describe('newestFiles', () => {
  it('has the newest whole run of each part, in the order of the parts', () => {
    write('library_2026-01-01T00-00-00.json', file);
    const library = write('library_2026-01-02T00-00-00.json', file);
    write('library_2026-01-03T00-00-00.json', { ...file, quick: true });
    const primes = write('primes_2026-01-01T00-00-00.json', { ...file, part: 'primes' });
    const parties = write('parties_2026-01-01T00-00-00.json', { ...file, part: 'parties' });
    expect(newestFiles(folder)).toEqual([library, parties, primes]);
  });

  it('has nothing of a part that was only run quickly', () => {
    write('sustained_2026-01-01T00-00-00.json', { ...file, part: 'sustained', quick: true });
    expect(newestFiles(folder)).toEqual([]);
  });
});
