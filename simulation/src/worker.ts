import { setImmediate as nextTurn } from 'node:timers/promises';
import { worldOf } from './program.js';
import type { Verdict } from './world.js';

/** What a world has left behind: promises that were rejected, and that nobody has looked at. */
const unhandled: unknown[] = [];

/** Simulates each seed that it is sent, until its parent is gone. */
export function work(): void {
  process.on('unhandledRejection', (reason) => {
    unhandled.push(reason);
  });
  process.on('disconnect', () => process.exit());
  process.on('message', (seed: string) => {
    void simulate(seed).then((verdict) => process.send?.(verdict));
  });
}

async function simulate(seed: string): Promise<Verdict> {
  const nothing = { seed, events: 0, virtualMs: 0, latencies: [], traits: {} };
  const verdict = await worldOf(seed).run().catch((error: unknown) => ({ ...nothing, violations: [describe(error)] }));
  // Rejections show only now.
  await nextTurn();
  const left = unhandled.splice(0).map((reason) => `a rejected promise that nobody looks at: ${describe(reason)}`);
  return left.length === 0 ? verdict : { ...verdict, violations: [...verdict.violations, ...left] };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
