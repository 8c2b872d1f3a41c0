import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parseAuxInfo, serializeAuxInfo } from '../../src/key_share/aux_info.js';
import { parseCoreKeyShare, serializeCoreKeyShare } from '../../src/key_share/core.js';
import { completeKeyShare, parseKeyShare, serializeKeyShare } from '../../src/key_share/key_share.js';
import { SECURITY_128 } from '../../src/params.js';
import { GROUP_ORDER } from '../../src/math/curve.js';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { scalarToHex } from '../../src/wire/json.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { without } from '../util/alterations.js';
import { smallPrime } from '../util/small.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';
import { loadVectors } from '../util/vectors.js';

type Fields = { [key: string]: Json };

describe.each(['key_shares_2of3', 'key_shares_3of4', 'key_shares_nonthreshold_3'])('%s, written by the Rust crate', (name) => {
  const recorded = loadVectors(name, z.array(z.object({ core: z.json(), aux: z.json() })));

  it('is read, and written again the same', () => {
    for (const share of recorded) {
      const parsed = parseKeyShare(JSON.stringify(share), SECURITY_128);
      expect(JSON.parse(serializeKeyShare(parsed))).toEqual(share);
      expect(JSON.parse(serializeCoreKeyShare(parseCoreKeyShare(JSON.stringify(share.core))))).toEqual(share.core);
      expect(JSON.parse(serializeAuxInfo(parseAuxInfo(JSON.stringify(share.aux), SECURITY_128)))).toEqual(share.aux);
    }
  });

  it('belongs to this party and level alone', () => {
    const [first, second] = recorded.map((share) => parseKeyShare(JSON.stringify(share), SECURITY_128));
    if (first === undefined || second === undefined) throw new Error('two shares');
    expect(() => completeKeyShare(first.core, second.aux)).toThrow('aux: aux info is of another party than the key share');
    expect(() => parseKeyShare(JSON.stringify({ core: recorded[0]?.core, aux: recorded[1]?.aux }), SECURITY_128)).toThrow('another party');
  });
});

const [ours] = smallShares(2, 3);
if (ours === undefined) throw new Error('no share');
const text = serializeKeyShare(ours);
const json = JSON.parse(text) as { core: Fields; aux: Fields };
const parse = (changed: Json): unknown => parseKeyShare(JSON.stringify(changed), FEW_REPETITIONS);
const integer = (x: bigint): Json => ({ radix: 16, value: x.toString(16) });

