import type { Request } from 'express';
import { Refused } from 'sealing/errors';
import type { Caller, Callers } from 'service/callers';
import type { Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { Lane } from 'service/lane';
import { SteadyClock } from 'service/steady_clock';
import { Turns } from 'service/turns';
import { INSTANCE_HEADER } from '../contract/contract.js';
import { MEMBER_HEADER, SESSION_MS, TIME_HEADER } from '../contract/session.js';
import type { Verifier } from './verifier.js';

/** A member's clock may run this much faster than the board's between two answers, ms. Smaller: its session is refused at first. */
const MAX_DRIFT_MS = 5_000;
/** Known sessions of one member. Smaller: several processes of one member have theirs verified again and again. Larger: more memory. */
const MAX_OF_MEMBER = 16;
/** No session is longer, in characters. Larger: a forged one costs more to refuse. */
const MAX_LENGTH = 1_024;
/**
 * Turns of strangers in a second, and at once. Fewer: people who look around wait. More: strangers, and forged sessions, which cost a
 * verification each, take more of the time of members.
 */
const STRANGERS = { perSecond: 200, burst: 200 };
/** What anybody may post where raw requests are kept. */
const OPEN_TO_POST = new Set(['/requests', '/publickey']);

interface KnownSession {
  readonly member: string;
  /** By the board's time. */
  readonly expires: number;
}

export interface SessionsDeps {
  readonly verifier: Pick<Verifier, 'session'>;
  /** Names the life of the board. */
  readonly board: string;
  /** Are raw requests of strangers kept? */
  readonly keepsUnsigned: boolean;
  readonly clock: Clock;
  /** In which calls are answered. */
  readonly turns?: Turns;
}

/**
 * Who calls the board of a sealed cluster. Members show a session, which is verified once. Everybody else is a stranger, and so is, until
 * then, whoever shows a session that is not known yet on a connection that no member has used: strangers wait in a line, so that they cost
 * the same however many call.
 */
export class Sessions implements Callers {
  readonly lane: Lane;
  readonly turns: Turns;
  readonly #deps: SessionsDeps;
  readonly #steady: SteadyClock;
  readonly #known = new Map<string, KnownSession>();
  /** The texts of each member's known sessions, the oldest first. */
  readonly #ofMember = new Map<string, string[]>();

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
    this.#steady = new SteadyClock(deps.clock);
    this.turns = deps.turns ?? new Turns();
    this.lane = new Lane({ ...STRANGERS, clock: deps.clock });
  }

  /** The board's time, which does not jump when somebody sets the clock: a session belongs to one life of the board anyway. */
  get time(): number {
    return this.#steady.now();
  }

  headers(): Record<string, string> {
    return { [INSTANCE_HEADER]: this.#deps.board, [TIME_HEADER]: String(this.time) };
  }

  known(request: Request): string | undefined {
    const text = request.get(MEMBER_HEADER);
    const session = text === undefined ? undefined : this.#known.get(text);
    return session !== undefined && session.expires > this.time ? session.member : undefined;
  }

  async prove(request: Request): Promise<Caller> {
    const text = request.get(MEMBER_HEADER);
    // Whoever has another roster has to learn that from the board's health, and cannot show who it is.
    if (text === undefined || request.path === '/health') return null;
    // It may have become known while the call waited.
    return this.known(request) ?? (await this.#verified(text)).member;
  }

  permit(caller: Caller, { method, path }: Request): void {
    if (caller !== null || method === 'GET' || method === 'HEAD') return;
    if (this.#deps.keepsUnsigned && method === 'POST' && OPEN_TO_POST.has(path)) return;
    const advice = 'this board takes only what members post. Ask the gateway for signatures';
    throw new ServiceError(403, 'unsigned_request', `${MEMBER_HEADER}: is missing: ${advice}`);
  }

  /** @throws ServiceError 401 */
  async #verified(text: string): Promise<KnownSession> {
    try {
      if (text.length > MAX_LENGTH) throw new Refused('it is too long');
      const { member, board, expires } = await this.#deps.verifier.session(text);
      if (board !== this.#deps.board) throw new Refused('it is for another life of the board');
      if (expires <= this.time) throw new Refused('it is over');
      if (expires > this.time + SESSION_MS + MAX_DRIFT_MS) throw new Refused('it is valid for too long');
      return this.#keep(text, { member, expires });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new ServiceError(401, 'session_refused', `${MEMBER_HEADER}: ${error.message.slice(0, 256)}: make a new session`);
    }
  }

  #keep(text: string, session: KnownSession): KnownSession {
    const texts = this.#ofMember.get(session.member) ?? [];
    this.#ofMember.set(session.member, texts);
    if (!this.#known.has(text)) texts.push(text);
    this.#known.set(text, session);
    while (texts.length > MAX_OF_MEMBER) this.#known.delete(texts.shift() ?? '');
    return session;
  }
}
