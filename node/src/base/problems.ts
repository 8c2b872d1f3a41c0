/**
 * Everything that an operator may have to resolve, by its code: true when the node cannot sign meanwhile. docs/operations.md says what each
 * means and what to do.
 */
export const PROBLEMS = {
  disk_full: true,
  disk_failed: true,
  audit_log_failed: true,
  decisions_failed: true,
  keygen_stopped: true,
  aux_info_stopped: true,
  setup_conflict: true,
  public_key_conflict: true,
  clone_detected: true,
  clock_skew: true,
  policy_not_reloaded: false,
  ignored_by_peers: false,
  heartbeat_refused: false,
  board_unavailable: false,
} as const satisfies Record<string, boolean>;
export type ProblemCode = keyof typeof PROBLEMS;

export interface Problem {
  readonly code: ProblemCode;
  /** What is wrong, and what to do. */
  readonly reason: string;
}

/** The problems that this node has now. */
export class Problems {
  readonly #reasons = new Map<ProblemCode, string>();
  readonly #listeners = new Set<() => void>();

  /** @param reason null when the problem is resolved */
  set(code: ProblemCode, reason: string | null): void {
    if ((this.#reasons.get(code) ?? null) === reason) return;
    if (reason === null) this.#reasons.delete(code);
    else this.#reasons.set(code, reason);
    for (const listener of this.#listeners) listener();
  }

  /** `set` for one code. */
  reporter(code: ProblemCode): (reason: string | null) => void {
    return (reason) => {
      this.set(code, reason);
    };
  }

  /** Calls back when there is another problem, or one less. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** The oldest one first. */
  list(): Problem[] {
    return [...this.#reasons].map(([code, reason]) => ({ code, reason }));
  }

  /** Does one of them keep the node from signing? */
  get stopSigning(): boolean {
    return [...this.#reasons.keys()].some((code) => PROBLEMS[code]);
  }
}