describe('a key share', () => {
  it('survives its JSON', () => {
    expect(serializeKeyShare(parseKeyShare(text, FEW_REPETITIONS))).toBe(text);
  });

  it('is read in every form that the crate reads', () => {
    const upper = text.replace(/"x":"([0-9a-f]+)"/, (_, hex: string) => `"x":"${hex.toUpperCase()}"`);
    expect(serializeKeyShare(parseKeyShare(upper, FEW_REPETITIONS))).toBe(text);
    const more = replaceAt(json, '/aux/p', { radix: 10, value: BigInt(`0x${(json.aux['p'] as { value: string }).value}`).toString() });
    expect(serializeKeyShare(parseKeyShare(JSON.stringify({ ...(more as Fields), unknown: 1 }), FEW_REPETITIONS))).toBe(text);
  });

  it('may leave out what can be computed', () => {
    for (const path of [
      '/aux/pedersen_params/0/multiexp',
      '/aux/pedersen_params/1/multiexp',
      '/aux/pedersen_params/1/crt',
      '/aux/pedersen_params/0/lambda',
    ]) {
      expect(() => parse(without(json as Json, path))).not.toThrow();
    }
  });

  it('with the crate option is marked so', () => {
    const marked = parseAuxInfo(JSON.stringify({ ...json.aux, prm_first_word_only: true }), FEW_REPETITIONS);
    expect(marked.prmFirstWordOnly).toBe(true);
    expect(JSON.parse(serializeAuxInfo(marked))).toMatchObject({ prm_first_word_only: true });
    expect(ours.aux.prmFirstWordOnly).toBe(false);
    expect(JSON.parse(text)).not.toHaveProperty('aux.prm_first_word_only');
  });

  const x = ours.core.secretShare.reveal();
  const publicShares = json.core['public_shares'] as string[];
  const params = json.aux['pedersen_params'] as Fields[];
  const { p, q } = ours.aux.decryptionKey.primes;
  const hat_N = at(ours.aux.ringPedersen, 0).nHat;
  const P = smallPrime(20);
  const PRIME_1024 = (1n << 1024n) - 105n;

  it.each<[string, string, Json, string]>([
    ['another curve', '/core/curve', 'secp256r1', 'core.curve: '],
    ['an index beyond the parties', '/core/i', 3, 'core: i: not below the number of parties'],
    ['the index of another', '/core/i', 1, 'core: x: does not match public_shares[i]'],
    ['a negative index', '/core/i', -1, 'core.i: '],
    ['a fractional index', '/core/i', 0.5, 'core.i: '],
    ['no secret', '/core/x', '0'.repeat(64), 'core: x: zero'],
    ['another secret', '/core/x', scalarToHex(x + 1n), 'core: x: does not match public_shares[i]'],
    ['a secret of q', '/core/x', scalarToHex(GROUP_ORDER), 'core.x: scalar is not below the group order'],
    ['a short secret', '/core/x', 'ab', 'core.x: must be 32 bytes in hex'],
    [
      'another public key',
      '/core/shared_public_key',
      publicShares[1] ?? '',
      'core: public_shares: not on one polynomial of degree t-1 through shared_public_key',
    ],
    [
      'an uncompressed public key',
      '/core/shared_public_key',
      `04${'1'.repeat(128)}`,
      'core.shared_public_key: must be a compressed point in hex',
    ],
    ['a public key off the curve', '/core/shared_public_key', `02${'0'.repeat(63)}5`, 'core.shared_public_key: not a point of secp256k1'],
    ['the identity as public key', '/core/shared_public_key', '0'.repeat(66), 'core.shared_public_key: must be a compressed point in hex'],
    [
      'another public share',
      '/core/public_shares/2',
      publicShares[1] ?? '',
      'core: public_shares: not on one polynomial of degree t-1 through shared_public_key',
    ],
    ['one party', '/core/public_shares', publicShares.slice(0, 1), 'core: public_shares: fewer than two parties'],
    ['a threshold of one', '/core/vss_setup/min_signers', 1, 'core: vss_setup.min_signers: not from 2 to the number of parties'],
    [
      'a threshold beyond the parties',
      '/core/vss_setup/min_signers',
      4,
      'core: vss_setup.min_signers: not from 2 to the number of parties',
    ],
    ['a fractional threshold', '/core/vss_setup/min_signers', 1.5, 'core.vss_setup.min_signers: '],
    ['a share index of zero', '/core/vss_setup/I/1', scalarToHex(0n), 'core: vss_setup.I: zero'],
    [
      'a share index of q, which is zero',
      '/core/vss_setup/I/1',
      scalarToHex(GROUP_ORDER),
      'core.vss_setup.I.1: scalar is not below the group order',
    ],
    ['two equal share indices', '/core/vss_setup/I/1', scalarToHex(1n), 'core: vss_setup.I: two equal'],
    [
      'another share index',
      '/core/vss_setup/I/1',
      scalarToHex(9n),
      'core: public_shares: not on one polynomial of degree t-1 through shared_public_key',
    ],
    ['one share index too few', '/core/vss_setup/I', [scalarToHex(1n), scalarToHex(2n)], 'core: vss_setup.I: not one for each party'],
    ['no sharing, though it is not additive', '/core/vss_setup', null, 'core: shared_public_key: not the sum of public_shares'],
    ['a short chain code', '/core/chain_code', 'ab', 'core.chain_code: must be 32 bytes in hex'],
    ['one modulus', '/aux/N', (json.aux['N'] as Json[]).slice(0, 1), 'aux: N: fewer than two parties'],
    ['one ring-Pedersen entry too few', '/aux/pedersen_params', params.slice(0, 2), 'aux: pedersen_params: not one for each party'],
    ['a short modulus', '/aux/N/1', integer((1n << 1022n) - 1n), 'aux: N.1: even or too short'],
    ['an even modulus', '/aux/N/1', integer((1n << 1024n) + 2n), 'aux: N.1: even or too short'],
    ['a negative modulus', '/aux/N/1', { radix: 16, value: '-7' }, 'aux.N.1: must not be negative'],
    ['another factor', '/aux/p', integer(P), 'aux: p, q: do not factor any N'],
    ['a factor of one', '/aux/p', integer(1n), 'aux: p, q: do not factor any N'],
    ['the factors of another modulus', '/aux/N/0', integer(P * p.prime), 'aux: p, q: do not factor any N'],
    ['a short ring-Pedersen modulus', '/aux/pedersen_params/1/hat_N', integer(77n), 'aux: pedersen_params.1: hat_N is even or too short'],
    [
      'an even ring-Pedersen modulus',
      '/aux/pedersen_params/1/hat_N',
      integer(1n << 1024n),
      'aux: pedersen_params.1: hat_N is even or too short',
    ],
    ['s of zero', '/aux/pedersen_params/1/s', integer(0n), 'aux: pedersen_params.1: s or t is not a unit modulo hat_N'],
    ['t of zero', '/aux/pedersen_params/1/t', integer(0n), 'aux: pedersen_params.1: s or t is not a unit modulo hat_N'],
    ['s not below the modulus', '/aux/pedersen_params/0/s', integer(hat_N), 'aux: pedersen_params.0: s or t is not a unit modulo hat_N'],
    [
      't a multiple of a factor',
      '/aux/pedersen_params/0/t',
      (params[0]?.['crt'] as Fields)['n1'] ?? null,
      'aux: pedersen_params.0: s or t is not a unit modulo hat_N',
    ],
    [
      'factors of another ring-Pedersen modulus',
      '/aux/pedersen_params/0/crt/n1',
      integer(P),
      'aux: pedersen_params.0: crt does not factor hat_N',
    ],
    [
      'a factor of one of the ring-Pedersen modulus',
      '/aux/pedersen_params/0/crt/n1',
      integer(1n),
      'aux: pedersen_params.0: crt does not factor hat_N',
    ],
    ['another lambda', '/aux/pedersen_params/0/lambda', integer(5n), 'aux: pedersen_params.0: s is not t^lambda'],
    ['a modulus that is too long', '/aux/N/1', integer((1n << 7999n) + 1n), 'aux: N.1: too long'],
    ['a modulus that is prime', '/aux/N/1', integer(PRIME_1024), 'aux: N.1: a prime'],
    ["a peer's modulus that is our own", '/aux/N/1', integer(p.prime * q.prime), 'aux: N.1: has a factor in common with N.0'],
    [
      "a peer's modulus that is another peer's",
      '/aux/N/2',
      (json.aux['N'] as Json[])[1] ?? null,
      'aux: N.2: has a factor in common with N.1',
    ],
    ["a peer's modulus with one of our primes", '/aux/N/2', integer(q.prime * P), 'aux: N.2: has a factor in common with N.0'],
    [
      'a ring-Pedersen modulus that is too long',
      '/aux/pedersen_params/1/hat_N',
      integer((1n << 7999n) + 1n),
      'aux: pedersen_params.1: hat_N is too long',
    ],
    [
      'a ring-Pedersen modulus that is prime',
      '/aux/pedersen_params/1/hat_N',
      integer(PRIME_1024),
      'aux: pedersen_params.1: hat_N is a prime',
    ],
    ['s of one', '/aux/pedersen_params/1/s', integer(1n), 'aux: pedersen_params.1: s or t is 1 or -1 modulo hat_N'],
    ['t of one', '/aux/pedersen_params/1/t', integer(1n), 'aux: pedersen_params.1: s or t is 1 or -1 modulo hat_N'],
    ['t of minus one', '/aux/pedersen_params/0/t', integer(hat_N - 1n), 'aux: pedersen_params.0: s or t is 1 or -1 modulo hat_N'],
    ['lambda without factors', '/aux/pedersen_params/0/crt', null, 'aux: pedersen_params.0: lambda without crt'],
  ])('with %s is refused', (_, path, value, reason) => {
    const changed = replaceAt(json, path, value);
    expect(() => parse(changed)).toThrow(InvalidArgument);
    expect(() => parse(changed)).toThrow(`key share: ${reason}`);
    expect(() => parse(changed)).not.toThrow(new RegExp(`${x.toString(16)}|${p.prime.toString(16)}|${q.prime.toString(16)}`));
  });

  // The factors' product is right, and everything computed with them would be wrong.
  it.each<[string, bigint, bigint, string]>([
    ['composite p', 3n * P, smallPrime(21), 'p, q: not both prime'],
    ['composite q', smallPrime(21), 5n * P, 'p, q: not both prime'],
    ['p and q with a common factor', 3n * P, 3n * smallPrime(21), 'p, q: not both prime'],
    ['p a multiple of q', 5n * P, P, 'p, q: not both prime'],
    ['p equal to q', P, P, 'p, q: do not factor any N'],
  ])('with %s is refused, as one of its own and of its ring-Pedersen modulus', (_, first, second, reason) => {
    const [n, a, b] = [integer(first * second), integer(first), integer(second)];
    const own = replaceAt(replaceAt(replaceAt(json, '/aux/N/0', n), '/aux/p', a), '/aux/q', b);
    expect(() => parse(own)).toThrow(InvalidArgument);
    expect(() => parse(own)).toThrow(`key share: aux: ${reason}`);
    const entry = '/aux/pedersen_params/0';
    const hat = replaceAt(replaceAt(replaceAt(json, `${entry}/hat_N`, n), `${entry}/crt/n1`, a), `${entry}/crt/n2`, b);
    const small = replaceAt(replaceAt(without(hat, `${entry}/lambda`), `${entry}/s`, integer(4n)), `${entry}/t`, integer(16n));
    expect(() => parse(small)).toThrow(InvalidArgument);
    expect(() => parse(small)).toThrow(first === second ? 'crt does not factor hat_N' : 'a factor of hat_N is not prime');
  });

  it('of another number of parties than its aux info is refused', () => {
    const [two] = smallShares(2, 2);
    if (two === undefined) throw new Error('no share');
    expect(() => completeKeyShare(ours.core, two.aux)).toThrow('aux: aux info is of another number of parties than the key share');
  });

  it.each(['', '{', 'null', '[]', '7', '"x"', '{}', '{"core":{}}', '{"__proto__":{"core":{}}}'])('is not %s', (wrong) => {
    expect(() => parseKeyShare(wrong, FEW_REPETITIONS)).toThrow(InvalidArgument);
  });

  it('of the small level is refused at the real one', () => {
    expect(() => parseKeyShare(text, SECURITY_128)).toThrow('key share: aux: N.0: even or too short');
  });
});
