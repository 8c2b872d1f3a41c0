/** Claims that several sessions can settle together, for little more than the cost of one. Each protocol has its kind of claims. */

/** Something that a verifier still has to check. */
export interface Claim {
  /** The equation, as written in the paper: the reason in a blame when the claim does not hold. */
  readonly label: string;
}

/** Settles claims of any number of sessions. @returns the claims that do not hold */
export type Settle<C extends Claim> = (all: readonly C[]) => ReadonlySet<C>;

/** The claims of one session. */
export interface Batch<C extends Claim = Claim> {
  readonly claims: readonly C[];
  /** Batches with the same function have claims of one kind, and are settled together. */
  failed(all: readonly C[]): ReadonlySet<C>;
}

/** Settles batches of any kinds. @returns for each batch, in order, all claims of its kind that do not hold, also those of other batches */
export function settleBatches(batches: readonly Batch[]): ReadonlySet<Claim>[] {
  const kinds: { readonly one: Batch; readonly failed: ReadonlySet<Claim> }[] = [];
  return batches.map((batch) => {
    const settled = kinds.find(({ one }) => one.failed === batch.failed);
    if (settled !== undefined) return settled.failed;
    const failed = batch.failed(batches.filter((other) => other.failed === batch.failed).flatMap(({ claims }) => claims));
    kinds.push({ one: batch, failed });
    return failed;
  });
}
