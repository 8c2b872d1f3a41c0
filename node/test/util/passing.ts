import { settlementOf } from 'testkit/eventually';
import type { VirtualClock } from 'testkit/virtual_clock';

const STEP_MS = 25;

/** Moves virtual time forward in small steps. Each takes a moment of real time, in which signatures are made and verified. */
export async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    await clock.advance(Math.min(STEP_MS, left));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets virtual time pass until `holds`. */
export async function passUntil(clock: VirtualClock, holds: () => boolean): Promise<void> {
  while (!holds()) await pass(clock, STEP_MS);
}

/** Lets virtual time pass until a promise is settled. @returns what it resolves to @throws what it rejects with */
export async function passUntilSettled<T>(clock: VirtualClock, running: Promise<T>): Promise<T> {
  await passUntil(clock, settlementOf(running));
  return running;
}
