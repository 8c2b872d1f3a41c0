import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { publicKeyMaterialJson } from '../../src/key_share/public_key_material.js';
import { parseWith } from '../../src/wire/parse.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';

const codec = publicKeyMaterialJson(FEW_REPETITIONS);
const json = JSON.parse(JSON.stringify(z.encode(codec, at(smallShares(2, 3), 0)))) as Json;
const parse = (changed: Json): unknown => parseWith(codec, JSON.stringify(changed), 'key');
const integer = (x: bigint): Json => ({ radix: 16, value: x.toString(16) });

describe('public key material', () => {
  it('survives its JSON', () => {
    expect(JSON.parse(JSON.stringify(z.encode(codec, parseWith(codec, JSON.stringify(json), 'key'))))).toEqual(json);
  });

  // Everybody computes with these: a long one costs the cube of its length.
  it.each(['/aux/N/1', '/aux/pedersen_params/1/hat_N'])('with a modulus of more than 4,096 bits is refused: %s', (path) => {
    for (const bits of [4097n, 8000n]) {
      const changed = replaceAt(json, path, integer((1n << (bits - 1n)) + 1n));
      expect(() => parse(changed)).toThrow(InvalidArgument);
      expect(() => parse(changed)).toThrow(/too long/);
    }
  });
});
