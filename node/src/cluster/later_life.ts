import { compareLives, type NodeStatements } from 'message-board/node_statement';
import type { Clock } from 'service/clock';

/** What was last shown of the later life. */
interface Shown {
  readonly stated: NodeStatements;
  /** When it was shown first, by the monotonic clock. */
  readonly since: number;
}

/**
 * Judges a life of this node that is later than its own.
 *
 * It is a second process with this identity, or an earlier life of this one: then its number was lost, because it came from a clock that
 * was ahead and the counter's file is gone. A process makes a new statement every second. What an ended life has stated does not change.
 */
export class LaterLife {
  readonly #options: { readonly silentMs: number; readonly clock: Pick<Clock, 'monotonic'> };
  #shown: Shown | null = null;

  /** @param options.silentMs a life without a new statement for this long has ended */
  constructor(options: { readonly silentMs: number; readonly clock: Pick<Clock, 'monotonic'> }) {
    this.#options = options;
  }

  /** @returns whether a process lives it; undefined while nobody can tell */
  isLived(stated: NodeStatements): boolean | undefined {
    const { silentMs, clock } = this.#options;
    const now = clock.monotonic();
    const shown = this.#shown;
    if (shown === null || compareLives(shown.stated.life, stated.life) < 0) {
      this.#shown = { stated, since: now };
      return undefined;
    }
    if (stated.statements.presence.sequence > shown.stated.statements.presence.sequence) return true;
    return now - shown.since > silentMs ? false : undefined;
  }
}
