/** The id of every signing request begins with it. So do the ids of its signing attempts, which begin with the request's id. */
export const REQUEST_ID_PREFIX = 'req_';

/** A signing request's id: `req_<unix seconds>_<random>`. @param random at least 64 bits, hexadecimal. With fewer, two ids may be equal */
export function newRequestId(nowMs: number, random: string): string {
  return `${REQUEST_ID_PREFIX}${Math.floor(nowMs / 1000)}_${random}`;
}

/** Can this be the id of a signing request? Whoever posts a request chooses what follows the prefix. */
export function isRequestId(id: string): boolean {
  return id.startsWith(REQUEST_ID_PREFIX);
}
