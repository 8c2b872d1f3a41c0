import { sleep, type Clock } from 'service/clock';
import { nodeId } from '../base/utils.js';
import type { PresenceView } from '../cluster/presence.js';

/**
 * A party that owed a message is avoided for this long. Smaller: a silent one delays more requests. Larger: one that was slow once stays
 * out of use.
 */
const SUSPECTED_MS = 60_000;

export interface SuspicionDeps {
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly clock: Clock;
  readonly presence: Pick<PresenceView, 'update'>;
}

/**
 * Parties that owed this node a message when an attempt or a presignature failed, n - t at most: if more were suspected, no set of signers
 * would be better than the others. The latest count, because whoever was silent before may be well again. The others are told. It is a
 * hint and nothing else, because a cheat can make honest nodes suspect each other: it decides only between signers that are as good
 * otherwise.
 */
export class Suspicion {
  /** Until when, on the monotonic clock, by party. The latest is the last. */
  readonly #until = new Map<number, number>();

  /** @param life ends with the node */
  constructor(
    private readonly deps: SuspicionDeps,
    private readonly life: AbortSignal,
  ) {}

  get parties(): ReadonlySet<number> {
    const now = this.deps.clock.monotonic();
    return new Set([...this.#until].flatMap(([party, until]) => (until > now ? [party] : [])));
  }

  /** These parties did not send what they owed. */
  suspect(parties: readonly number[]): void {
    if (parties.length === 0) return;
    const { n, t, clock } = this.deps;
    for (const party of parties) {
      this.#until.delete(party);
      this.#until.set(party, clock.monotonic() + SUSPECTED_MS);
    }
    const tooMany = Math.max(0, this.#until.size - (n - t));
    for (const party of [...this.#until.keys()].slice(0, tooMany)) this.#until.delete(party);
    this.#publish();
    void sleep(clock, SUSPECTED_MS, this.life).then(() => {
      this.#publish();
    });
  }

  #publish(): void {
    this.deps.presence.update({ suspects: [...this.parties].sort((a, b) => a - b).map(nodeId) });
  }
}
