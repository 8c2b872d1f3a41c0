import { parseAuxInfo, type SecurityParams } from 'cggmp24';
import type { Phase } from './agreement.js';
import type { ResultStore } from '../storage/key_store.js';
import type { PrimeSource } from '../primes/safe_primes.js';
import { attemptNames, hasLeftovers, runWithEveryone, type SetupDeps } from './setup_session.js';
import { sha256 } from '../base/sha256.js';

const FIRST = { boardId: 'auxgen', executionId: 'threshold_auxgen_initial_2024__' };

/** SHA-256 of what all nodes' aux info has in common: N, N-hat, s and t of each. */
function digestOf(text: string, params: SecurityParams): string {
  const { encryptionKeys, ringPedersen } = parseAuxInfo(text, params);
  const hex = (x: bigint): string => x.toString(16);
  const common = {
    N: encryptionKeys.map(({ n }) => hex(n)),
    ringPedersen: ringPedersen.map(({ nHat, s, t }) => [hex(nHat), hex(s), hex(t)]),
  };
  return sha256(JSON.stringify(common));
}

/** Generation of everybody's Paillier keys and ring-Pedersen parameters. Its result is the text of the aux info. */
export function auxInfoPhase(deps: SetupDeps & { readonly params: SecurityParams; readonly primes: PrimeSource }, store: ResultStore): Phase {
  const { config, params, primes } = deps;
  const names = attemptNames(FIRST, config.n);
  return {
    name: 'aux_info',
    store,
    executionId: names.executionId,
    attemptOf: names.attemptOf,
    digestOf: (text) => digestOf(text, params),
    prepare: (signal) => primes.prepare(signal),
    obstacle: () => Promise.resolve(null),
    run: async (attempt, signal) => {
      const boardId = names.boardId(attempt);
      // Before the primes are spent on it.
      if (await hasLeftovers(deps, boardId, signal)) throw new Error(`the board holds messages of an earlier ${boardId}`);
      const job = {
        kind: 'aux_info',
        executionId: names.executionId(attempt),
        index: config.index,
        parties: config.n,
        primes: await primes.take(),
        insecurePrmFirstWordOnly: config.rustInterop,
      } as const;
      return runWithEveryone(deps, boardId, job, signal);
    },
  };
}
