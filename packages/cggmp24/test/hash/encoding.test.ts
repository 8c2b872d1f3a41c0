import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import * as context from '../../src/zk/context.js';
import * as enc from '../../src/hash/encoding.js';
import { decodePoint, G, INFINITY } from '../../src/math/curve.js';
import { loadVectors } from '../util/vectors.js';

const { cases } = loadVectors(
  'unit_udigest',
  z.object({ cases: z.array(z.object({ what: z.string(), encoding: z.string(), sha256: z.string() })) }),
);

const P = decodePoint(hexToBytes('027839600d101357563dd2c5e1f63add31563350a39fabc221d8acbcfe51100277'));
const polynomial = [
  '02f28ac29a92db3de36f3b77eec67816bd4e8bb1359d230c8e5ed224e61ea34694',
  '0306812a70930294d767ab395cd9a97e87df7af50f9c8acf3bcc404bc0712dc812',
  '0292bbaa64a22cf6b03fe65853ad78bfdc2de616b93fac0f24c037808ecc29c622',
].map((hex) => decodePoint(hexToBytes(hex)));
const bytes = Uint8Array.from({ length: 32 }, (_, k) => k);
const sid = utf8ToBytes('example execution id');
const round1 = enc.struct({ commitment: enc.leaf(sha256(utf8ToBytes('x'))) }, 'dfns.cggmp24.keygen.threshold.round1');
const block = (counter: number): enc.Encoding => enc.struct({ counter: enc.integer(counter), seed: enc.text('foobar') }, 'dfns.rand_hash');

/** Our encoding of each recorded value, by the name it has there. */
const ours: Record<string, enc.Encoding> = {
  'u16 0 (empty leaf)': enc.integer(0),
  'u16 1': enc.integer(1),
  'u16 255': enc.integer(255),
  'u16 256': enc.integer(256n),
  'u64 0x0102030405060708': enc.integer(0x0102030405060708n),
  'usize 1280': enc.integer(1280),
  'i32 -5 (sign byte 0 then magnitude)': enc.leaf(Uint8Array.of(0, 5)),
  'i32 5 (sign byte 1 then magnitude)': enc.leaf(Uint8Array.of(1, 5)),
  'bool false (= u8 0)': enc.bool(false),
  'bool true (= u8 1)': enc.bool(true),
  'str ""': enc.text(''),
  'str "abcd"': enc.text('abcd'),
  'bytes deadbeef': enc.leaf(hexToBytes('deadbeef')),
  'list of u8 [1,2,0] (no as_bytes: list of integer leaves)': enc.integers([1n, 2n, 0n]),
  'empty list': enc.list([]),
  'nested list [[1,2],[3]]': enc.list([enc.integers([1n, 2n]), enc.integers([3n])]),
  'tuple (1u16,"a")': enc.list([enc.integer(1), enc.text('a')]),
  'Option<u16> None': enc.option(null),
  'Option<u16> Some(7)': enc.option(enc.integer(7)),
  'tuple struct with one Option<Bytes> field, None': enc.wrapped(enc.option(null)),
  'tuple struct with one Option<Bytes> field, Some(01020304)': enc.wrapped(enc.option(enc.leaf(Uint8Array.of(1, 2, 3, 4)))),
  'struct {a:1u16,b:"x"} tag example.tag': enc.struct({ a: enc.integer(1), b: enc.text('x') }, 'example.tag'),
  'newtype struct Newtype(9u32): field name is "0"': enc.wrapped(enc.integer(9)),
  'Integer 1 in newtype': enc.wrapped(enc.integer(1n)),
  'Integer 255 in newtype': enc.wrapped(enc.integer(255n)),
  'Integer 256 in newtype': enc.wrapped(enc.integer(256n)),
  'Integer -256 in newtype (sign dropped)': enc.wrapped(enc.integer(-256n)),
  'ExecutionId("example execution id")': enc.executionId(sid),
  'ExecutionId("")': enc.executionId(new Uint8Array()),
  'Point 027839600d101357563dd2c5e1f63add31563350a39fabc221d8acbcfe51100277': enc.point(P),
  'Point generator': enc.point(G),
  'Point at infinity': enc.point(INFINITY),
  'NonZero<Point> 027839600d101357563dd2c5e1f63add31563350a39fabc221d8acbcfe51100277': enc.wrapped(enc.point(P)),
  'Scalar 3e35884dd723b3913138e4051dd0223a82562e017848f7c97dc0b9440b7f8f59':
    enc.scalar(0x3e35884dd723b3913138e4051dd0223a82562e017848f7c97dc0b9440b7f8f59n),
  'Scalar 0': enc.scalar(0n),
  'schnorr Commit(Point 027839600d101357563dd2c5e1f63add31563350a39fabc221d8acbcfe51100277)': enc.wrapped(enc.point(P)),
  [`Polynomial<Point> ["${polynomial.map((C) => C.toHex(true)).join('", "')}"]`]: enc.struct({
    coefs: enc.list(polynomial.map(enc.point)),
  }),
  'threshold MsgRound1 { commitment: sha256("x") }': round1,
  'threshold keygen Echo { sid, commitment: MsgRound1 above }': enc.struct(
    { sid: enc.executionId(sid), commitment: round1 },
    'dfns.cggmp24.keygen.threshold.echo_round',
  ),
  'aux ProofPrm { sid, prover: 0 }': context.prmContext({ sid, prover: 0 }),
  'aux ProofMod { sid, rho: 00..1f, prover: 2 }': context.modContext({ sid, prover: 2 }, bytes),
  'aux ProofFac { sid, rho: 00..1f, prover: 2 }': context.facContext({ sid, prover: 2 }, bytes),
  'signing ProofEnc { sid, prover: 1, num: 0 }': context.encElgContext({ sid, prover: 1 }, 0),
  'signing ProofEnc { sid, prover: 1, num: 1 }': context.encElgContext({ sid, prover: 1 }, 1),
  'signing ProofPsi { sid, prover: 2, hat: false }': context.affGContext({ sid, prover: 2 }, false),
  'signing ProofPsi { sid, prover: 2, hat: true }': context.affGContext({ sid, prover: 2 }, true),
  'signing ProofElog { sid, prover: 2, prime: true }': context.elogContext({ sid, prover: 2 }, true),
  'enc-elg SecurityParams { l: 256, epsilon: 512 }': enc.struct({ l: enc.integer(256), epsilon: enc.integer(512) }),
  'aff-g SecurityParams { l_x: 256, l_y: 1280, epsilon: 512 }': enc.struct({
    l_x: enc.integer(256),
    l_y: enc.integer(1280),
    epsilon: enc.integer(512),
  }),
  'fac SecurityParams { l: 256, epsilon: 512 }': enc.struct({ l: enc.integer(256), epsilon: enc.integer(512) }),
  'inline_struct dfns.rand_hash { counter: 0u64, seed: "foobar" }': block(0),
  'inline_struct dfns.rand_hash { counter: 1u64, seed: "foobar" }': block(1),
  'hash_iter over ["first","second",""] (list tagged udigest.list)': enc.list(['first', 'second', ''].map(enc.text), 'udigest.list'),
};

