import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { executionId, integer, leaf, point, struct, wrapped, type Encoding } from '../../src/hash/encoding.js';
import { G, INFINITY, multiply, toScalar, type Point } from '../../src/math/curve.js';
import { randomScalar } from '../../src/math/random.js';
import { CompactPointJson, CompactScalarJson } from '../../src/wire/json.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import * as sch from '../../src/zk/sch.js';
import { failedCheck } from '../util/proofs.js';
import { loadVectors } from '../util/vectors.js';
import { expectSeed, HexBytes, Seed, Session } from '../util/zk_vectors.js';

const EQUATION = 'z G = A + e y';

function seedOf(sid: Uint8Array, prover: number, rid: Uint8Array, y: Point, A: Point): Encoding {
  const fields = { sid: executionId(sid), prover: integer(prover), rid: leaf(rid), y: wrapped(point(y)), h: point(A) };
  return struct(fields, 'dfns.cggmp24.keygen.threshold.schnorr_pok');
}

const { cases } = loadVectors(
  'unit_zk_schnorr',
  z.object({
    cases: z.array(
      z.object({
        eid: Session.eid,
        prover: Session.prover,
        rid: HexBytes,
        x: CompactScalarJson,
        y: CompactPointJson,
        r: CompactScalarJson,
        h: CompactPointJson,
        seed: Seed,
        challenge: CompactScalarJson,
        z: CompactScalarJson,
      }),
    ),
  }),
);

describe('Π^sch, recorded from the Rust crate', () => {
  it.each(cases)('case %#: transcript, challenge and response are the same', (recorded) => {
    const { x, y, r, h } = recorded;
    const seed = seedOf(recorded.eid, recorded.prover, recorded.rid, y, h);
    expectSeed(seed, recorded.seed);
    expect(sch.challenge(seed)).toBe(recorded.challenge);
    expect(sch.respond(seed, r, x)).toBe(recorded.z);
    expect(failedCheck(sch.verify, seed, { A: h, y }, recorded.z)).toBe('accepted');
  });
});

describe('Π^sch', () => {
  const rng = seededRng('sch');
  const [sid, rid] = [rng(16), rng(32)];
  const x = randomScalar(rng);
  const y = multiply(G, x);
  const { nonce, A } = sch.commit(rng);
  const seed = seedOf(sid, 1, rid, y, A);
  const response = sch.respond(seed, nonce, x);

  it('verifies, and every commitment is fresh', () => {
    expect(failedCheck(sch.verify, seed, { A, y }, response)).toBe('accepted');
    expect(A.equals(multiply(G, nonce))).toBe(true);
    expect(sch.commit(rng).nonce).not.toBe(nonce);
  });

  it.each<[string, Parameters<typeof sch.verify>]>([
    ['response', [seed, { A, y }, toScalar(response + 1n)]],
    ['commitment', [seed, { A: A.add(G), y }, response]],
    ['public point', [seed, { A, y: y.add(G) }, response]],
    ['session', [seedOf(rng(16), 1, rid, y, A), { A, y }, response]],
    ['prover (a reflected or replayed proof)', [seedOf(sid, 0, rid, y, A), { A, y }, response]],
    ['joint randomness', [seedOf(sid, 1, rng(32), y, A), { A, y }, response]],
  ])('refuses another %s', (_, args) => {
    expect(failedCheck(sch.verify, ...args)).toBe(EQUATION);
  });

  it('refuses a rogue key, made to cancel somebody else\'s, as nobody knows its logarithm', () => {
    const rogue = y.negate().add(G);
    const rogueSeed = seedOf(sid, 1, rid, rogue, A);
    expect(failedCheck(sch.verify, rogueSeed, { A, y: rogue }, sch.respond(rogueSeed, nonce, x))).toBe(EQUATION);
  });

  it('refuses the identity as a public point, though 0 is its logarithm', () => {
    const identitySeed = seedOf(sid, 1, rid, INFINITY, A);
    const z0 = sch.respond(identitySeed, nonce, 0n);
    expect(failedCheck(sch.verify, identitySeed, { A, y: INFINITY }, z0)).toBe('y is not the identity');
  });

  it('does not confuse session and randomness that concatenate to the same bytes', () => {
    const joined = Uint8Array.of(1, 2, 3, 4);
    const first = seedOf(joined.subarray(0, 1), 1, joined.subarray(1), y, A);
    const second = seedOf(joined.subarray(0, 2), 1, joined.subarray(2), y, A);
    expect(bytesToHex(first)).not.toBe(bytesToHex(second));
    expect(sch.challenge(first)).not.toBe(sch.challenge(second));
  });
});
