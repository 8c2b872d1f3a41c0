import { checkPrimeSync } from 'node:crypto';
import { z } from 'zod';
import { checkArgument, fields, Flag, instanceOf, listOf } from '../base/arguments.js';
import { bigintPowerOfTwo } from '../math/fermat.js';
import { bitLength, commonFactors, invert, isUnit } from '../math/integer.js';
import { isTrivialUnit } from '../math/units.js';
import { DecryptionKey } from '../paillier/decryption_key.js';
import { EncryptionKey } from '../paillier/encryption_key.js';
import { OwnRingPedersen, RingPedersen } from '../paillier/ring_pedersen.js';
import { checkParams, MAX_MODULUS_BITS, minModulusBits, ParamsShape, type SecurityParams } from '../params.js';
import { NonNegativeIntegerJson } from '../wire/json.js';
import { parseWith, refuse } from '../wire/parse.js';

/** Everybody's Paillier key and ring-Pedersen parameters. */
export interface PublicAux {
  readonly params: SecurityParams;
  /** N_j of each party. The owner's object of its own one computes with the factors. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** (N-hat_j, s_j, t_j) of each party. The owner's object of its own ones computes with the factors. */
  readonly ringPedersen: readonly RingPedersen[];
}

/** The same, with the factors of the moduli of the party that keeps it. */
export interface AuxInfo extends PublicAux {
  /** The Paillier key of the party that keeps it. */
  readonly decryptionKey: DecryptionKey;
  /** Was Pi^prm verified in the Rust crate's form, with 32 live challenge bits? Mixed clusters only. */
  readonly prmFirstWordOnly: boolean;
}

const publicAuxShape = {
  params: ParamsShape,
  encryptionKeys: listOf(instanceOf(EncryptionKey, 'an EncryptionKey'), 2),
  ringPedersen: listOf(instanceOf(RingPedersen, 'a RingPedersen'), 2),
};
export const PublicAuxShape = fields(publicAuxShape);
export const AuxInfoShape = fields({
  ...publicAuxShape,
  decryptionKey: instanceOf(DecryptionKey, 'a DecryptionKey'),
  prmFirstWordOnly: Flag,
});

const CrtJson = z.object({
  n: NonNegativeIntegerJson,
  n1: NonNegativeIntegerJson,
  phi_n1: NonNegativeIntegerJson,
  n2: NonNegativeIntegerJson,
  phi_n2: NonNegativeIntegerJson,
  beta: NonNegativeIntegerJson,
});

/** `lambda` and `prm_first_word_only` are ours; the crate ignores keys that it does not know. */
const AuxInfoFields = z.object({
  p: NonNegativeIntegerJson,
  q: NonNegativeIntegerJson,
  N: z.array(NonNegativeIntegerJson).max(0xffff),
  pedersen_params: z
    .array(
      z.object({
        hat_N: NonNegativeIntegerJson,
        s: NonNegativeIntegerJson,
        t: NonNegativeIntegerJson,
        multiexp: z.unknown().optional(),
        crt: CrtJson.nullish(),
        lambda: NonNegativeIntegerJson.optional(),
      }),
    )
    .max(0xffff),
  prm_first_word_only: z.boolean().optional(),
});
type Fields = z.output<typeof AuxInfoFields>;
type PedersenFields = Fields['pedersen_params'][number];

/** Checks what anybody can see of a modulus. @returns the problem, or null */
function modulusProblem(n: bigint, params: SecurityParams): string | null {
  if (bitLength(n) < minModulusBits(params) || (n & 1n) === 0n) return 'even or too short';
  if (bitLength(n) > MAX_MODULUS_BITS) return 'too long';
  return checkPrimeSync(n) ? 'a prime' : null;
}

/** Checks the bases of commitments modulo hat_N: powers of 1 and -1 bind nobody. @returns the problem, or null */
function basesProblem(nHat: bigint, s: bigint, t: bigint): string | null {
  if (!isUnit(s, nHat) || !isUnit(t, nHat)) return 's or t is not a unit modulo hat_N';
  return isTrivialUnit(s, nHat) || isTrivialUnit(t, nHat) ? 's or t is 1 or -1 modulo hat_N' : null;
}

/**
 * Checks what must hold before anybody computes with public parameters. Aux info generation refuses whatever is refused here, so that
 * no peer can make a share that its owner cannot read again.
 *
 * @returns the first problem, or null
 */
export function auxInconsistency(
  N: readonly bigint[],
  pedersen: readonly { hat_N: bigint; s: bigint; t: bigint }[],
  params: SecurityParams,
): string | null {
  if (N.length < 2) return 'N: fewer than two parties';
  if (pedersen.length !== N.length) return 'pedersen_params: not one for each party';
  for (const [j, n] of N.entries()) {
    const problem = modulusProblem(n, params);
    if (problem !== null) return `N.${j}: ${problem}`;
  }
  for (const [j, { hat_N, s, t }] of pedersen.entries()) {
    const problem = modulusProblem(hat_N, params);
    if (problem !== null) return `pedersen_params.${j}: hat_N is ${problem}`;
    const wrong = basesProblem(hat_N, s, t);
    if (wrong !== null) return `pedersen_params.${j}: ${wrong}`;
  }
  const [pair] = commonFactors(N);
  return pair === undefined ? null : `N.${pair[1]}: has a factor in common with N.${pair[0]}`;
}

