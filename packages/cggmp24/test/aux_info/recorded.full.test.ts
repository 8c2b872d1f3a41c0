import { describe, expect, it } from '@jest/globals';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { parsePrimes, serializePrimes } from '../../src/aux_info/primes.js';
import { prmContext } from '../../src/zk/context.js';
import { serializeAuxInfo } from '../../src/key_share/aux_info.js';
import { mod, xorBytes } from '../../src/math/integer.js';
import { RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SECURITY_128 } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { auxInfo } from '../../src/sessions.js';
import { IntegerJson } from '../../src/wire/json.js';
import * as prm from '../../src/zk/prm.js';
import type { Rng } from '../../src/math/random.js';
import { RecordedMessage, replay, sorted } from '../util/messages.js';
import { drawBelow, scriptedRng } from '../util/scripted_rng.js';
import { withoutLambda } from '../util/key_share_json.js';
import { loadVectors } from '../util/vectors.js';
import { HexBytes, SignedHex } from '../util/zk_vectors.js';

const Round2 = z.object({ hat_N: IntegerJson, s: IntegerJson, t: IntegerJson, params_proof: prm.proofJson(SECURITY_128) });
const Round3 = z.object({ mod_proof: z.object({ commitment: z.object({ w: IntegerJson }) }) });
const Run = z.object({
  eid: HexBytes,
  n: z.number(),
  reliable_broadcast: z.boolean(),
  pregenerated_primes: z.array(z.json()),
  secrets: z.array(z.object({ r: SignedHex, lambda: SignedHex, prm_alpha_0: SignedHex, rho_bytes: HexBytes, decommit: HexBytes })),
  messages: z.array(RecordedMessage),
  checks: z.object({ rho: z.string(), parties: z.array(z.object({ prm_challenge_bits_first_to_last: z.string() })) }),
  aux_infos: z.array(z.record(z.string(), z.json())),
});

const run = loadVectors('auxgen_3_rb', Run);
const primesOf = (i: number) => parsePrimes(JSON.stringify(run.pregenerated_primes[i]), SECURITY_128);

function bodyOf<T>(i: number, variant: string, shape: z.ZodType<T>): T {
  const found = run.messages.find(({ sender, msg }) => sender === i && variant in msg);
  return shape.parse(found?.msg[variant]);
}

/** Draws what party i drew; the randomness of Π^fac is not recorded. */
function recordedRng(i: number): Rng {
  const { r, lambda, prm_alpha_0, rho_bytes, decommit } = at(run.secrets, i);
  const { p, q, pHat, qHat } = primesOf(i).reveal();
  const phi = (pHat - 1n) * (qHat - 1n);
  const { params_proof } = bodyOf(i, 'Round2', Round2);
  const bits = at(run.checks.parties, i).prm_challenge_bits_first_to_last;
  const alphas = params_proof.response.map((z_k, k) => mod(z_k - (bits[k] === '1' ? lambda : 0n), phi));
  expect(alphas[0]).toBe(prm_alpha_0);
  const { w } = bodyOf(i, 'Round3', Round3).mod_proof.commitment;
  const long = [
    drawBelow(pHat * qHat, r),
    drawBelow(phi >> 2n, lambda),
    ...alphas.map((alpha) => drawBelow(phi, alpha)),
    drawBelow(p * q, w),
  ];
  return scriptedRng(new Map([[384, long], [32, [rho_bytes, decommit]]]));
}

/** Without the proofs whose randomness is not recorded. */
function reproducible(messages: readonly RecordedMessage[]): RecordedMessage[] {
  return sorted(messages).map((message) => {
    const { Round3: third, ...others } = message.msg;
    return third === undefined
      ? message
      : { ...message, msg: { ...others, Round3: (third as { mod_proof: unknown }).mod_proof as string } };
  });
}

describe('auxgen_3_rb', () => {
  it.each([0, 1, 2])('party %i, run again with what the crate drew, sends and ends the same', (index) => {
    const session = auxInfo({
      executionId: run.eid,
      index,
      parties: run.n,
      primes: primesOf(index),
      insecurePrmFirstWordOnly: true,
      rng: recordedRng(index),
    });
    const { sent, output } = replay(session, index, run.messages);
    expect(reproducible(sent)).toEqual(reproducible(run.messages.filter(({ sender }) => sender === index)));
    expect(withoutLambda(JSON.parse(serializeAuxInfo(output)))).toEqual({ ...at(run.aux_infos, index), prm_first_word_only: true });
  });

  it('has the recorded challenge bits: 32, then zeros, as the crate makes them', () => {
    for (let i = 0; i < run.n; i++) {
      const { hat_N: nHat, s, t, params_proof } = bodyOf(i, 'Round2', Round2);
      const aux = new RingPedersen({ nHat, s, t });
      const context = prmContext({ sid: run.eid, prover: i });
      const bits = prm.challenge(context, SECURITY_128, aux, params_proof.commitment, true);
      expect(bits.map(Number).join('')).toBe(at(run.checks.parties, i).prm_challenge_bits_first_to_last);
      const ours = prm.challenge(context, SECURITY_128, aux, params_proof.commitment, false);
      expect(ours.slice(0, 32)).toEqual(bits.slice(0, 32));
      expect(ours.slice(32)).toContain(true);
    }
  });

  it('refuses the proofs of the crate by default, and names their makers', () => {
    const alone = auxInfo({ executionId: run.eid, index: 0, parties: run.n, primes: primesOf(0), reliableBroadcast: false });
    expect(() => replay(alone, 0, run.messages)).toThrow(/^invalid_ring_pedersen_parameters in Round2: party 1 .*, party 2 /);
  });

  it('makes the recorded rho', () => {
    expect(bytesToHex(xorBytes(run.secrets.map(({ rho_bytes }) => rho_bytes)))).toBe(run.checks.rho);
  });

  it('writes pregenerated primes as it reads them', () => {
    expect(run.pregenerated_primes.map((_, i) => JSON.parse(serializePrimes(primesOf(i))) as unknown)).toEqual(run.pregenerated_primes);
  });
});
