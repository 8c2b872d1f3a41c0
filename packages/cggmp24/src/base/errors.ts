/** The caller's mistake: an argument that no honest use would pass. Nothing was drawn, sent or used up. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';
  /** @param argument the name of the argument, with a path into it where that helps: `signers.2` */
  constructor(
    readonly argument: string,
    message: string,
  ) {
    super(`${argument}: ${message}`);
  }
}

/** One check of a proof failed. Never leaves this library: it becomes the reason in a blame. */
export class InvalidProof extends Error {
  override readonly name = 'InvalidProof';
  /** @param check the equation or range that does not hold, as written in the paper */
  constructor(readonly check: string) {
    super(`check failed: ${check}`);
  }
}

/** Throws `InvalidProof` naming the equation unless it holds. */
export function check(label: string, holds: boolean): void {
  if (!holds) throw new InvalidProof(label);
}

/** The equation at which `verify` fails, or null when all hold. Any error but `InvalidProof` is ours and passes through. */
export function failedCheckOf(verify: () => void): string | null {
  try {
    verify();
  } catch (error) {
    if (error instanceof InvalidProof) return error.check;
    throw error;
  }
  return null;
}

/** An invariant of this library broke: neither a peer's fault nor the caller's. */
export class ProtocolBug extends Error {
  override readonly name = 'ProtocolBug';
}
