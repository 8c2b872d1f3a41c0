import { describe, expect, it } from '@jest/globals';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { decodePoint, encodePoint, G, multiply } from '../../src/math/curve.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { derive, formatPath, parsePath, type ExtendedPublicKey } from '../../src/signing/derivation.js';
import { loadVectors } from '../util/vectors.js';
import { HexBytes, SignedHex } from '../util/zk_vectors.js';

const Cases = z.object({
  cases: z.array(
    z.object({
      parent_public_key: HexBytes,
      parent_chain_code: HexBytes,
      path: z.array(z.number()),
      steps: z.array(z.object({ index: z.number(), shift: SignedHex, child_public_key: z.string(), child_chain_code: z.string() })),
      total_shift: SignedHex,
    }),
  ),
});

const { cases } = loadVectors('unit_hd', Cases);

describe('derivation agrees with the crate', () => {
  it.each(cases.map((one) => ({ ...one, name: `${bytesToHex(one.parent_public_key).slice(0, 10)} / ${one.path.join('/')}` })))(
    '$name',
    ({ parent_public_key, parent_chain_code, path, steps, total_shift }) => {
      const root: ExtendedPublicKey = { publicKey: decodePoint(parent_public_key), chainCode: parent_chain_code };
      let parent = root;
      for (const { index, shift, child_public_key, child_chain_code } of steps) {
        const child = derive(parent, [index]);
        expect(child.shift).toBe(shift);
        expect(bytesToHex(encodePoint(child.publicKey, true))).toBe(child_public_key);
        expect(bytesToHex(child.chainCode)).toBe(child_chain_code);
        parent = child;
      }
      const derived = derive(root, path);
      expect(derived.shift).toBe(total_shift);
      expect(derived.publicKey.equals(parent.publicKey)).toBe(true);
      expect(derived.publicKey.equals(root.publicKey.add(multiply(G, total_shift)))).toBe(true);
    },
  );
});

describe('derivation', () => {
  const root = { publicKey: G, chainCode: new Uint8Array(32) };

  it('along the empty path changes nothing', () => {
    expect(derive(root, [])).toEqual({ ...root, shift: 0n });
  });

  it.each([-1, 0.5, Number.NaN, 0x8000_0000, 2 ** 32])('refuses index %d', (index) => {
    expect(() => derive(root, [0, index])).toThrow(InvalidArgument);
    expect(() => derive(root, [0, index])).toThrow('path: each index must be an integer from 0 to 2^31 - 1');
  });

  it('takes ten indices and no more', () => {
    const ten = Array<number>(10).fill(0);
    expect(derive(root, ten).shift).not.toBe(0n);
    expect(() => derive(root, [...ten, 0])).toThrow(InvalidArgument);
    expect(() => derive(root, [...ten, 0])).toThrow('path: must have at most 10 indices');
  });
});

describe('the text of a path', () => {
  it.each<[string, number[]]>([
    ['m', []],
    ['m/0', [0]],
    ['m/44/60/0/0/5', [44, 60, 0, 0, 5]],
    ['m/2147483647', [2 ** 31 - 1]],
    ['m/0/1/2/3/4/5/6/7/8/9', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])('%s', (text, path) => {
    expect(parsePath(text)).toEqual(path);
    expect(formatPath(path)).toBe(text);
  });

  it.each([
    ["m/44'", 'must not be hardened'],
    ['m/44h/0', 'must not be hardened'],
    ['m/0/1H', 'must not be hardened'],
    ['m/2147483648', 'each index must be an integer from 0 to 2^31 - 1'],
    ['m/9999999999', 'each index must be an integer from 0 to 2^31 - 1'],
    ['', "must begin with 'm'"],
    ['44/0', "must begin with 'm'"],
    ['M/0', "must begin with 'm'"],
    ['m/', 'decimal indices'],
    ['m//0', 'decimal indices'],
    ['m/0/', 'decimal indices'],
    ['m/00', 'decimal indices'],
    ['m/-1', 'decimal indices'],
    ['m/1e3', 'decimal indices'],
    ['m/0x1', 'decimal indices'],
    ['m/ 1', 'decimal indices'],
    ['m/1\n', 'decimal indices'],
    ['m/*', 'decimal indices'],
    ['m/0/1/2/3/4/5/6/7/8/9/10', 'must have at most 10 indices'],
  ])('%j is refused', (text, reason) => {
    expect(() => parsePath(text)).toThrow(InvalidArgument);
    expect(() => parsePath(text)).toThrow(`path: `);
    expect(() => parsePath(text)).toThrow(reason);
  });
});
