import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { expect } from '@jest/globals';
import { z } from 'zod';
import { digest, type Encoding } from '../../src/hash/encoding.js';
import { RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { IntegerJson } from '../../src/wire/json.js';

/** Parts that the recorded `unit_zk_*` files share. */
export const HexBytes = z.string().transform((hex) => hexToBytes(hex));
export const SignedHex = z.string().transform((hex) => (hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`)));
export const Aux = z
  .object({ s: IntegerJson, t: IntegerJson, rsa_modulo: IntegerJson })
  .transform(({ s, t, rsa_modulo }) => new RingPedersen({ nHat: rsa_modulo, s, t }));
export const Seed = z.object({ encoding: z.string().optional(), encoding_len: z.number(), sha256: z.string() });
export const Invalid = z.array(z.object({ add_one_at: z.string(), value: z.json() }));
export const Session = { eid: z.string().transform((text) => utf8ToBytes(text)), prover: z.number(), encoding: z.string() };

/** Is the encoding the recorded one? Long ones are recorded by their hash alone. */
export function expectSeed(actual: Encoding, recorded: z.output<typeof Seed>): void {
  if (recorded.encoding !== undefined) expect(bytesToHex(actual)).toBe(recorded.encoding);
  expect(actual.length).toBe(recorded.encoding_len);
  expect(bytesToHex(digest(actual))).toBe(recorded.sha256);
}
