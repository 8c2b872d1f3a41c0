import type { Clock } from 'service/clock';
import type { Credentials, Headers } from 'service/json_client';
import { INSTANCE_HEADER } from '../contract/contract.js';
import { MEMBER_HEADER, SESSION_MS, TIME_HEADER, type SignSession } from '../contract/session.js';

/** Sent while the board's name and time are not known. The answer, 401, tells both. */
const NONE_YET = 'none';
/** A session is used for this long, ms. Smaller: more signatures. Larger: it may be over when the call arrives. */
const USED_MS = SESSION_MS / 2;

/** The session of a member with its board, made anew before it is over. */
export class ClientSession implements Credentials {
  #board: string | undefined;
  /** What the board's clock and ours showed at one moment. */
  #time = { board: 0, own: 0 };
  #session: { readonly board: string; readonly since: number; readonly text: Promise<string> } | null = null;

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
    return { [MEMBER_HEADER]: await this.#text() };
  }

  refused(): void {
    this.#session = null;
  }

  #text(): Promise<string> {
    const board = this.#board;
    if (board === undefined) return Promise.resolve(NONE_YET);
    const now = this.clock.monotonic();
    if (this.#session?.board !== board || now - this.#session.since > USED_MS) {
      const expires = this.#time.board + (now - this.#time.own) + SESSION_MS;
      this.#session = { board, since: now, text: this.sign(board, Math.floor(expires)) };
    }
    return this.#session.text;
  }
}
