import type { Express, Request, Response } from 'express';
import { verifierFor } from 'message-board/app';
import { Board } from 'message-board/board';
import { addRoutes, holder } from 'message-board/routes';
import { Sessions } from 'message-board/sessions';
import { Waiters } from 'message-board/waiters';
import type { Logger } from 'pino';
import type { Roster } from 'sealing/roster';
import { admit } from 'service/callers';
import { every } from 'service/clock';
import { ServiceError } from 'service/errors';
import { Turns } from 'service/turns';
import { BOARD_LIMITS } from 'testkit/board';
import type { Server } from './network.js';
import type { Random } from './random.js';
import type { HttpAnswer, HttpCall } from './stand_ins/undici.js';
import { newProcess, ProcessClock, type ClockOptions, type Process, type Timeline } from './timeline.js';

/** As the board's program has it. */
const EXPIRE_EVERY_MS = 5_000;
const MAX_WAITING = 10_000;

type Handler = (request: Request, response: Response) => unknown;

interface Route {
  /** `:id` stands for any text. */
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/** The part of Express that the board's routes use, without sockets. */
class Router {
  /** By method and first segment. */
  readonly #routes = new Map<string, Route[]>();

  constructor(readonly sessions: Sessions) {}

  readonly app = {
    get: this.#adder('GET'),
    post: this.#adder('POST'),
    put: this.#adder('PUT'),
  } as unknown as Express;

  /** @throws ServiceError when there is no such route, and what the route throws */
  async answer({ method, path, headers, body }: HttpCall, gone: AbortSignal): Promise<unknown> {
    const [pathname = '', search] = path.split('?', 2);
    const segments = pathname.split('/');
    for (const { segments: pattern, handler } of this.#routes.get(`${method} ${segments[1]}`) ?? []) {
      const params = match(pattern, segments);
      if (params === null) continue;
      const query = search === undefined ? {} : Object.fromEntries(new URLSearchParams(search));
      let answer: unknown;
      const response = { gone, json: (value: unknown) => { answer = value; } } as unknown as Response;
      const get = (name: string): string | undefined => headers[name];
      const parsed = body === null ? undefined : (JSON.parse(body) as unknown);
      // Each call comes on a connection of its own.
      const request = { method, path: pathname, params, query, body: parsed, headers, get, socket: {} } as unknown as Request;
      await admit(this.sessions, request, response, () => gone);
      await handler(request, response);
      return answer;
    }
    throw new ServiceError(404, 'unknown_route', `no route ${method} ${path}`);
  }

  #adder(method: string): (path: string, handler: Handler) => void {
    return (path, handler) => {
      const segments = path.split('/');
      const key = `${method} ${segments[1]}`;
      this.#routes.set(key, [...(this.#routes.get(key) ?? []), { segments, handler }]);
    };
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (let k = 0; k < pattern.length; k += 1) {
    const [part = '', segment = ''] = [pattern[k], segments[k]];
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(segment);
    else if (part !== segment) return null;
  }
  return params;
}

export interface BoardHostDeps {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly roster: Roster;
  readonly clock: ClockOptions;
  readonly logger: (process: Process) => Logger;
}

/** The real board with its real routes. It can be stopped and started: it has then forgotten everything. */
export class BoardHost implements Server {
  process: Process | null = null;
  #board: Board | null = null;
  #router: Router | null = null;

  constructor(private readonly deps: BoardHostDeps) {}

  /** The board of this life; null while it is down. */
  get board(): Board | null {
    return this.#board;
  }

  start(): void {
    const { timeline, random, roster, logger } = this.deps;
    const process = newProcess('board');
    const clock = new ProcessClock(timeline, process, this.deps.clock);
    const verifier = verifierFor(roster);
    const waiters = new Waiters({ max: MAX_WAITING, shares: verifier.shares, clock });
    const changed = (topic: string, isUrgent = true): void => {
      if (isUrgent) waiters.wake(topic);
      else waiters.wakeSoon(topic);
    };
    const ids = (): string => random.bytes(8).toString('hex');
    const board = new Board({ limits: BOARD_LIMITS, verifier, clock, random: ids, changed });
    // A turn of the real event loop never ends while the timeline runs.
    const turns = new Turns(queueMicrotask);
    const router = new Router(new Sessions({ verifier, board: board.instance, keepsUnsigned: false, clock, turns }));
    const ended = (response: Response): AbortSignal => (response as unknown as { readonly gone: AbortSignal }).gone;
    addRoutes({ app: router.app, board, held: holder(waiters, ended, clock, turns), logger: logger(process) });
    every(clock, EXPIRE_EVERY_MS, () => {
      board.expire();
    });
    this.process = process;
    this.#board = board;
    this.#router = router;
  }

  kill(): void {
    if (this.process !== null) this.process.isAlive = false;
    this.process = null;
    this.#board = null;
    this.#router = null;
  }

  async answer(call: HttpCall, gone: AbortSignal): Promise<HttpAnswer> {
    const router = this.#router;
    if (router === null) throw new Error('the board is down');
    const headers = router.sessions.headers();
    try {
      const answer = await router.answer(call, gone);
      return { status: 200, headers, body: JSON.stringify(answer) };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const { status, code, message } = error;
      return { status, headers, body: JSON.stringify({ error: { code, message } }) };
    }
  }
}
