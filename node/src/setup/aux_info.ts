import { parseAuxInfo, type SecurityParams } from 'cggmp24';
import { sha256 } from '../base/sha256.js';
import type { PrimeSource } from '../primes/safe_primes.js';
import type { ResultStore } from '../storage/key_store.js';
import { attemptNames } from './attempt_names.js';
import type { Phase } from './phase.js';
import { requireNoLeftovers, runWithEveryone, type SetupSessionDeps } from './setup_session.js';

const FIRST = { boardId: 'auxgen', executionId: 'threshold_auxgen_initial_2024__' };

export interface AuxInfoDeps extends SetupSessionDeps {
  readonly params: SecurityParams;
  readonly primes: PrimeSource;
  /** The Rust crate's form of Π^prm, with 32 instead of 128 bits of soundness: in clusters with Rust nodes only. */
  readonly prmFirstWordOnly: boolean;
}

/** SHA-256 of what all nodes' auxiliary info has in common: N, N-hat, s and t of each. */
function digestOf(text: string, params: SecurityParams): string {
  const { encryptionKeys, ringPedersen } = parseAuxInfo(text, params);
  const hex = (x: bigint): string => x.toString(16);
  const common = {
    N: encryptionKeys.map(({ n }) => hex(n)),
    ringPedersen: ringPedersen.map(({ nHat, s, t }) => [hex(nHat), hex(s), hex(t)]),
  };
  return sha256(JSON.stringify(common));
}

/** Generation of all nodes' Paillier keys and ring-Pedersen parameters. Its result is the text of the auxiliary info. */
export function auxInfoPhase(deps: AuxInfoDeps, store: ResultStore): Phase {
  const { index, n: parties, params, primes, prmFirstWordOnly: insecurePrmFirstWordOnly } = deps;
  const { boardId, executionId, attemptOf } = attemptNames(FIRST, parties);
  return {
    name: 'aux_info',
    store,
    executionId,
    attemptOf,
    digestOf: (text) => digestOf(text, params),
    prepare: (signal) => primes.prepare(signal),
    obstacle: () => Promise.resolve(null),
    run: async (attempt, signal) => {
      // Before the primes are spent on it.
      await requireNoLeftovers(deps, boardId(attempt), signal);
      const session = { executionId: executionId(attempt), index, parties };
      const job = { kind: 'aux_info', ...session, primes: await primes.take(), insecurePrmFirstWordOnly } as const;
      return runWithEveryone(deps, boardId(attempt), job, signal);
    },
  };
}
