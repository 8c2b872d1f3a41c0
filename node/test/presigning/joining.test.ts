import { beforeEach, describe, expect, it } from '@jest/globals';
import { signersLabel } from '../../src/base/utils.js';
import { Joining, type Making } from '../../src/presigning/joining.js';
import { BATCH } from '../../src/workers/batch.js';

const POOL_MAX = 30;
/** The cheat is node-3. */
const [CHEAT, HONEST] = [2, 0];
const ALL_SETS = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]];

/** What node-1 has and makes. */
class Node {
  held: Record<string, number> = {};
  making: Making[] = [];
  readonly joining: Joining;

  constructor() {
    const held = () => this.held;
    const isFull = (): boolean => Object.values(held()).reduce((sum, count) => sum + count, 0) >= POOL_MAX;
    const pool = { maxFree: POOL_MAX, counts: held, get isFull() { return isFull(); } };
    this.joining = new Joining({ n: 4, t: 3, pool, making: () => this.making });
  }

  /** Asks until it is refused. @returns for how many it was taken, and why not for another one */
  ask(asker: number, signers: readonly number[]): [count: number, why: string] {
    for (let count = 0; ; count++) {
      const why = this.joining.objection({ asker, signers });
      if (why !== null) return [count, why];
      this.making.push({ asker, signers, owing: [] });
    }
  }

  /** All that is under way is over. */
  settle(isMade: boolean): void {
    for (const { signers } of this.making.splice(0)) {
      if (isMade) this.held[signersLabel(signers)] = (this.held[signersLabel(signers)] ?? 0) + 1;
    }
  }
}

describe('a node takes part', () => {
  let node: Node;
  beforeEach(() => {
    node = new Node();
  });

  it('in a bounded number at a time for each that asks: one that says nothing then does not block the others', () => {
    const asked = ALL_SETS.slice(1).map((set) => node.ask(CHEAT, set));
    expect(asked.at(-1)?.[1]).toBe('node-3 asks for too many');
    expect(node.making.length).toBe(5 * BATCH);
    expect(node.ask(HONEST, [0, 1, 2])[0]).toBeGreaterThanOrEqual(2 * BATCH);
  });

  it('in a share of each set: whoever fills the pool with sets of its own leaves room for the others', () => {
    for (let round = 0; round < 10; round++) {
      for (const set of ALL_SETS.filter((signers) => signers.includes(CHEAT))) {
        node.ask(CHEAT, set);
        node.settle(true);
      }
    }
    const share = Math.ceil(POOL_MAX / ALL_SETS.length);
    expect(node.held['1-2-3']).toBe(share + BATCH);
    node.held['1-2-3'] = POOL_MAX;
    expect(node.ask(HONEST, [0, 1, 3])).toEqual([share, 'there are enough']);
    node.settle(true);
    expect(node.ask(CHEAT, [0, 1, 2])).toEqual([0, 'there are enough']);
  });

  it('for one that asks, as long as more than its messages is missing', () => {
    const worksFor = (owing: readonly number[]): boolean => {
      node.making = [{ asker: CHEAT, signers: [0, 1, 2], owing }];
      return node.joining.worksFor(CHEAT);
    };
    expect([[], [1], [1, 2], [2]].map(worksFor)).toEqual([true, true, true, false]);
    expect(node.joining.worksFor(HONEST)).toBe(false);
  });

  it('in none of what is no signer set', () => {
    expect([[0, 1], [0, 1, 4], [1, 0, 2], [0, 1, 1]].map((set) => node.joining.objection({ asker: HONEST, signers: set }))).toEqual(
      Array(4).fill('it is not well formed'),
    );
  });
});
