import { Pool, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { sleep, systemClock, type Clock } from './clock.js';
import { ErrorBodySchema, ServiceError, TransportError } from './errors.js';
import { systemRandom, type RandomBytes } from './random.js';

export interface JsonClientOptions {
  /** Milliseconds that one try may take, on top of the query's `wait`. */
  readonly timeoutMs?: number;
  /** Tries of one call at most. */
  readonly tries?: number;
  /** Called with the headers of every answer. */
  readonly onHeaders?: (headers: Headers) => void;
  readonly credentials?: Credentials | undefined;
  /** For time-outs and pauses. */
  readonly clock?: Clock;
  /** For the jitter of the pauses. */
  readonly random?: RandomBytes;
}

export type Headers = Dispatcher.ResponseData['headers'];

/** What shows a service who calls it. */
export interface Credentials {
  /** Headers of the next call. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The service has not accepted these, and answered 401. The call is made once more, with new ones. */
  refused(headers: Readonly<Record<string, string>>): void;
}

export interface CallOptions {
  /** Undefined values are left out. A `wait`, in milliseconds, is added to the time-out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Besides the type of the body. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes one try only: for a call that is not idempotent, or that a later call makes superfluous. */
  readonly once?: boolean;
  /** A status besides 200 whose answers the schema parses. */
  readonly alsoStatus?: number;
}

interface Call<T> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly schema: z.ZodType<T>;
  /** Milliseconds for one try. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly statuses: readonly number[];
  /** The credentials of the last try. */
  shown: Readonly<Record<string, string>>;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** Upper bounds on the text of a server's error and on a complaint about its answer. Larger: a server can fill the log. */
const MAX_CODE_LENGTH = 64;
const MAX_COMPLAINT_LENGTH = 500;

/**
 * JSON over a pool of kept connections. Answers are parsed. A call is tried again, after growing, jittered pauses, when no answer comes or
 * its status is 502 or more; a 4xx would be the same again.
 * @throws ServiceError, TransportError; the signal's reason when it aborts
 */
export class JsonClient {
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #tries: number;
  readonly #onHeaders: ((headers: Headers) => void) | undefined;
  readonly #credentials: Credentials | undefined;
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  /** @param url `http://host:port`, with a path before every path if need be @throws TypeError when it is not a URL */
  constructor(url: string, options: JsonClientOptions = {}) {
    const { timeoutMs = 10_000, tries = 4, onHeaders, credentials, clock = systemClock, random = systemRandom } = options;
    const { origin, pathname } = new URL(url);
    this.#pool = new Pool(origin, { maxResponseSize: MAX_ANSWER_BYTES, keepAliveTimeout: 30_000, connectTimeout: 5_000 });
    this.#prefix = pathname.replace(/\/+$/, '');
    this.#timeoutMs = timeoutMs;
    this.#tries = tries;
    this.#onHeaders = onHeaders;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#random = random;
  }

  get<T>(path: string, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return this.#call('GET', path, null, schema, options);
  }

  post<T>(path: string, body: object, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return this.#call('POST', path, body, schema, options);
  }

  put<T>(path: string, body: object, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return this.#call('PUT', path, body, schema, options);
  }

  delete<T>(path: string, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return this.#call('DELETE', path, null, schema, options);
  }

  /** Ends calls under way. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #call<T>(method: Call<T>['method'], path: string, body: object | null, schema: z.ZodType<T>, options: CallOptions): Promise<T> {
    const { query = {}, signal, headers = {}, once = false, alsoStatus } = options;
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
    const call: Call<T> = {
      method,
      path: search.size === 0 ? path : `${path}?${search.toString()}`,
      headers: body === null ? headers : { ...headers, 'content-type': 'application/json' },
      body: body === null ? null : JSON.stringify(body),
      schema,
      timeout: this.#timeoutMs + Number(query['wait'] ?? 0),
      signal,
      statuses: alsoStatus === undefined ? [200] : [200, alsoStatus],
      shown: {},
    };
    const tries = once ? 1 : this.#tries;
    let isRenewed = false;
    for (let failures = 0; ; ) {
      try {
        return await this.#try(call);
      } catch (error) {
        if (this.#credentials !== undefined && !isRenewed && error instanceof ServiceError && error.status === 401) {
          isRenewed = true;
          this.#credentials.refused(call.shown);
          continue;
        }
        failures += 1;
        const again = (error instanceof ServiceError || error instanceof TransportError) && error.retryable;
        if (!again || failures >= tries) throw error;
        await sleep(this.#clock, this.#pause(failures), signal);
        signal?.throwIfAborted();
      }
    }
  }

  /** Milliseconds: twice as many after each failure, of which the second half is drawn at random. */
  #pause(failures: number): number {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
    return (pause / 2) * (1 + this.#random(4).readUInt32LE() / 2 ** 32);
  }

  async #try<T>(call: Call<T>): Promise<T> {
    const { method, path, headers, body, timeout, signal } = call;
    signal?.throwIfAborted();
    const late = new AbortController();
    const timer = this.#clock.after(timeout, () => {
      late.abort();
    });
    const ended = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
    try {
      call.shown = (await this.#credentials?.headers()) ?? {};
      const all = { ...headers, ...call.shown };
      const options = { method, path: this.#prefix + path, headers: all, body, signal: ended };
      const answer = await this.#pool.request({ ...options, headersTimeout: 0, bodyTimeout: 0 });
      this.#onHeaders?.(answer.headers);
      return read(call, answer.statusCode, await answer.body.text());
    } catch (error) {
      if (error instanceof ServiceError || error instanceof TransportError) throw error;
      signal?.throwIfAborted();
      const why = late.signal.aborted ? `no answer in ${timeout} ms` : describe(error);
      throw new TransportError(`${method} ${path}: ${why}`, true, { cause: error });
    } finally {
      timer.stop();
    }
  }
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return [code, error instanceof Error ? error.message : String(error)].filter((part) => part !== '').join(' ');
}

function read<T>({ method, path, schema, statuses }: Call<T>, status: number, text: string): T {
  const json = parseJson(text);
  const answer = schema.safeParse(json);
  if (statuses.includes(status) && answer.success) return answer.data;
  if (status >= 400) {
    const body = ErrorBodySchema.safeParse(json);
    const { code, message } = body.success ? body.data.error : { code: `http_${status}`, message: `${method} ${path}: status ${status}` };
    throw new ServiceError(status, code.slice(0, MAX_CODE_LENGTH), message.slice(0, MAX_COMPLAINT_LENGTH));
  }
  const issues = answer.error?.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const where = issues?.join('; ') ?? `status ${status}`;
  throw new TransportError(`${method} ${path}: not an answer of the contract: ${where.slice(0, MAX_COMPLAINT_LENGTH)}`, false);
}

/** @returns undefined, which no schema takes, when it is not JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
