/**
 * Upper bound of the texts in one answer, at two bytes a character: about 16 MiB of JSON. With a larger value, one answer holds up all
 * others for longer. With a smaller one, readers need more calls.
 */
const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/** The first items, as many as fit one answer. One that does not fit comes alone, so that the reader can go on behind it. */
export function firstPage<T>(items: Iterable<T>, bytesOf: (item: T) => number): T[] {
  const page: T[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += bytesOf(item);
    if (page.length > 0 && bytes > MAX_PAGE_BYTES) break;
    page.push(item);
  }
  return page;
}
