import type { PresenceView } from '../cluster/presence.js';
import { announce, isLater, parseAnnouncement, type Attempt } from './attempt.js';

export interface AnnouncementDeps {
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly presence: Pick<PresenceView, 'peers'>;
  /** Parties that have cheated. */
  readonly culprits: { has(party: number): boolean };
}

/** An attempt, and one of its signers: it says that it runs the attempt. */
export interface Announcement {
  readonly by: number;
  readonly attempt: Attempt;
}

/** What live peers announce for a request, except attempts with a party to avoid. The attempt to follow comes first. */
export function announcedAttempts(deps: AnnouncementDeps, requestId: string, avoid: ReadonlySet<number> = new Set()): Announcement[] {
  const { presence, culprits, n, t } = deps;
  const all = presence.peers().flatMap(({ live, index: by, status }) => {
    const texts = live && !culprits.has(by) ? (status?.attempts ?? []) : [];
    return texts.flatMap((text) => {
      const attempt = parseAnnouncement(text, n, t);
      return attempt?.requestId === requestId ? [{ by, attempt }] : [];
    });
  });
  return all
    .filter(({ by, attempt: { signers } }) => signers.includes(by) && !signers.some((party) => avoid.has(party)))
    .sort((a, b) => (isLater(a.attempt, b.attempt) ? -1 : 1));
}

/** The attempts that this node runs, as it tells the others. */
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
