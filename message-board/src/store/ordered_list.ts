/** Numbers, or strings in their own order. */
type Order = string | number;

interface Slot<T> {
  readonly order: Order;
  item: T | undefined;
}

/** The place of an item in an {@link OrderedList}. */
export type Place<T> = Slot<T>;

/**
 * Items in the order of their keys. Adding at the end and removing take constant time on average, finding a key takes logarithmic time.
 * Adding elsewhere moves what comes after it.
 */
export class OrderedList<T, K extends Order = string> {
  #slots: Slot<T>[] = [];
  #live = 0;

  /** @param order the key, which no other item has */
  add(order: K, item: T): Place<T> {
    const slot = { order, item };
    const last = this.#slots.at(-1);
    if (last === undefined || last.order < order) this.#slots.push(slot);
    else this.#slots.splice(this.#firstAfter(order), 0, slot);
    this.#live += 1;
    return slot;
  }

  /** Does nothing when it is removed already. */
  remove(place: Place<T>): void {
    if (place.item === undefined) return;
    place.item = undefined;
    this.#live -= 1;
    if (this.#slots.length > 2 * this.#live + 64) this.#slots = this.#slots.filter((slot) => slot.item !== undefined);
  }

  /** Items whose key is larger than `order`, in order. Do not change the list while reading. */
  *after(order: K): Generator<T> {
    for (let k = this.#firstAfter(order); k < this.#slots.length; k += 1) {
      const item = this.#slots[k]?.item;
      if (item !== undefined) yield item;
    }
  }

  #firstAfter(order: K): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const slot = this.#slots[middle];
      if (slot !== undefined && slot.order <= order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
