/** A signing request's id: `req_<unix seconds>_<random>`. @param random at least 64 bits in hexadecimal */
export function newRequestId(nowMs: number, random: string): string {
  return `req_${Math.floor(nowMs / 1000)}_${random}`;
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
