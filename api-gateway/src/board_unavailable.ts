import type { Clock } from 'service/clock';
import { ServiceError, TransportError } from 'service/errors';

/** The board did not answer, or answered that it cannot serve, or not this gateway. */
export class BoardUnavailable extends ServiceError {
  constructor(cause: unknown) {
    super(503, 'board_unavailable', `the message board ${problemOf(cause)}`);
    this.cause = cause;
  }
}

function problemOf(cause: unknown): string {
  const isRefusal = cause instanceof Error && (isClientError(cause) || isClientError(cause.cause));
  return isRefusal
    ? 'refuses the gateway: an operator has to find out why in its log'
    : 'does not answer: ask again in a few seconds';
}

function isClientError(error: unknown): boolean {
  return error instanceof ServiceError && error.status >= 400 && error.status < 500;
}

/** Is this what a call throws when the board does not answer, cannot serve, or does not take the gateway for a member? */
export function isUnavailable(error: unknown): boolean {
  return error instanceof TransportError || (error instanceof ServiceError && (error.status >= 500 || error.status === 401));
}

/**
 * Turns what a call to the board throws into what clients of the gateway are told. A 4xx of the board means that the gateway's call is
 * wrong, not the client's.
 * @throws BoardUnavailable; ServiceError 429 as it is; Error when the board refuses the call
 */
export async function viaBoard<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (isUnavailable(error)) throw new BoardUnavailable(error);
    if (error instanceof ServiceError && error.status !== 429) throw new Error('the message board refused a call', { cause: error });
    throw error;
  }
}

/**
 * Makes calls to the board that may take `ms` at most together, whatever the board does.
 * @throws BoardUnavailable when it takes longer; what the call throws; an AbortError when `ended` aborts
 */
export async function within<T>(clock: Clock, ms: number, ended: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = clock.after(ms, () => {
    late.abort();
  });
  try {
    return await call(AbortSignal.any([late.signal, ended]));
  } catch (error) {
    if (late.signal.aborted && !ended.aborted) throw new BoardUnavailable(error);
    throw error;
  } finally {
    timer.stop();
  }
}

/** A call that the signal does not end is left alone when it aborts. @throws BoardUnavailable */
export function untilAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => {
      reject(new BoardUnavailable(signal.reason));
    };
    if (signal.aborted) gone();
    signal.addEventListener('abort', gone, { once: true });
    call.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', gone);
    });
  });
}
