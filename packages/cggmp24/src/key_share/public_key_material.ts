import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { checkArgument, fields } from '../base/arguments.js';
import { EncryptionKey } from '../paillier/encryption_key.js';
import { RingPedersen } from '../paillier/ring_pedersen.js';
import { checkParams, type SecurityParams } from '../params.js';
import { NonNegativeIntegerJson } from '../wire/json.js';
import { refuse } from '../wire/parse.js';
import { auxInconsistency, PublicAuxShape, type PublicAux } from './aux_info.js';
import { PublicCoreFields, PublicCoreShape, publicFields, publicFromFields, publicInconsistency, type PublicCore } from './core.js';

/** What all parties know about a key and each other's parameters; the same at all parties. A `KeyShare` is one too. */
export interface PublicKeyMaterial {
  readonly core: PublicCore;
  readonly aux: PublicAux;
}

/** For checking arguments. */
export const PublicKeyMaterialShape = fields({ core: PublicCoreShape, aux: PublicAuxShape });

const Fields = z.object({
  core: PublicCoreFields,
  aux: z.object({
    N: z.array(NonNegativeIntegerJson).max(0xffff),
    pedersen_params: z.array(z.object({ hat_N: NonNegativeIntegerJson, s: NonNegativeIntegerJson, t: NonNegativeIntegerJson })).max(0xffff),
  }),
});
type Fields = z.output<typeof Fields>;

function inconsistency(core: PublicCore, { N, pedersen_params }: Fields['aux'], params: SecurityParams): string | null {
  if (N.length !== core.publicShares.length) return 'aux info is of another number of parties than the key';
  return publicInconsistency(core) ?? auxInconsistency(N, pedersen_params, params);
}

/** JSON with the names of the crate's key shares, without the secret fields of a `KeyShare`. Parsing validates. */
export function publicKeyMaterialJson(params: SecurityParams) {
  checkParams(params);
  return z.codec(Fields, z.custom<PublicKeyMaterial>(), {
    decode: ({ core: coreFields, aux }, ctx): PublicKeyMaterial => {
      const core = publicFromFields(coreFields);
      const wrong = inconsistency(core, aux, params);
      if (wrong !== null) return refuse(ctx, wrong);
      return {
        core,
        aux: {
          params,
          encryptionKeys: aux.N.map((n) => new EncryptionKey(n)),
          ringPedersen: aux.pedersen_params.map(({ hat_N: nHat, s, t }) => new RingPedersen({ nHat, s, t })),
        },
      };
    },
    encode: ({ core, aux }) => ({
      core: publicFields(core),
      aux: {
        N: aux.encryptionKeys.map(({ n }) => n),
        pedersen_params: aux.ringPedersen.map(({ nHat: hat_N, s, t }) => ({ hat_N, s, t })),
      },
    }),
  });
}

/** SHA-256 of the material, hexadecimal: two parties with the same one verify the same statements. @throws InvalidArgument */
export function keyMaterialDigest(key: PublicKeyMaterial): string {
  checkArgument('key', PublicKeyMaterialShape, key);
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(z.encode(publicKeyMaterialJson(key.aux.params), key)))));
}
