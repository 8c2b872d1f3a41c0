/** The texts of one list answer, at two bytes a character: 16 MiB of plain characters. A larger answer would hold up the event loop. */
const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/** The longest run from the start of `items` that fits a page, at least one. */
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
