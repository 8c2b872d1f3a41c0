import { z } from 'zod';

/** Every error: `code` is stable snake_case, `message` names the field. */
export const ErrorBodySchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
export type ErrorBody = z.infer<typeof ErrorBodySchema>;

/** An HTTP answer that says no. A service throws it and renders it; a client parses it back. */
export class ServiceError extends Error {
  override readonly name: string = 'ServiceError';

  /**
   * @param status HTTP status, 4xx or 5xx
   * @param code stable snake_case name of the error
   */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  /** Is it worth another try? Only 502 and above: a 4xx would be the same again, and a 500 is a fault of the service. */
  get retryable(): boolean {
    return this.status >= 502;
  }
}

/** No usable HTTP answer came: not reachable, timed out, cut off (all retryable), or not what the contract says (not). */
export class TransportError extends Error {
  override readonly name: string = 'TransportError';

  constructor(
    message: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
