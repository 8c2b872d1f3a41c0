import { encodePoint, parseCoreKeyShare } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import { sha256 } from '../base/sha256.js';
import type { ResultStore } from '../storage/key_store.js';
import { attemptNames } from './attempt_names.js';
import type { Phase } from './phase.js';
import { requireNoLeftovers, runWithEveryone, type SetupSessionDeps } from './setup_session.js';

const FIRST = { boardId: 'keygen', executionId: 'threshold_keygen_initial_2024___' };

export interface KeygenDeps extends SetupSessionDeps {
  readonly client: SetupSessionDeps['client'] & Pick<BoardClient, 'getPublicKey'>;
  /** How many nodes sign. */
  readonly t: number;
}

/** SHA-256 of what all nodes' core shares have in common. */
function digestOf(text: string): string {
  const { sharedPublicKey, publicShares, vssSetup, chainCode } = parseCoreKeyShare(text);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const common = {
    publicKey: hex(encodePoint(sharedPublicKey, true)),
    publicShares: publicShares.map((share) => hex(encodePoint(share, true))),
    minSigners: vssSetup?.minSigners ?? null,
    indices: vssSetup?.indices.map(String) ?? null,
    chainCode: chainCode === null ? null : hex(chainCode),
  };
  return sha256(JSON.stringify(common));
}

/** Threshold key generation by all nodes. Its result is the text of the core key share. */
export function keygenPhase(deps: KeygenDeps, store: ResultStore): Phase {
  const { client, index, n: parties, t: threshold } = deps;
  const { boardId, executionId, attemptOf } = attemptNames(FIRST, parties);
  return {
    name: 'keygen',
    store,
    executionId,
    attemptOf,
    digestOf,
    prepare: () => Promise.resolve(),
    obstacle: async (signal) => {
      const publicKey = await client.getPublicKey({ signal });
      return publicKey === undefined ? null : `the board has the public key ${publicKey} and no node has a share of it`;
    },
    run: async (attempt, signal) => {
      const job = { kind: 'keygen', executionId: executionId(attempt), index, parties, threshold } as const;
      await requireNoLeftovers(deps, boardId(attempt), signal);
      return runWithEveryone(deps, boardId(attempt), job, signal);
    },
  };
}
