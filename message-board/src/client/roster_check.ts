import { fingerprintOf, type Roster } from 'sealing/roster';
import { sleep, type Clock } from 'service/clock';
import type { BoardClient } from './client.js';

/** Pause before the board is asked again. Smaller: more calls while it is down. Larger: a wrong roster is found later. */
const PAUSE_MS = 1_000;

/** The board serves another cluster than this member's. Nothing that either says counts for the other, so only an operator can help. */
export class OtherRoster extends Error {
  override readonly name = 'OtherRoster';
}

export interface RosterCheckDeps {
  readonly board: Pick<BoardClient, 'health'>;
  readonly roster: Pick<Roster, 'hash' | 'fingerprint'>;
  readonly clock: Clock;
}

/**
 * Asks the board, until it answers, by which roster it checks what members sign. A board without a roster checks nothing.
 * @throws OtherRoster when it has another one; the signal's reason
 */
export async function requireSameRoster({ board, roster, clock }: RosterCheckDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    const health = await board.health(signal).catch(() => undefined);
    signal.throwIfAborted();
    if (health !== undefined) {
      if (health.roster === null || health.roster === roster.hash) return;
      throw new OtherRoster(
        `The message board has the roster with the fingerprint ${fingerprintOf(health.roster)}, and this member has `
        + `${roster.fingerprint}. Set MESSAGE_BOARD_URL to the board of this cluster, or ROSTER_FILE to the roster of that one`,
      );
    }
    await sleep(clock, PAUSE_MS, signal);
  }
}
