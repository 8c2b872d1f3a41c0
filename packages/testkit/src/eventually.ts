/**
 * Waits until `holds`; an error that it throws counts as no.
 * @param everyMs milliseconds between two calls of `holds`
 * @throws Error when it does not hold within `ms`, with the last error as its cause
 */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, ms = 240_000, everyMs = 50): Promise<void> {
  const end = performance.now() + ms;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`, { cause });
    await pause(everyMs);
  }
}

/** Waits until `holds`, without a limit: when it never holds, the test times out. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(2);
}

/** @returns tells whether the promise is settled, well or not, by the time of the call */
export function settlementOf(running: Promise<unknown>): () => boolean {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  running.then(settle, settle);
  return () => isSettled;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
