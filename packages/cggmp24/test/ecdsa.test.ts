import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import * as noble from '@noble/secp256k1';
import { describe, expect, it } from '@jest/globals';
import { createECDH, createPrivateKey, createPublicKey, sign as signWithNode, verify as verifyWithNode } from 'node:crypto';
import fc from 'fast-check';
import { decodePoint, encodePoint, G, GROUP_ORDER as q, invertScalar, multiplyPublic } from '../src/math/curve.js';
import { signatureForms, verify, verifyDigest, type Signature } from '../src/ecdsa.js';
import { InvalidArgument } from '../src/base/errors.js';

// Without these noble would only sign and verify asynchronously.
noble.hashes.sha256 = sha256;
noble.hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);

const bytes32 = (x: bigint): Uint8Array => hexToBytes(x.toString(16).padStart(64, '0'));
const fromCompact = (bytes: Uint8Array): Signature => ({
  r: BigInt(`0x${bytesToHex(bytes.subarray(0, 32))}`),
  s: BigInt(`0x${bytesToHex(bytes.subarray(32))}`),
});
const toCompact = ({ r, s }: Signature): Uint8Array => concatBytes(bytes32(r), bytes32(s));

const secret = fc.bigInt({ min: 1n, max: q - 1n }).map(bytes32);
const anyMessage = fc.uint8Array({ maxLength: 200 });

const key = bytes32(0x1234567890abcdefn);
const publicKey = noble.getPublicKey(key, true);
const uncompressed = noble.getPublicKey(key, false);
const message = utf8ToBytes('Hello, CGGMP24!');
const signature = fromCompact(noble.sign(message, key));

