/** Only the ids of signing requests begin with it. */
export const REQUEST_ID_PREFIX = 'req_';

/** A signing request's id: `req_<unix seconds>_<random>`. @param random at least 64 bits, hexadecimal */
export function newRequestId(nowMs: number, random: string): string {
  return `${REQUEST_ID_PREFIX}${Math.floor(nowMs / 1000)}_${random}`;
}

/** Can this be the id of a signing request? Clients of the board choose what follows the prefix. */
export function isRequestId(id: string): boolean {
  return id.startsWith(REQUEST_ID_PREFIX);
}
