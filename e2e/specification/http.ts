import { request } from 'undici';
import type { z } from 'zod';

export type Method = 'GET' | 'POST' | 'PUT';

export interface Answer {
  /** What was asked, for the message of a check that fails. */
  readonly call: string;
  readonly status: number;
  /** As it came. */
  readonly text: string;
}

/** A service at its URL. */
export class HttpService {
  constructor(readonly url: string) {}

  /** @param body an object is sent as JSON, a text as it is */
  async call(method: Method, path: string, body?: unknown): Promise<Answer> {
    const sent = typeof body === 'string' ? body : JSON.stringify(body);
    const json = { body: sent, headers: { 'content-type': 'application/json' } };
    const answer = await request(this.url + path, { method, ...(body === undefined ? {} : json) });
    return { call: `${method} ${this.url}${path}`, status: answer.statusCode, text: await answer.body.text() };
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.call('POST', path, body);
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.call('PUT', path, body);
  }
}

/** The body of an answer. @throws Error when its status is another one, or its body is not of this schema */
export function bodyOf<T>({ call, status, text }: Answer, expected: number, schema: z.ZodType<T>): T {
  if (status !== expected) throw new Error(`${call} answers ${status} instead of ${expected}: ${text.slice(0, 500)}`);
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`${call} answers ${faults.join('; ')} in ${text.slice(0, 500)}`);
}

/** All that is waited for takes milliseconds or seconds; this is for a machine with much else to do. */
const PATIENCE_MS = 300_000;
const LOOK_MS = 200;

/** Looks until there is something. @throws Error when there is not, after five minutes */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
