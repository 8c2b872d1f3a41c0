import type { Traits } from './traits.js';

/** Counts in how many schedules each trait was; of each request, how it ended. */
export class Counts {
  readonly #groups = new Map<string, Map<string, number>>();

  add(traits: Traits): void {
    for (const [group, names] of Object.entries(traits)) {
      const counts = this.#groups.get(group) ?? new Map<string, number>();
      this.#groups.set(group, counts);
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }

  /** By trait of one group. */
  of(group: string): ReadonlyMap<string, number> {
    return this.#groups.get(group) ?? new Map<string, number>();
  }

  /** A line for each group, the most frequent first. */
  get text(): string {
    const lines = [...this.#groups].map(([group, counts]) => {
      const sorted = [...counts].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
      return `  ${group.padEnd(10)}${sorted.map(([name, count]) => `${name} ${count}`).join(', ')}\n`;
    });
    return lines.join('');
  }
}
