/** What an operator has to resolve before this node can sign, by who found it. */
export class Problems {
  readonly #reasons = new Map<string, string>();

  /** @param reason null when the problem is resolved */
  set(source: string, reason: string | null): void {
    if (reason === null) this.#reasons.delete(source);
    else this.#reasons.set(source, reason);
  }

  /** `set` for one source. */
  reporter(source: string): (reason: string | null) => void {
    return (reason) => {
      this.set(source, reason);
    };
  }

  /** The oldest one; null when there is none. */
  get first(): string | null {
    const [reason] = this.#reasons.values();
    return reason ?? null;
  }
}
