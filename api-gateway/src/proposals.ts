import { isLate, suspectingOf, usablePresignatures, type PeerView } from 'message-board/peer_view';
import type { Roster } from 'sealing/roster';

/**
 * Proposed presignatures that are remembered. Smaller: one could be proposed again while a node still states it. Larger: more memory, some
 * 100 bytes each.
 */
const MAX_REMEMBERED = 10_000;

/**
 * Picks a presignature for each request, so that the nodes that made it sign as soon as they see the request. It picks each once: a
 * presignature signs once at most, and the board takes none that is assigned already. A wrong pick does no harm but delay: when a maker
 * has just gone down, the request is signed in full.
 */
export class Proposals {
  readonly #roster: Pick<Roster, 'n' | 't'>;
  /** The latest ones, in the order in which they were proposed. */
  readonly #proposed = new Set<string>();

  constructor(roster: Pick<Roster, 'n' | 't'>) {
    this.#roster = roster;
  }

  /**
   * The oldest presignature of the signer set that has most; undefined when there is none that can be used now. Sets with a member that
   * lately did not sign with what it has made come last.
   */
  next(nodes: readonly PeerView[]): string | undefined {
    const { n, t } = this.#roster;
    // Fewer might all be cheats.
    const suspected = nodes.filter(({ nodeId }) => suspectingOf(nodeId, nodes).length > n - t).map(({ index }) => String(index + 1));
    const burden = (label: string): number => (label.split('-').some((number) => suspected.includes(number)) ? 1 : 0);
    const sets = [...this.#free(nodes)].sort(([a, ids], [b, others]) => burden(a) - burden(b) || others.length - ids.length);
    const id = sets[0]?.[1][0];
    if (id !== undefined) this.#remember(id);
    return id;
  }

  /** It was proposed for nothing: it can be proposed again. */
  giveBack(id: string): void {
    this.#proposed.delete(id);
  }

  /** How many of each signer set can be proposed now, by `1-2-3`. */
  counts(nodes: readonly PeerView[]): Record<string, number> {
    return Object.fromEntries([...this.#free(nodes)].map(([label, ids]) => [label, ids.length]));
  }

  /** One whose maker is late waits: it may be down. */
  #free(nodes: readonly PeerView[]): Map<string, readonly string[]> {
    const usable = usablePresignatures(nodes.filter((node) => !isLate(node)), this.#roster.t);
    const free = [...usable].map(([label, ids]): [string, readonly string[]] => [label, ids.filter((id) => !this.#proposed.has(id))]);
    return new Map(free.filter(([, ids]) => ids.length > 0));
  }

  #remember(id: string): void {
    this.#proposed.add(id);
    const [oldest] = this.#proposed;
    if (this.#proposed.size > MAX_REMEMBERED && oldest !== undefined) this.#proposed.delete(oldest);
  }
}
