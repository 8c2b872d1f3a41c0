/** A list that comes in pages is read to its end, whatever the board and its members do meanwhile. */
import { describe, expect, it } from '@jest/globals';
import { readThrough, type Reading } from '../src/client/read_through.js';

interface Item {
  readonly id: string;
  readonly revision: string;
}

const items = (...numbers: readonly number[]): Item[] => numbers.map((k) => ({ id: `i_${k}`, revision: `r_${k}` }));

/** A board with these pages, in turn; the cursors that it was asked for. */
function paged(...pages: readonly (readonly Item[])[]) {
  const asked: (string | undefined)[] = [];
  const read = (after: string | undefined): Promise<readonly Item[]> => {
    asked.push(after);
    return Promise.resolve(pages[asked.length - 1] ?? []);
  };
  return { asked, read };
}

async function idsOf(reading: Reading<Item>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of readThrough(reading)) ids.push(id);
  return ids;
}

describe('a list in pages', () => {
  it('is read from cursor to cursor, to its empty page', async () => {
    const { asked, read } = paged(items(1, 2), items(3));
    expect(await idsOf({ read, from: 'i_0' })).toEqual(['i_1', 'i_2', 'i_3']);
    expect(asked).toEqual(['i_0', 'i_2', 'i_3']);
  });

  it('is read by another cursor', async () => {
    const { asked, read } = paged(items(1, 2), items(3));
    await idsOf({ read, cursorOf: ({ revision }) => revision });
    expect(asked).toEqual([undefined, 'r_2', 'r_3']);
  });

  it('ends at a page that is not full: who posts one after the other keeps no reader busy', async () => {
    const { asked, read } = paged(items(1, 2), items(3), items(4));
    expect(await idsOf({ read, fullPage: 2 })).toEqual(['i_1', 'i_2', 'i_3']);
    expect(asked).toEqual([undefined, 'i_2']);
  });

  it('ends at what comes again: it has changed meanwhile, or the board shows the same for ever', async () => {
    const { asked, read } = paged(items(1, 2), items(3, 1), items(4));
    expect(await idsOf({ read })).toEqual(['i_1', 'i_2', 'i_3']);
    expect(asked).toEqual([undefined, 'i_2']);
  });

  it('ends, though the board invents new elements for ever', async () => {
    let k = 0;
    const read = (): Promise<Item[]> => Promise.resolve(items(...Array.from({ length: 1_000 }, () => (k += 1))));
    expect(await idsOf({ read })).toHaveLength(100_000);
  });

  it('is read no further than its reader wants, a page at a time', async () => {
    const { asked, read } = paged(items(1, 2), items(3, 4), items(5));
    for await (const { id } of readThrough({ read })) if (id === 'i_3') break;
    expect(asked).toEqual([undefined, 'i_2']);
  });
});
