/** Only the ids of signing requests begin with it. */
export const REQUEST_ID_PREFIX = 'req_';

/** A signing request's id: `req_<unix seconds>_<random>`. @param random at least 64 bits in hexadecimal */
export function newRequestId(nowMs: number, random: string): string {
  return `${REQUEST_ID_PREFIX}${Math.floor(nowMs / 1000)}_${random}`;
}

/** Can this be the id of a signing request? Clients of the board choose what follows the prefix. */
export function isRequestId(id: string): boolean {
  return id.startsWith(REQUEST_ID_PREFIX);
}

/** Ids in order, which another life of the board does not share: `<instance>.<12 digits>`. As strings they sort as numbers do. */
export class Sequence {
  private last = 0;

  /** @param instance drawn at random at start */
  constructor(readonly instance: string) {}

  next(): string {
    this.last += 1;
    return `${this.instance}.${String(this.last).padStart(12, '0')}`;
  }

  /** Was `id` made by this sequence? */
  made(id: string): boolean {
    const digits = id.slice(this.instance.length + 1);
    return id.startsWith(`${this.instance}.`) && /^\d{12}$/.test(digits) && Number(digits) <= this.last;
  }
}
