/** Public derivation and its text against the vectors of BIP-32, and against @scure/bip32. */
import { describe, expect, it } from '@jest/globals';
import { hexToBytes } from '@noble/hashes/utils.js';
import { HDKey } from '@scure/bip32';
import fc from 'fast-check';
import { decodePoint, encodePoint, toScalar } from '../../src/math/curve.js';
import { fromBytes } from '../../src/math/integer.js';
import { derive, formatPath, type ExtendedPublicKey } from '../../src/signing/derivation.js';
import { xpub } from '../../src/signing/xpub.js';

function rootOf({ publicKey, chainCode }: HDKey): ExtendedPublicKey {
  if (publicKey === null || chainCode === null) throw new Error('no public key');
  return { publicKey: decodePoint(publicKey), chainCode };
}

/** The vectors 1 and 2 of BIP-32: those keys that have a child without hardening. */
const VECTORS: readonly (readonly [parent: string, index: number, child: string])[] = [
  [
    'xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw',
    1,
    'xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ',
  ],
  [
    'xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5',
    2,
    'xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV',
  ],
  [
    'xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV',
    1_000_000_000,
    'xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy',
  ],
  [
    'xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB',
    0,
    'xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH',
  ],
  [
    'xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85ySDhKiLDBrQSARLq1uNRts8RuJiHjaDMBU4Zn9h8LZNnBC5y4a',
    1,
    'xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon',
  ],
  [
    'xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL',
    2,
    'xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt',
  ],
];

describe('BIP-32', () => {
  it.each(VECTORS)('%s, child %d', (parent, index, child) => {
    const [root, expected] = [HDKey.fromExtendedKey(parent), rootOf(HDKey.fromExtendedKey(child))];
    const derived = derive(rootOf(root), [index]);
    expect(encodePoint(derived.publicKey, true)).toEqual(encodePoint(expected.publicKey, true));
    expect(derived.chainCode).toEqual(expected.chainCode);
    // A master key has the depth 0; the text of others says what is above them, which we do not know.
    if (root.depth > 0) return;
    expect(xpub(rootOf(root), [])).toBe(parent);
    expect(xpub(rootOf(root), [index])).toBe(child);
  });

  it('has vectors with a master key', () => {
    expect(VECTORS.filter(([parent]) => HDKey.fromExtendedKey(parent).depth === 0)).toHaveLength(1);
  });
});

it('derives and writes as @scure/bip32 does', () => {
  const index = fc.oneof(fc.constantFrom(0, 1, 2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.array(index, { maxLength: 10 }), (seed, path) => {
      const master = HDKey.fromMasterSeed(seed);
      expect(xpub(rootOf(master), path)).toBe(master.derive(formatPath(path)).publicExtendedKey);
    }),
    { numRuns: 25 },
  );
});

it('shifts the secret key by what it says', () => {
  const master = HDKey.fromMasterSeed(hexToBytes('000102030405060708090a0b0c0d0e0f'));
  const secretOf = ({ privateKey }: HDKey): bigint => {
    if (privateKey === null) throw new Error('no secret key');
    return fromBytes(privateKey);
  };
  const shifted = toScalar(secretOf(master) + derive(rootOf(master), [7, 8, 9]).shift);
  expect(shifted).toBe(secretOf(master.derive('m/7/8/9')));
});
