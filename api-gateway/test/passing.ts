import { settlementOf } from 'testkit/eventually';
import type { VirtualClock } from 'testkit/virtual_clock';

/** Virtual time passes in steps of this. Smaller: a test takes more turns of the event loop. Larger: it looks at the gateway less often. */
const STEP_MS = 50;

/** Lets virtual time pass until `holds`. It stands still while no timer is set: calls between gateway and board take none of it. */
export async function passUntil(clock: VirtualClock, holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    if (clock.pending > 0) await clock.advance(STEP_MS);
    // Calls between gateway and board go over real connections.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The same, until a promise is settled. @returns what it resolves to @throws what it rejects with */
export async function passUntilSettled<T>(clock: VirtualClock, running: Promise<T>): Promise<T> {
  await passUntil(clock, settlementOf(running));
  return running;
}
