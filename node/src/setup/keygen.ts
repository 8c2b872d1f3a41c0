import { encodePoint, parseCoreKeyShare } from 'cggmp24';
import type { Phase } from './agreement.js';
import type { ResultStore } from '../storage/key_store.js';
import { attemptNames, hasLeftovers, runWithEveryone, type SetupDeps } from './setup_session.js';
import { sha256 } from '../base/sha256.js';

const FIRST = { boardId: 'keygen', executionId: 'threshold_keygen_initial_2024___' };

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
export function keygenPhase(deps: SetupDeps, store: ResultStore): Phase {
  const { config, client } = deps;
  const names = attemptNames(FIRST, config.n);
  return {
    name: 'keygen',
    store,
    executionId: names.executionId,
    attemptOf: names.attemptOf,
    digestOf,
    prepare: () => Promise.resolve(),
    obstacle: async (signal) => {
      const publicKey = await client.getPublicKey({ signal });
      return publicKey === undefined ? null : `the board has the public key ${publicKey} and no node has a share of it`;
    },
    run: async (attempt, signal) => {
      const boardId = names.boardId(attempt);
      if (await hasLeftovers(deps, boardId, signal)) throw new Error(`the board holds messages of an earlier ${boardId}`);
      const { index, n: parties, t: threshold } = config;
      return runWithEveryone(deps, boardId, { kind: 'keygen', executionId: names.executionId(attempt), index, parties, threshold }, signal);
    },
  };
}
