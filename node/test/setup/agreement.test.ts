import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SetupWorld } from '../util/setup_world.js';

const CALM_STEPS = 20_000;

/** What all nodes hold for good; every node that holds something holds this. */
function onlyResult(world: SetupWorld): string | null {
  const finals = new Set(world.disks.map(({ final }) => final).filter((final) => final !== null));
  expect(finals.size).toBeLessThanOrEqual(1);
  const [final] = finals;
  return final ?? null;
}

interface Chaos {
  readonly n: number;
  readonly steps: number;
  /** Once there is a result on any disk, one node dies in so many steps. */
  readonly untilDeath: number;
  /** One in so many readings of a protocol is given up. */
  readonly patience: number;
  readonly seed: number;
}

/** Numbers below a bound, the same for the same seed (mulberry32). */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, below);
  };
}

/**
 * Nodes start, die and start again between any two events; then all live on and nothing fails any more.
 * @param wipes are disks emptied, too?
 */
async function run({ n, steps, untilDeath, patience, seed }: Chaos, wipes: boolean): Promise<SetupWorld> {
  const draw = drawing(seed);
  const world = new SetupWorld(n, draw, patience);
  let committed: string | null = null;
  const check = (): void => {
    const result = onlyResult(world);
    if (committed !== null && !wipes) expect(result).toBe(committed);
    committed = result;
  };
  for (let k = 0; k < steps; k++) {
    const index = draw(n);
    if (draw(6) === 0) world.start(index);
    const anyResult = world.disks.some(({ pending, final }) => pending.size > 0 || final !== null);
    if (draw(anyResult ? untilDeath : 300) === 0) {
      world.kill(index);
      if (wipes && draw(4) === 0) world.wipe(index);
    }
    await world.step();
    check();
  }
  world.calm();
  for (let k = 0; k < n; k++) world.start(k);
  const ended = (): boolean => world.results.every((result, index) => result !== null || world.stages[index] === 'refusing');
  for (let k = 0; k < CALM_STEPS && !ended(); k++) {
    await world.step();
    check();
  }
  expect(committed).not.toBeNull();
  return world;
}

const chaos = fc.record({
  n: fc.integer({ min: 2, max: 4 }),
  steps: fc.integer({ min: 0, max: 900 }),
  untilDeath: fc.integer({ min: 4, max: 100 }),
  patience: fc.integer({ min: 5, max: 300 }),
  seed: fc.integer(),
});

describe('agreement on one result', () => {
  it('never leaves two results, and all nodes end with the same when all live, whoever was killed when', async () => {
    const property = fc.asyncProperty(chaos, async (settings) => {
      const { results, disks } = await run(settings, false);
      expect(results).toEqual(disks.map(() => disks[0]?.final));
    });
    await fc.assert(property, { numRuns: 120 });
  });

  it('never leaves two results though disks are emptied: who has none beside others that have one says so', async () => {
    const property = fc.asyncProperty(chaos, async (settings) => {
      const { results, stages, disks } = await run(settings, true);
      expect(results).toEqual(disks.map(({ final }) => final));
      expect(stages.map((stage) => stage === 'refusing')).toEqual(disks.map(({ final }) => final === null));
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
