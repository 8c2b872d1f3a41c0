import type { NodeStatus } from 'message-board/contract';
import type { PresenceView } from '../cluster/presence.js';
import { announce, leaderOf, parseAnnouncement, type Attempt } from './attempt.js';

export interface AnnouncementDeps {
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly presence: Pick<PresenceView, 'peers'>;
  /** Parties that have cheated. */
  readonly culprits: { has(party: number): boolean };
}

/** What a status announces is parsed once, because many requests may be looked up in it. */
const parsed = new WeakMap<NodeStatus, readonly Attempt[]>();

/** The attempts at a request that live peers lead and take part in, as they say. */
export function announcedAttempts({ presence, culprits, n, t }: AnnouncementDeps, requestId: string): Attempt[] {
  return presence.peers().flatMap(({ live, index, status }) => {
    if (!live || status === undefined || culprits.has(index)) return [];
    const attempts = attemptsIn(status, n, t).filter((attempt) => attempt.requestId === requestId);
    return attempts.filter((attempt) => leaderOf(attempt, n) === index && attempt.signers.includes(index));
  });
}

function attemptsIn(status: NodeStatus, n: number, t: number): readonly Attempt[] {
  const known = parsed.get(status);
  if (known !== undefined) return known;
  const attempts = status.attempts.flatMap((text) => parseAnnouncement(text, n, t) ?? []);
  parsed.set(status, attempts);
  return attempts;
}

/** The attempts that this node leads, as it tells the others. */
export class OwnAnnouncements {
  readonly #current = new Set<string>();

  constructor(private readonly presence: Pick<PresenceView, 'update'>) {}

  /** Announces an attempt while the work on it lasts. */
  async during<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    const text = announce(attempt);
    this.#current.add(text);
    this.#publish();
    try {
      return await work();
    } finally {
      this.#current.delete(text);
      this.#publish();
    }
  }

  #publish(): void {
    this.presence.update({ attempts: [...this.#current] });
  }
}