describe("the Rust crate's encodings", () => {
  it('are all looked at, once each', () => {
    expect(cases.map(({ what }) => what).sort()).toEqual(Object.keys(ours).sort());
  });

  it.each(cases)('$what', ({ what, encoding, sha256: hash }) => {
    const encoded = ours[what];
    if (encoded === undefined) throw new Error('no such value');
    expect(bytesToHex(encoded)).toBe(encoding);
    expect(bytesToHex(enc.digest(encoded))).toBe(hash);
  });

  it('digestAll hashes a tagged list', () => {
    const recorded = cases.find(({ what }) => what.startsWith('hash_iter'))?.sha256;
    expect(bytesToHex(enc.digestAll(['first', 'second', ''].map(enc.text)))).toBe(recorded);
  });
});

/** A value of any shape, with and without tags. */
type Value = { bytes: string; tag?: string } | { items: Value[]; tag?: string };

const { value } = fc.letrec<{ value: Value; leaf: Value; list: Value }>((tie) => {
  const tag = fc.option(fc.string({ maxLength: 3 }), { nil: undefined });
  const tagged = <T extends object>(content: fc.Arbitrary<T>): fc.Arbitrary<T & { tag?: string }> =>
    fc.tuple(content, tag).map(([c, t]) => (t === undefined ? c : { ...c, tag: t }));
  // Bytes that occur in the encoding itself, so that one value may pose as a part of another.
  const posing = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 5, 97), { maxLength: 8 }).map((b) => bytesToHex(Uint8Array.from(b)));
  return {
    value: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('list')),
    leaf: tagged(posing.map((b) => ({ bytes: b }))),
    list: tagged(fc.array(tie('value'), { maxLength: 3 }).map((items) => ({ items }))),
  };
});

function encode(v: Value): enc.Encoding {
  return 'bytes' in v ? enc.leaf(hexToBytes(v.bytes), v.tag) : enc.list(v.items.map(encode), v.tag);
}

describe('an encoding', () => {
  it('belongs to one value', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(bytesToHex(encode(a)) === bytesToHex(encode(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    { what: 'where a string is cut', a: enc.list([enc.text('ab'), enc.text('c')]), b: enc.list([enc.text('a'), enc.text('bc')]) },
    { what: 'an empty item', a: enc.list([enc.text('a')]), b: enc.list([enc.text('a'), enc.text('')]) },
    { what: 'a list in a list', a: enc.list([enc.list([enc.text('a')])]), b: enc.list([enc.text('a')]) },
    { what: 'an encoding in a string', a: enc.leaf(enc.text('a')), b: enc.text('a') },
    { what: 'a tag', a: enc.leaf(bytes, 'x'), b: enc.leaf(bytes) },
    { what: 'an empty tag', a: enc.leaf(bytes, ''), b: enc.leaf(bytes) },
    { what: 'a tag that moved into the content', a: enc.leaf(utf8ToBytes('a'), 'b'), b: enc.leaf(utf8ToBytes(''), 'ab') },
    {
      what: 'the order of fields',
      a: enc.struct({ a: enc.bool(true), b: enc.bool(false) }),
      b: enc.struct({ b: enc.bool(false), a: enc.bool(true) }),
    },
    { what: 'the name of a field', a: enc.struct({ a: enc.bool(true) }), b: enc.struct({ b: enc.bool(true) }) },
    { what: 'an absent option', a: enc.option(null), b: enc.option(enc.text('')) },
  ])('tells $what', ({ a, b }) => {
    expect(bytesToHex(a)).not.toBe(bytesToHex(b));
  });
});
