import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { signerSets } from '../../src/cluster/signer_sets.js';

interface SelectionCase {
  readonly request_id: string;
  readonly t: number;
  readonly n: number;
  readonly participants: number[];
}

const vectors = new URL('../../../packages/cggmp24/test/vectors/unit_selection.json.gz', import.meta.url);
const { cases } = JSON.parse(gunzipSync(readFileSync(vectors)).toString()) as { cases: SelectionCase[] };

describe('signer sets', () => {
  it.each(cases)('begin with the set of the published rule: $request_id, $t of $n', ({ request_id, t, n, participants }) => {
    expect(signerSets(request_id, n, t)[0]).toEqual(participants);
  });

  it('are all the subsets of 3 of 4, each once and ascending, and any one node is missing from one', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        const sets = signerSets(id, 4, 3);
        expect(new Set(sets.map((set) => set.join())).size).toBe(4);
        for (const set of sets) expect(set).toEqual([...set].sort((a, b) => a - b));
        for (const down of [0, 1, 2, 3]) expect(sets.some((set) => !set.includes(down))).toBe(true);
      }),
    );
  });

  it('hold every subset also where some are not consecutive: any two of seven may be down', () => {
    const sets = signerSets('req_1_a', 7, 5);
    expect(sets).toHaveLength(21);
    for (let a = 0; a < 7; a++) {
      for (let b = 0; b < a; b++) expect(sets.some((set) => !set.includes(a) && !set.includes(b))).toBe(true);
    }
  });

  it('stay few in a large cluster', () => {
    expect(signerSets('req_1_a', 40, 20)).toHaveLength(256);
  });
});
