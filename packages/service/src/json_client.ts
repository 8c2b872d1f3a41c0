import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { ErrorBodySchema, ServiceError, TransportError } from './errors.js';

export interface JsonClientOptions {
  /** Milliseconds for one try, on top of `wait`. */
  readonly timeoutMs?: number;
  /** How often a call is made at most. */
  readonly tries?: number;
  /** Sees the headers of every answer. */
  readonly onHeaders?: (headers: Headers) => void;
}

type Headers = Dispatcher.ResponseData['headers'];
type Query = Readonly<Record<string, string | number | undefined>>;
interface Call<T> {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: string;
  readonly schema: z.ZodType<T>;
  /** Milliseconds for one try. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** Of what a server complains of, and of its words in complaints about it: they go to logs. */
const MAX_CODE = 64;
const MAX_COMPLAINT = 500;

/** JSON over a pool of kept connections. Answers are parsed; failures are ServiceError or TransportError. */
export class JsonClient {
  private readonly pool: Pool;
  private readonly prefix: string;
  private readonly timeoutMs: number;
  private readonly tries: number;
  private readonly onHeaders: ((headers: Headers) => void) | undefined;

  /** @param url `http://host:port`, with a path before every path if need be @throws TypeError when it is not a URL */
  constructor(url: string, { timeoutMs = 10_000, tries = 4, onHeaders }: JsonClientOptions = {}) {
    const { origin, pathname } = new URL(url);
    this.pool = new Pool(origin, { maxResponseSize: MAX_ANSWER_BYTES, keepAliveTimeout: 30_000, connectTimeout: 5_000 });
    this.prefix = pathname.replace(/\/+$/, '');
    this.timeoutMs = timeoutMs;
    this.tries = tries;
    this.onHeaders = onHeaders;
  }

  /** A `wait` in the query is allowed for in the time-out. */
  get<T>(path: string, query: Query, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
    const timeout = this.timeoutMs + Number(query['wait'] ?? 0);
    return this.repeat({ method: 'GET', path: search.size === 0 ? path : `${path}?${search.toString()}`, schema, timeout, signal }, this.tries);
  }

  /** `once`: not to be tried again, as what is not idempotent. */
  post<T>(path: string, body: object, schema: z.ZodType<T>, options: { signal?: AbortSignal | undefined; once?: boolean } = {}): Promise<T> {
    const call = { method: 'POST', path, body: JSON.stringify(body), schema, timeout: this.timeoutMs, signal: options.signal } as const;
    return this.repeat(call, options.once === true ? 1 : this.tries);
  }

  put<T>(path: string, body: object, schema: z.ZodType<T>, options: { signal?: AbortSignal | undefined; once?: boolean } = {}): Promise<T> {
    const call = { method: 'PUT', path, body: JSON.stringify(body), schema, timeout: this.timeoutMs, signal: options.signal } as const;
    return this.repeat(call, options.once === true ? 1 : this.tries);
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }

  private async repeat<T>(call: Call<T>, tries: number): Promise<T> {
    for (let failures = 0; ; ) {
      try {
        return await this.once(call);
      } catch (error) {
        failures += 1;
        const again = (error instanceof ServiceError || error instanceof TransportError) && error.retryable;
        if (!again || failures >= tries) throw error;
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
        await pauseFor(randomInt(pause >> 1, pause + 1), call.signal);
      }
    }
  }

  private async once<T>({ method, path, body, schema, timeout, signal }: Call<T>): Promise<T> {
    signal?.throwIfAborted();
    const late = new AbortController();
    const timer = setTimeout(() => {
      late.abort();
    }, timeout);
    const ended = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
    try {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { method, path: this.prefix + path, headers, body: body ?? null, signal: ended };
      const answer = await this.pool.request({ ...options, headersTimeout: 0, bodyTimeout: 0 });
      this.onHeaders?.(answer.headers);
      return read(`${method} ${path}`, answer.statusCode, await answer.body.text(), schema);
    } catch (error) {
      if (error instanceof ServiceError || error instanceof TransportError) throw error;
      signal?.throwIfAborted();
      const why = late.signal.aborted ? `no answer in ${timeout} ms` : describe(error);
      throw new TransportError(`${method} ${path}: ${why}`, true, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return [code, error instanceof Error ? error.message : String(error)].filter((part) => part !== '').join(' ');
}

function read<T>(what: string, status: number, text: string, schema: z.ZodType<T>): T {
  const json = parseJson(text);
  if (status >= 400) {
    const body = ErrorBodySchema.safeParse(json);
    const { code, message } = body.success ? body.data.error : { code: `http_${status}`, message: `${what}: status ${status}` };
    throw new ServiceError(status, code.slice(0, MAX_CODE), message.slice(0, MAX_COMPLAINT));
  }
  const answer = schema.safeParse(json);
  if (status === 200 && answer.success) return answer.data;
  const where = answer.success ? `status ${status}` : answer.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new TransportError(`${what}: not an answer of the contract: ${where.slice(0, MAX_COMPLAINT)}`, false);
}

/** @returns undefined, which no schema takes, when it is not JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
