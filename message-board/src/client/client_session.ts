import type { Clock } from 'service/clock';
import type { Credentials, Headers } from 'service/json_client';
import { INSTANCE_HEADER } from '../contract/contract.js';
import { MEMBER_HEADER, SESSION_MS, TIME_HEADER, type SignSession } from '../contract/session.js';

/** Sent while the board's name and time are not known. The answer, 401, tells both. */
const NONE_YET = 'none';
/** A session is used for this long, ms. Smaller: more signatures. Larger: it may be over when the call arrives. */
const USED_MS = SESSION_MS / 2;

interface Session {
  readonly board: string;
  readonly since: number;
  readonly text: Promise<string>;
  /** The text, once a call has shown it. */
  shown?: string;
}

/** The session of a member with its board, made anew before it is over. */
export class ClientSession implements Credentials {
  #board: string | undefined;
  /** What the board's clock and ours showed at one moment. */
  #time = { board: 0, own: 0 };
  #session: Session | null = null;

  constructor(
    private readonly sign: SignSession,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {}

  /** @param headers of an answer of the board */
  see(headers: Headers): void {
    const [board, time] = [headers[INSTANCE_HEADER], headers[TIME_HEADER]];
    if (typeof board !== 'string' || typeof time !== 'string' || !/^\d{1,15}$/.test(time)) return;
    this.#board = board;
    this.#time = { board: Number(time), own: this.clock.monotonic() };
  }

  async headers(): Promise<Record<string, string>> {
    const session = this.#current();
    if (session === undefined) return { [MEMBER_HEADER]: NONE_YET };
    session.shown = await session.text;
    return { [MEMBER_HEADER]: session.shown };
  }

  refused(headers: Readonly<Record<string, string>>): void {
    // Of many calls that have shown one session, a later one must not throw away the next session, which the first one has made.
    if (headers[MEMBER_HEADER] === this.#session?.shown) this.#session = null;
  }

  #current(): Session | undefined {
    const board = this.#board;
    if (board === undefined) return undefined;
    const now = this.clock.monotonic();
    if (this.#session?.board !== board || now - this.#session.since > USED_MS) {
      const expires = this.#time.board + (now - this.#time.own) + SESSION_MS;
      this.#session = { board, since: now, text: this.sign(board, Math.floor(expires)) };
    }
    return this.#session;
  }
}