/** Is this a prime above 3? For our own numbers alone: a pseudoprime to base 2 passes, and nobody looks for one to harm himself. */
function isOwnPrime(p: bigint): boolean {
  return p > 3n && (p & 1n) === 1n && bigintPowerOfTwo(p) === 1n;
}

function trapdoorProblem({ hat_N, s, t, crt, lambda }: PedersenFields): string | null {
  if (crt == null) return lambda === undefined ? null : 'lambda without crt';
  if (crt.n1 <= 1n || crt.n2 <= 1n || crt.n1 === crt.n2 || crt.n1 * crt.n2 !== hat_N) return 'crt does not factor hat_N';
  if (![crt.n1, crt.n2].every(isOwnPrime)) return 'a factor of hat_N is not prime';
  const own = new OwnRingPedersen({ nHat: hat_N, s, t }, { pHat: crt.n1, qHat: crt.n2 });
  return lambda !== undefined && own.modulus.pow(t, lambda) !== s ? 's is not t^lambda' : null;
}

/** @returns the first problem, or null */
function inconsistency(fields: Fields, params: SecurityParams): string | null {
  const { p, q, N, pedersen_params } = fields;
  const wrong = auxInconsistency(N, pedersen_params, params);
  if (wrong !== null) return wrong;
  if (p <= 1n || q <= 1n || p === q || !N.includes(p * q)) return 'p, q: do not factor any N';
  if (![p, q].every(isOwnPrime)) return 'p, q: not both prime';
  for (const [j, entry] of pedersen_params.entries()) {
    const problem = trapdoorProblem(entry);
    if (problem !== null) return `pedersen_params.${j}: ${problem}`;
  }
  return null;
}

function fromFields(fields: Fields, params: SecurityParams): AuxInfo {
  const decryptionKey = new DecryptionKey(fields.p, fields.q);
  const own = decryptionKey.encryptionKey;
  return {
    params,
    decryptionKey,
    encryptionKeys: fields.N.map((n) => (n === own.n ? own : new EncryptionKey(n))),
    ringPedersen: fields.pedersen_params.map(({ hat_N: nHat, s, t, crt, lambda }) =>
      crt == null
        ? new RingPedersen({ nHat, s, t })
        : new OwnRingPedersen({ nHat, s, t }, { pHat: crt.n1, qHat: crt.n2, ...(lambda === undefined ? {} : { lambda }) }),
    ),
    prmFirstWordOnly: fields.prm_first_word_only ?? false,
  };
}

function pedersenFields(entry: RingPedersen): PedersenFields {
  const shared = { hat_N: entry.nHat, s: entry.s, t: entry.t, multiexp: null };
  if (!(entry instanceof OwnRingPedersen)) return { ...shared, crt: null };
  const { pHat: n1, qHat: n2, lambda } = entry.trapdoor();
  const crt = { n: entry.nHat, n1, phi_n1: n1 - 1n, n2, phi_n2: n2 - 1n, beta: invert(n1, n2) };
  return { ...shared, crt, ...(lambda === undefined ? {} : { lambda }) };
}

function toFields(aux: AuxInfo): Fields {
  const { p, q } = aux.decryptionKey.primes;
  return {
    p: p.prime,
    q: q.prime,
    N: aux.encryptionKeys.map(({ n }) => n),
    pedersen_params: aux.ringPedersen.map(pedersenFields),
    ...(aux.prmFirstWordOnly ? { prm_first_word_only: true } : {}),
  };
}

/** The crate's JSON of auxiliary info; parsing is validating. */
export function auxInfoJson(params: SecurityParams) {
  return z.codec(AuxInfoFields, z.custom<AuxInfo>(), {
    decode: (fields, ctx) => {
      const wrong = inconsistency(fields, params);
      return wrong === null ? fromFields(fields, params) : refuse(ctx, wrong);
    },
    encode: toFields,
  });
}

/**
 * Reads auxiliary info from its JSON text and validates it.
 * @throws InvalidArgument naming the field; no value of the file is in the message
 */
export function parseAuxInfo(text: string, params: SecurityParams): AuxInfo {
  checkParams(params);
  return parseWith(auxInfoJson(params), text, 'aux info');
}

/** JSON text with the factors in clear: for encrypted or access-controlled storage only. @throws InvalidArgument */
export function serializeAuxInfo(aux: AuxInfo): string {
  checkArgument('aux', AuxInfoShape, aux);
  return JSON.stringify(z.encode(auxInfoJson(aux.params), aux));
}
