import type { Caller } from 'service/callers';

/**
 * Upper bound of the texts in one answer, at two bytes a character: about 16 MiB of JSON. With a larger value, one answer holds up all
 * others for longer. With a smaller one, readers need more calls.
 */
const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/** The same for a stranger at the board of a sealed cluster. With a larger value, strangers who do not read fill more memory. */
const STRANGER_PAGE_BYTES = 256 * 1024;

/** How large an answer may be for this reader. */
export function pageBytes(isSealed: boolean, caller: Caller): number {
  return isSealed && caller === null ? STRANGER_PAGE_BYTES : MAX_PAGE_BYTES;
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
