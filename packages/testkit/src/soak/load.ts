import type { GatewayClient } from 'api-gateway/client';
import type { SigningStatus } from 'api-gateway/contract';
import { sleep, type Clock } from 'service/clock';
import { ServiceError } from 'service/errors';

/** A request of the load, and what has become of it. */
export interface Asked {
  readonly message: string;
  /** When it was asked, by the monotonic clock. */
  readonly at: number;
  /** undefined: the gateway has not answered yet, or has refused it. */
  id?: string;
  outcome: 'asking' | 'refused' | 'in_doubt' | 'pending' | 'lost' | 'failed' | 'completed';
  /** From the call until the outcome was known, milliseconds. */
  ms: number;
  signature?: string;
  why?: string;
}

export interface LoadOptions {
  readonly gateway: GatewayClient;
  readonly clock: Clock;
  /** Begins each message, so that none is asked for twice. */
  readonly label: string;
  readonly everyMs: number;
}

/** Pause after a call that failed. */
const PAUSE_MS = 200;

/** Clients that ask for a signature again and again, at a steady rate, whatever has become of the requests before. */
export class Load {
  readonly asked: Asked[] = [];
  readonly #options: LoadOptions;
  readonly #following: Promise<void>[] = [];
  readonly #stopped = new AbortController();
  /** No client is patient after this, by the monotonic clock. */
  #patientUntil = Infinity;
  #asking: Promise<void> | null = null;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#asking = this.#ask();
  }

  /** Asks for no more, and waits for what is under way. @param patienceMs at most this long */
  async stop(patienceMs: number): Promise<void> {
    this.#stopped.abort();
    this.#patientUntil = this.#options.clock.monotonic() + patienceMs;
    await this.#asking;
    await Promise.all(this.#following);
  }

  async #ask(): Promise<void> {
    const { clock, everyMs, label } = this.#options;
    const { signal } = this.#stopped;
    const start = clock.monotonic();
    for (let k = 0; !signal.aborted; k++) {
      const request: Asked = { message: `${label} ${k}`, at: clock.monotonic(), outcome: 'asking', ms: 0 };
      this.asked.push(request);
      this.#following.push(this.#follow(request));
      await sleep(clock, start + (k + 1) * everyMs - clock.monotonic(), signal);
    }
  }

  /** Never throws. */
  async #follow(request: Asked): Promise<void> {
    const { clock } = this.#options;
    const id = await this.#accepted(request);
    if (id === undefined) return;
    request.id = id;
    request.outcome = 'pending';
    while (!isFinal(request.outcome) && clock.monotonic() < this.#patientUntil) {
      const status = await this.#status(id, request.message);
      this.#note(request, status);
      if (!isFinal(request.outcome)) await sleep(clock, PAUSE_MS);
    }
  }

  /** Asks with one key until the gateway answers. @returns the id; undefined when it does not in time, or refuses the request */
  async #accepted(request: Asked): Promise<string | undefined> {
    const { gateway, clock } = this.#options;
    const { message } = request;
    while (clock.monotonic() < this.#patientUntil) {
      try {
        return (await gateway.sign(message, { idempotencyKey: message.replaceAll(' ', '-') })).request_id;
      } catch (error) {
        request.why = error instanceof Error ? error.message : String(error);
        request.ms = clock.monotonic() - request.at;
        request.outcome = error instanceof ServiceError ? 'refused' : 'in_doubt';
        if (error instanceof ServiceError && !error.retryable) return undefined;
      }
      await sleep(clock, PAUSE_MS);
    }
    return undefined;
  }

  async #status(id: string, message: string): Promise<SigningStatus | Error | undefined> {
    try {
      return await this.#options.gateway.status(id, message, { wait: 1_000 });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** @param status undefined when the gateway does not know the request */
  #note(request: Asked, status: SigningStatus | Error | undefined): void {
    request.ms = this.#options.clock.monotonic() - request.at;
    if (status instanceof Error) {
      request.why = status.message;
      return;
    }
    request.outcome = status?.status ?? 'lost';
    const why = status === undefined ? 'the gateway does not know it' : status.reason;
    if (why !== undefined) request.why = why;
    if (status?.signature !== undefined) request.signature = status.signature;
  }
}

function isFinal(outcome: Asked['outcome']): boolean {
  return outcome === 'completed' || outcome === 'failed';
}
