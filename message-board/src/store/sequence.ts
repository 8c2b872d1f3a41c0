/** Makes ids that no other life of the board makes: `<instance>.<12 digits>`. Each is larger, as a string, than the one before. */
export class Sequence {
  #last = 0;

  /** @param instance drawn at random when the board starts */
  constructor(readonly instance: string) {}

  next(): string {
    this.#last += 1;
    return `${this.instance}.${String(this.#last).padStart(12, '0')}`;
  }

  /** Has this sequence made `id`? */
  made(id: string): boolean {
    const digits = id.slice(this.instance.length + 1);
    return id.startsWith(`${this.instance}.`) && /^\d{12}$/.test(digits) && Number(digits) <= this.#last;
  }
}
