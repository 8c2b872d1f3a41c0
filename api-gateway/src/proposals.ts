import type { NodeId } from 'message-board/contract';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';
import type { NodeView } from './node_statuses.js';

/** Heartbeats come every second and are read every second: a node whose last one is older, ms, may be down. */
const LATE_MS = 2_500;
/** What is still offered so long after it was proposed, ms, was proposed for a request that did not reach the board. */
const AGAIN_MS = 60_000;

/** Free presignatures of a signer set that can sign. */
interface Offer {
  readonly free: readonly string[];
  /** How many its first member has, without those that were proposed. */
  readonly left: number;
}

/**
 * Picks a presignature for each request, so that its makers sign as soon as they see the request. One picked wrongly (a maker went down a
 * moment ago; another request took it) does no harm but delay: each half signs once, and the request is signed in full.
 */
export class Proposals {
  /** When those that are still offered were proposed, by the clock's `monotonic`. */
  private readonly proposed = new Map<string, number>();

  constructor(
    private readonly roster: Roster,
    private readonly clock: Clock,
  ) {}

  /** How many of those that are still offered it has proposed. */
  get remembered(): number {
    return this.proposed.size;
  }

  /** The oldest of the signer set that has most; undefined when none is offered by a set that can sign. */
  next(nodes: readonly NodeView[]): string | undefined {
    this.forget(nodes);
    const offers = nodes.flatMap((node) => this.offersOf(node, nodes)).sort((a, b) => b.left - a.left);
    const id = offers[0]?.free[0];
    if (id !== undefined) this.proposed.set(id, this.clock.monotonic());
    return id;
  }

  /** A node offers what is of signer sets whose first member it is. */
  private offersOf(first: NodeView, nodes: readonly NodeView[]): Offer[] {
    const { pool, offers = {} } = first.status;
    return Object.entries(offers).flatMap(([label, ids]) => {
      const members = label.split('-').map((number) => `node-${number}`);
      const signers = nodes.filter(({ nodeId }) => members.includes(nodeId));
      const isSet = members.length === this.roster.t && signers.length === this.roster.t && members[0] === first.nodeId;
      const free = ids.filter((id) => !this.proposed.has(id));
      if (!isSet || free.length === 0 || !canSignTogether(signers, members)) return [];
      return [{ free, left: (pool[label] ?? 0) - (ids.length - free.length) }];
    });
  }

  /** One that is no longer offered has been used, or is lost: it is never offered again. */
  private forget(nodes: readonly NodeView[]): void {
    const offered = new Set(nodes.flatMap(({ status }) => Object.values(status.offers ?? {}).flat()));
    for (const [id, at] of this.proposed) if (!offered.has(id) || this.clock.monotonic() - at > AGAIN_MS) this.proposed.delete(id);
  }
}

/** Are they all alive and ready, and does none of them say that another one of them has cheated? */
function canSignTogether(signers: readonly NodeView[], members: readonly NodeId[]): boolean {
  return signers.every(({ status, ageMs }) => status.stage === 'ready' && ageMs <= LATE_MS && !status.culprits.some((name) => members.includes(name)));
}
