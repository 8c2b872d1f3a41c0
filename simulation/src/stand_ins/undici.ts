/** In place of `undici`: HTTP over the simulated network. A client's URL names the process that it is in. */
import type { Dispatcher } from 'undici';

/** A call as it travels. */
export interface HttpCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a call for the process of this name. @throws what a broken connection throws; the signal's reason */
export type Send = (caller: string, call: HttpCall, signal: AbortSignal) => Promise<HttpAnswer>;

let send: Send = () => Promise.reject(new Error('there is no network'));

export function connect(network: Send): void {
  send = network;
}

type RequestOptions = Omit<HttpCall, 'headers'> & { readonly headers?: HttpCall['headers']; readonly signal: AbortSignal };
type Answer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'> & { readonly body: { text(): Promise<string> } };

export class Pool {
  readonly #caller: string;

  constructor(origin: string) {
    this.#caller = new URL(origin).hostname;
  }

  async request({ method, path, headers = {}, body, signal }: RequestOptions): Promise<Answer> {
    const answer = await send(this.#caller, { method, path, headers, body }, signal);
    return { statusCode: answer.status, headers: answer.headers, body: { text: () => Promise.resolve(answer.body) } };
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}
