/** Ids in order, which no other life of the board shares: `<instance>.<12 digits>`. As strings they sort as their numbers do. */
export class Sequence {
  #last = 0;

  /** @param instance drawn at random at start */
  constructor(readonly instance: string) {}

  next(): string {
    this.#last += 1;
    return `${this.instance}.${String(this.#last).padStart(12, '0')}`;
  }

  /** Was `id` made by this sequence? */
  made(id: string): boolean {
    const digits = id.slice(this.instance.length + 1);
    return id.startsWith(`${this.instance}.`) && /^\d{12}$/.test(digits) && Number(digits) <= this.#last;
  }
}
