/** What is mutated: the code whose checks keep keys, shares and signatures safe, and clients from being told what is not true. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The project's root. */
export const ROOT = join(import.meta.dirname, '..', '..');

const LIBRARY = 'packages/cggmp24/src';

/** Folders and files, from the root. */
const TARGETS = [
  `${LIBRARY}/zk`,
  `${LIBRARY}/keygen`,
  `${LIBRARY}/aux_info`,
  `${LIBRARY}/signing`,
  `${LIBRARY}/reshare`,
  `${LIBRARY}/evidence`,
  `${LIBRARY}/key_share`,
  `${LIBRARY}/paillier/nth_powers.ts`,
  `${LIBRARY}/runtime/session.ts`,
  `${LIBRARY}/ecdsa.ts`,
  'packages/sealing/src/envelope.ts',
  'packages/sealing/src/statement.ts',
  'packages/sealing/src/roster.ts',
  'message-board/src/server/sealed_verifier.ts',
  'message-board/src/store/request_rules.ts',
  'message-board/src/contract/node_statement.ts',
  'message-board/src/contract/signing_request.ts',
  'api-gateway/src/outcome_verifier.ts',
  'api-gateway/src/refusals.ts',
  'node/src/approval',
  'node/src/mail',
  'node/src/signing/collection.ts',
  'node/src/signing/refusals.ts',
];

/** The files that are mutated, as paths from the root, in order. @throws Error when a target is not there */
export function targetFiles(): string[] {
  return TARGETS.flatMap((target) => {
    if (!statSync(join(ROOT, target)).isDirectory()) return [target];
    return readdirSync(join(ROOT, target)).filter((name) => name.endsWith('.ts')).sort().map((name) => `${target}/${name}`);
  });
}
