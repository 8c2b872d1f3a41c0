/** Elements of one reading at most. Smaller: the end of a long list is not read. Larger: a board that lies is read for longer. */
const MAX_READ = 100_000;

/** How to read a list page by page. */
export interface Reading<T> {
  /** Reads one page. @param after cursor of the last element seen; undefined: from the start */
  readonly read: (after: string | undefined) => Promise<readonly T[]>;
  /** By default the id. */
  readonly cursorOf?: (element: T) => string;
  /** Where to begin. */
  readonly from?: string;
  /** A page with fewer elements is the last one. By default only an empty page is. */
  readonly fullPage?: number;
}

/**
 * Reads a list of the board through, one page in memory at a time. It ends where the list ends, and at an element that it has given before:
 * what comes again has changed meanwhile, so everything before that was read.
 */
export async function* readThrough<T extends { readonly id: string }>(
  { read, cursorOf = ({ id }) => id, from, fullPage = 1 }: Reading<T>,
): AsyncGenerator<T> {
  const given = new Set<string>();
  for (let after = from; given.size < MAX_READ; ) {
    const page = await read(after);
    for (const element of page) {
      if (given.has(element.id)) return;
      given.add(element.id);
      yield element;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < fullPage) return;
    after = cursorOf(last);
  }
}
