import { SetupStopped } from '../base/errors.js';
import type { AgreementDeps } from './agreement.js';
import type { Phase } from './phase.js';

/**
 * Gets the result of a phase in a cluster with Rust nodes, which announce nothing. There is one attempt, with all that answer, and each
 * node that has a result keeps it.
 * @throws SetupStopped when the attempt must not be begun, or was begun before; DamagedFile; what ends the attempt
 */
export async function runOnlyAttempt(
  phase: Phase,
  { presence, journal }: Pick<AgreementDeps, 'presence' | 'journal'>,
  signal: AbortSignal,
): Promise<string> {
  const { store, executionId, obstacle, prepare, run, name } = phase;
  presence.update({ stage: name });
  const earlier = await store.load();
  if (earlier !== null) return earlier;
  if ((await store.loadPending()) === null) {
    const reason = await obstacle(signal);
    if (reason !== null) throw new SetupStopped(`${name}: ${reason}`);
    await prepare(signal);
    if (!(await journal.claim(executionId(0)))) {
      throw new SetupStopped(
        `${name}: its only attempt was begun before and did not end well. `
        + 'Stop all nodes and the board, empty all data folders and start again',
      );
    }
    await store.savePending(0, await run(0, signal));
  }
  await store.commit(0);
  const result = await store.load();
  if (result === null) throw new SetupStopped(`${name}: its file is gone`);
  return result;
}