describe('verify, against @noble/secp256k1', () => {
  it('accepts what noble signs, under either form of the key', () => {
    fc.assert(
      fc.property(secret, anyMessage, (k, m) => {
        const made = fromCompact(noble.sign(m, k));
        expect(verify(made, noble.getPublicKey(k, true), m)).toBe(true);
        expect(verify(made, noble.getPublicKey(k, false), m)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('judges what OpenSSL signs, low s or high, as noble does', () => {
    let high = 0;
    fc.assert(
      fc.property(secret, anyMessage, (k, m) => {
        const P = noble.getPublicKey(k, false);
        const [x, y, d] = [P.subarray(1, 33), P.subarray(33), k].map((part) => Buffer.from(part).toString('base64url'));
        const jwk = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'secp256k1', x: x ?? '', y: y ?? '', d: d ?? '' } });
        const made = new Uint8Array(signWithNode('sha256', m, { key: jwk, dsaEncoding: 'ieee-p1363' }));
        const expected = noble.verify(made, m, P, { lowS: true });
        if (!expected) high++;
        expect(verify(fromCompact(made), P, m)).toBe(expected);
        const { r, s } = fromCompact(made);
        expect(verify({ r, s: s > q / 2n ? q - s : s }, P, m)).toBe(true);
      }),
      { numRuns: 40 },
    );
    expect(high).toBeGreaterThan(0);
  });

  it('hashes the message itself: a digest is not taken for one', () => {
    expect(verify(signature, publicKey, message)).toBe(true);
    expect(verify(signature, publicKey, sha256(message))).toBe(false);
    expect(noble.verify(toCompact(signature), sha256(message), publicKey, { prehash: false })).toBe(true);
  });
});

describe('verify refuses', () => {
  const { r, s } = signature;

  it.each([
    ['the high-s form', { r, s: q - s }],
    ['r = 0', { r: 0n, s }],
    ['s = 0', { r, s: 0n }],
    ['both 0', { r: 0n, s: 0n }],
    ['r = q', { r: q, s }],
    ['s = q', { r, s: q }],
    ['r + q', { r: r + q, s }],
    ['s + q', { r, s: s + q }],
    ['a negative r', { r: -r, s }],
    ['a negative s', { r, s: -s }],
    ['r of more than 32 bytes', { r: r + (1n << 300n), s }],
    ['another r', { r: r + 1n, s }],
    ['another s', { r, s: s - 1n }],
    ['r and s swapped', { r: s, s: r }],
    ['s just above q/2', { r, s: q / 2n + 1n }],
  ])('%s', (_, altered) => {
    expect(verify(altered, publicKey, message)).toBe(false);
  });

  it('another key, and the negated one', () => {
    const negated = Uint8Array.from(publicKey);
    negated[0] = (publicKey[0] ?? 0) ^ 1;
    expect(verify(signature, negated, message)).toBe(false);
    expect(verify(signature, noble.getPublicKey(bytes32(5n)), message)).toBe(false);
  });

  it('another message, the empty one, and one byte more', () => {
    for (const other of [utf8ToBytes('hello, CGGMP24!'), new Uint8Array(), concatBytes(message, Uint8Array.of(0))]) {
      expect(verify(signature, publicKey, other)).toBe(false);
    }
  });
});

describe('an invalid key is an error, not a false answer', () => {
  const altered = (bytes: Uint8Array, at: number, value: number): Uint8Array => Uint8Array.from(bytes, (b, k) => (k === at ? value : b));
  const p256 = createECDH('prime256v1');
  p256.generateKeys();

  it.each([
    ['no bytes', new Uint8Array()],
    ['infinity in one byte', Uint8Array.of(0)],
    ['33 zero bytes', new Uint8Array(33)],
    ['65 zero bytes', new Uint8Array(65)],
    ['a y that is not on the curve', altered(uncompressed, 64, (uncompressed[64] ?? 0) ^ 1)],
    ['an x that is on no point', altered(new Uint8Array(33), 0, 2)],
    ['the hybrid form', altered(uncompressed, 0, 6 + ((uncompressed[64] ?? 0) & 1))],
    ['the hybrid form of the other parity', altered(uncompressed, 0, 7 - ((uncompressed[64] ?? 0) & 1))],
    ['an unknown first byte', altered(publicKey, 0, 5)],
    ['x and y without a first byte', uncompressed.subarray(1)],
    ['a byte too few', publicKey.subarray(0, 32)],
    ['a byte too many', concatBytes(uncompressed, Uint8Array.of(0))],
    ['a point of another curve', new Uint8Array(p256.getPublicKey())],
    ['text', utf8ToBytes('02'.repeat(33))],
  ])('%s', (_, bytes) => {
    expect(() => verify(signature, bytes, message)).toThrow(InvalidArgument);
  });
});

describe('verifyDigest', () => {
  it('accepts what noble signs, and nothing for another digest', () => {
    fc.assert(
      fc.property(secret, fc.uint8Array({ minLength: 32, maxLength: 32 }), (k, digest) => {
        const made = fromCompact(noble.sign(digest, k, { prehash: false }));
        expect(verifyDigest(made, noble.getPublicKey(k), digest)).toBe(true);
        expect(verifyDigest(made, noble.getPublicKey(k), sha256(digest))).toBe(false);
        expect(verifyDigest({ ...made, s: q - made.s }, noble.getPublicKey(k), digest)).toBe(false);
      }),
      { numRuns: 20 },
    );
    expect(verifyDigest(signature, publicKey, sha256(message))).toBe(true);
  });

  it.each([
    ['zero', new Uint8Array(32)],
    ['the group order', bytes32(q)],
  ])('refuses %s as a digest, for which anybody makes signatures', (_, digest) => {
    const R = multiplyPublic(decodePoint(publicKey), 7n);
    const r = R.toAffine().x % q;
    const s = (r * invertScalar(7n)) % q;
    const forged = { r, s: s > q / 2n ? q - s : s };
    expect(noble.verify(toCompact(forged), digest, publicKey, { prehash: false })).toBe(true);
    expect(() => verifyDigest(forged, publicKey, digest)).toThrow(InvalidArgument);
    expect(() => verifyDigest(forged, publicKey, digest)).toThrow('digest: must not be zero modulo the group order');
    expect(() => signatureForms(forged, publicKey, digest)).toThrow('digest: must not be zero');
  });
});

/** The key that noble recovers. */
function recovered({ compact, recoveryId }: { readonly compact: string; readonly recoveryId: number }, digest: Uint8Array): Uint8Array {
  return noble.recoverPublicKey(Uint8Array.of(recoveryId, ...hexToBytes(compact)), digest, { prehash: false });
}

describe('signatureForms', () => {
  const digest = sha256(message);

  it('gives what noble and OpenSSL read', () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(secret, fc.uint8Array({ minLength: 32, maxLength: 32 }), (k, signed) => {
        const key = noble.getPublicKey(k, false);
        const { r, s, der, compact, recoveryId } = signatureForms(fromCompact(noble.sign(signed, k, { prehash: false })), key, signed);
        expect(compact).toBe(r + s);
        expect(bytesToHex(recovered({ compact, recoveryId }, signed))).toBe(bytesToHex(noble.getPublicKey(k)));
        seen.add(recoveryId);
        expect(hexToBytes(der)[1]).toBe(der.length / 2 - 2);
      }),
      { numRuns: 30 },
    );
    expect([...seen].sort()).toEqual([0, 1]);

    const [x, y] = [uncompressed.subarray(1, 33), uncompressed.subarray(33)].map((part) => Buffer.from(part).toString('base64url'));
    const jwk = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'secp256k1', x: x ?? '', y: y ?? '' } });
    const { der } = signatureForms(signature, publicKey, digest);
    expect(verifyWithNode('sha256', message, { key: jwk, dsaEncoding: 'der' }, hexToBytes(der))).toBe(true);
  });

  it('recovers the sender of the transaction of EIP-155', () => {
    const signed = hexToBytes('daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53');
    const sender = noble.getPublicKey(hexToBytes('46'.repeat(32)), false);
    const forms = signatureForms(
      {
        r: 0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276n,
        s: 0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83n,
      },
      sender,
      signed,
    );
    // v = 37 with chain id 1.
    expect(forms.recoveryId + 35 + 2).toBe(37);
    const key = noble.Point.fromBytes(recovered(forms, signed)).toBytes(false);
    expect(bytesToHex(keccak_256(key.subarray(1)).subarray(12))).toBe('9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f');
  });

  it('says so when the x-coordinate of the nonce is above the group order', () => {
    const seen = new Set<number>();
    for (let r = 1n; seen.size < 2; r++) {
      for (const parity of [2, 3]) {
        const R = pointAt(parity, q + r);
        if (R === null) continue;
        // The key under which (r, s) with this R is a signature: X = (s R - m G) / r.
        const s = 12_345n;
        const X = multiplyPublic(R.multiply(s).subtract(multiplyPublic(G, BigInt(`0x${bytesToHex(digest)}`))), invertScalar(r));
        const forms = signatureForms({ r, s }, X, digest);
        expect(bytesToHex(recovered(forms, digest))).toBe(bytesToHex(encodePoint(X, true)));
        seen.add(forms.recoveryId);
      }
    }
    expect([...seen].sort()).toEqual([2, 3]);
  });

  it.each<[string, Signature, Uint8Array]>([
    ['a high s', { ...signature, s: q - signature.s }, digest],
    ['another signature', { ...signature, s: signature.s - 1n }, digest],
    ['another digest', signature, sha256(digest)],
    ['r = 0', { ...signature, r: 0n }, digest],
    ['r + q', { ...signature, r: signature.r + q }, digest],
  ])('%s has none', (_, made, signed) => {
    expect(() => signatureForms(made, publicKey, signed)).toThrow(InvalidArgument);
    expect(() => signatureForms(made, publicKey, signed)).toThrow('signature: does not sign the digest under the public key');
  });
});

function pointAt(parity: number, x: bigint): ReturnType<typeof decodePoint> | null {
  try {
    return decodePoint(Uint8Array.of(parity, ...bytes32(x)));
  } catch {
    return null;
  }
}
