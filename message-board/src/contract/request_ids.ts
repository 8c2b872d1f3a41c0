/** The id of every signing request begins with it. So do the ids of its signing attempts, which are the request's id, a dot, and more. */
export const REQUEST_ID_PREFIX = 'req_';

/** A signing request's id: `req_<unix seconds>_<random>`. @param random at least 64 bits, hexadecimal. With fewer, two ids may be equal */
export function newRequestId(nowMs: number, random: string): string {
  return `${REQUEST_ID_PREFIX}${Math.floor(nowMs / 1000)}_${random}`;
}

/**
 * Can this be the id of a signing request? Whoever posts a request chooses what follows the prefix. It has no dot, so that it is not the id
 * of an attempt, and at most 128 characters, so that the ids of its attempts fit.
 */
export function isRequestId(id: string): boolean {
  return /^req_[A-Za-z0-9_-]{1,124}$/.test(id);
}
