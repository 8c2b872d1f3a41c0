import type { Caller } from 'service/callers';

/**
 * Upper bound of the texts in one answer of a board without a roster, at two bytes a character: about 16 MiB of JSON. Rust nodes read no
 * second page. With a larger value, one answer holds up all others for longer. With a smaller one, a list that is read once lacks its end.
 */
const PLAIN_PAGE_BYTES = 32 * 1024 * 1024;

/**
 * The same for a member of a sealed cluster: the largest message fits. With a larger value, one member can make larger answers, which the
 * others have to read. With a smaller one, readers need more calls.
 */
const MEMBER_PAGE_BYTES = 4 * 1024 * 1024;

/** The same for a stranger at the board of a sealed cluster. With a larger value, strangers who do not read fill more memory. */
const STRANGER_PAGE_BYTES = 256 * 1024;

/** How large an answer may be for this reader. */
export function pageBytes(isSealed: boolean, caller: Caller): number {
  if (!isSealed) return PLAIN_PAGE_BYTES;
  return caller === null ? STRANGER_PAGE_BYTES : MEMBER_PAGE_BYTES;
}

/** The first items, as many as fit one answer. One that does not fit comes alone, so that the reader can go on behind it. */
export function firstPage<T>(items: Iterable<T>, bytesOf: (item: T) => number, maxBytes: number): T[] {
  const page: T[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += bytesOf(item);
    if (page.length > 0 && bytes > maxBytes) break;
    page.push(item);
  }
  return page;
}
