import { z } from 'zod';
import { checkArgument, fields } from '../base/arguments.js';
import { checkParams, type SecurityParams } from '../params.js';
import { InvalidArgument } from '../base/errors.js';
import { parseWith, refuse } from '../wire/parse.js';
import { auxInfoJson, AuxInfoShape, type AuxInfo } from './aux_info.js';
import { CoreKeyShareJson, CoreKeyShareShape, type CoreKeyShare } from './core.js';

/** Everything that a party needs in order to sign. */
export interface KeyShare {
  readonly core: CoreKeyShare;
  readonly aux: AuxInfo;
}

/** For checking arguments. */
export const KeyShareShape = fields({ core: CoreKeyShareShape, aux: AuxInfoShape });

function mismatch({ core, aux }: KeyShare): string | null {
  if (aux.encryptionKeys.length !== core.publicShares.length) return 'aux info is of another number of parties than the key share';
  const own = aux.encryptionKeys[core.index];
  return own?.n === aux.decryptionKey.encryptionKey.n ? null : 'aux info is of another party than the key share';
}

/**
 * Joins a share of the key with auxiliary info of the same party.
 * @throws InvalidArgument when they do not belong together
 */
export function completeKeyShare(core: CoreKeyShare, aux: AuxInfo): KeyShare {
  const share = { core, aux };
  checkArgument('', KeyShareShape, share);
  const wrong = mismatch(share);
  if (wrong !== null) throw new InvalidArgument('aux', wrong);
  return share;
}

function keyShareJson(params: SecurityParams) {
  return z.codec(z.object({ core: CoreKeyShareJson, aux: auxInfoJson(params) }), z.custom<KeyShare>(), {
    decode: (share, ctx) => {
      const wrong = mismatch(share);
      return wrong === null ? share : refuse(ctx, wrong);
    },
    encode: ({ core, aux }) => ({ core, aux }),
  });
}

/**
 * Reads the crate's complete KeyShare and validates it.
 * @throws InvalidArgument naming the field; no value of the file is in the message
 */
export function parseKeyShare(text: string, params: SecurityParams): KeyShare {
  checkParams(params);
  return parseWith(keyShareJson(params), text, 'key share');
}

/** JSON text with all secrets in clear: for encrypted or access-controlled storage only. @throws InvalidArgument */
export function serializeKeyShare(share: KeyShare): string {
  checkArgument('share', KeyShareShape, share);
  return JSON.stringify(z.encode(keyShareJson(share.aux.params), share));
}
