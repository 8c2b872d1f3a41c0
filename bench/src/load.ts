/** Requests, a number of them at a time. */

export interface Signed {
  readonly id: string;
  /** From the request to the answer that has the verified signature. */
  readonly ms: number;
}

/** Times on the clock of `performance.now()`. */
type Ended<S extends Signed> = S & { readonly end: number };

export interface Load<S extends Signed> {
  /** When the first was sent. */
  readonly start: number;
  readonly sent: number;
  /** In the order in which they ended. */
  readonly signed: Ended<S>[];
  /** What became of the others. */
  readonly failures: string[];
}

/** Sends requests, each sender one after the other, as long as there are `more`, and waits for what is still under way. */
export async function sendMany<S extends Signed>(
  sign: (message: string) => Promise<S>,
  inFlight: number,
  more: (sent: number) => boolean,
): Promise<Load<S>> {
  const signed: Ended<S>[] = [];
  const failures: string[] = [];
  const start = performance.now();
  let sent = 0;
  const sender = async (): Promise<void> => {
    while (more(sent)) {
      const message = `request ${sent++}`;
      try {
        signed.push({ ...(await sign(message)), end: performance.now() });
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  return { start, sent, signed, failures };
}

/** The first few, for a note. */
export function failureNotes({ failures }: Load<Signed>): string[] {
  return failures.slice(0, 3).map((failure) => `A request failed: ${failure}`);
}

/** Requests whose id has been given before: one of the two has no signature of its own. */
export function repeated(signed: readonly Signed[]): number {
  return signed.length - new Set(signed.map(({ id }) => id)).size;
}
