import { ServiceError, TransportError } from 'service/errors';

/** The board did not answer, or not as it should. */
export class BoardUnavailable extends ServiceError {
  constructor(cause: unknown) {
    super(503, 'board_unavailable', 'the message board does not answer');
    this.cause = cause;
  }
}

/** A call to the board, as the gateway's clients are to see its failures. @throws BoardUnavailable; ServiceError 429 as it is */
export async function viaBoard<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TransportError || (error instanceof ServiceError && error.status >= 500)) throw new BoardUnavailable(error);
    if (error instanceof ServiceError && error.status !== 429) throw new Error('the message board refused a call', { cause: error });
    throw error;
  }
}
