import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { G, GROUP_ORDER, multiply, toScalar, toSigned, type Scalar } from '../../src/math/curve.js';
import type { Signature } from '../../src/ecdsa.js';
import { affGContext, encElgContext } from '../../src/zk/context.js';
import { at } from '../../src/base/at.js';
import { presign } from '../../src/sessions.js';
import { round1a, round1b, round2, type Round1a, type Round1b, type Round2 } from '../../src/signing/messages.js';
import { signingContext } from '../../src/signing/context.js';
import { simulate, type Outcome } from '../../src/testing/simulate.js';
import { systemRng } from '../../src/math/random.js';
import * as affG from '../../src/zk/aff_g.js';
import * as encElg from '../../src/zk/enc_elg.js';
import type { Round } from '../../src/runtime/protocol.js';
import { plausible } from '../util/alterations.js';
import { abortOfCall, blamed, ending, expectBlame } from '../util/blame.js';
import { bodyOf, both, editing, recordRun, replay, type Tamper } from '../util/messages.js';
import { smallShares } from '../util/small_shares.js';
import { CHEAT, EXECUTION_ID, IS_BROADCAST, parse, TamperedSigning } from '../util/tampered_signing.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { scalarDraw, scriptedRng } from '../util/scripted_rng.js';

const sid = EXECUTION_ID;
const run = new TamperedSigning(smallShares(3, 4), [2, 0, 3]);

function write<Body>({ body }: Round<Body>, value: Body): Json {
  return JSON.parse(JSON.stringify(z.encode(body, value))) as Json;
}

const ofCheat = {
  round1a: (): Round1a => parse(round1a, bodyOf(run.messages, 'Round1a', CHEAT)),
  round1b: (): Round1b => parse(round1b, bodyOf(run.messages, 'Round1b', CHEAT, 0)),
  round2: (): Round2 => parse(round2, bodyOf(run.messages, 'Round2', CHEAT, 0)),
};

describe('each of the two proofs of round 1 is verified by itself', () => {
  it.each(['psi0', 'psi1'])('only %s is bad', (name) => {
    const honest = bodyOf(run.messages, 'Round1b', CHEAT, 0) as Record<string, Json>;
    const other = name === 'psi0' ? 'psi1' : 'psi0';
    const swapped = { ...honest, [name]: honest[other] ?? null };
    expect(blamed(run.abortOf(run.altering('Round1b', swapped)))).toBe(`invalid_encryption_proof:${CHEAT}`);
    expect(blamed(run.abortOf(run.altering('Round1b', { psi0: honest['psi1'] ?? null, psi1: honest['psi0'] ?? null })))).toBe(
      `invalid_encryption_proof:${CHEAT}`,
    );
  });
});

describe('two cheats are both named', () => {
  const ofAll = (variant: string, edit: (body: Json) => Json): Outcome<Signature>[] =>
    simulate(run.sessions(), { tamper: both(...[1, 2].map((cheat) => editing(cheat, variant, edit, [0]))) });

  it.each([
    ['Round1b', '/psi1/proof/z1', 'invalid_encryption_proof'],
    ['Round2', '/psi_j/proof/z2', 'invalid_affine_proof'],
    ['Round3', '/psi_prime/proof/u', 'invalid_exponent_proof'],
    ['Round4', '/partial_sig/sigma', 'invalid_partial_signature'],
  ] as const)('in %s', (variant, path, code) => {
    const field = run.rowsTo(0).find(({ where }) => where === `${variant}${path}`)?.field;
    if (field === undefined) throw new Error('no such field');
    const outcomes = ofAll(variant, (body) => replaceAt(body, path, plausible(field)));
    expect(ending(outcomes[0])).toBe(`${code}:1,2`);
  });
});

describe('replay and reflection', () => {
  const other = recordRun(run.sessions({ executionId: utf8ToBytes('another session') })).messages;

  it.each([
    ['Round1b', 'invalid_encryption_proof'],
    ['Round2', 'invalid_affine_proof'],
    ['Round3', 'invalid_exponent_proof'],
  ])('%s of another session, though everything drawn is the same', (variant, code) => {
    const to = IS_BROADCAST[variant] === true ? undefined : 0;
    expect(blamed(run.abortOf(run.altering(variant, bodyOf(other, variant, CHEAT, to))))).toBe(`${code}:${CHEAT}`);
  });

  it("our own first messages, sent back as the cheat's", () => {
    const tamper = both(
      run.broadcasting(bodyOf(run.messages, 'Round1a', 0)),
      editing(CHEAT, 'Round1b', () => bodyOf(run.messages, 'Round1b', 0, CHEAT)),
    );
    expect(blamed(run.abortOf(tamper))).toBe(`invalid_encryption_proof:${CHEAT}`);
  });

  it.each([
    ['Round1b', 'invalid_encryption_proof'],
    ['Round2', 'invalid_affine_proof'],
    ['Round3', 'invalid_exponent_proof'],
    ['Round4', 'invalid_partial_signature'],
  ])('%s of another signer', (variant, code) => {
    const to = IS_BROADCAST[variant] === true ? undefined : 0;
    expect(blamed(run.abortOf(run.altering(variant, bodyOf(run.messages, variant, 2, to))))).toBe(`${code}:${CHEAT}`);
  });

  it.each([
    ['Round1b', 'invalid_encryption_proof'],
    ['Round2', 'invalid_affine_proof'],
  ])('%s made for another recipient', (variant, code) => {
    expect(blamed(run.abortOf(run.altering(variant, bodyOf(run.messages, variant, CHEAT, 2))))).toBe(`${code}:${CHEAT}`);
  });
});

describe('a cheat that sends different broadcasts', () => {
  const equivocate = (): Outcome<Signature>[] =>
    simulate([0, 1, 2, 1].map((position, node) => run.session(position, { draws: node === 3 ? 'second face' : '' })), {
      tamper: ({ from, to, ...message }) => {
        if (from === 1) return to === 0 ? [{ from, to, ...message }] : [];
        if (from === 3) return to === 2 ? [{ from: 1, to, ...message }] : [];
        return message.broadcast || to !== 1 ? [{ from, to, ...message }] : [1, 3].map((face) => ({ from, to: face, ...message }));
      },
    });

  it('is noticed in the echo round, and nobody can be blamed', () => {
    expectBlame(equivocate(), run.honest, 'inconsistent_broadcast', []);
  });

  it('without the echo makes honest proofs fail, and no honest party is blamed for it', () => {
    // Signer 2 was told another Gamma of the cheat than signer 0, so that its proof is about another base.
    const [toSigner0, toSigner2] = ['', 'second face'].map(
      (draws) =>
        recordRun([0, 1, 2].map((position) => run.session(position, { reliableBroadcast: false, draws: position === CHEAT ? draws : '' })))
          .messages,
    );
    const tamper = editing(2, 'Round3', () => bodyOf(toSigner2 ?? [], 'Round3', 2));
    const abort = abortOfCall(() => replay(run.session(0, { reliableBroadcast: false }), 0, toSigner0 ?? [], tamper));
    expect(blamed(abort)).toBe('invalid_exponent_proof:');
  });

  it.each(['/delta', '/S'])('in round 3 (%s) ends at the sums, and nobody can be blamed', (path) => {
    const row = run.rowsTo(0).find(({ where }) => where === `Round3${path}`);
    if (row === undefined) throw new Error('no such field');
    const outcomes = simulate(run.sessions(), {
      tamper: editing(CHEAT, 'Round3', (body) => replaceAt(body, path, plausible(row.field)), [0]),
    });
    expect(ending(outcomes[0])).toBe('inconsistent_presignature:');
    expect(ending(outcomes[2])).toBe('waiting');
  });
});

describe('values that are out of range over the integers, with proofs made for them', () => {
  const context = (position: number): ReturnType<typeof signingContext> =>
    signingContext({
      executionId: sid,
      signers: run.signers,
      share: run.share(position),
      reliableBroadcast: true,
      identification: false,
      path: [],
      rng: systemRng,
    });
  const ctx = context(CHEAT);
  const key = at(ctx.N, CHEAT);
  const aux = at(ctx.aux, 0);
  const [k, gamma, y, a, b] = [11n, 13n, 17n, 19n, 23n];
  const Y = multiply(G, y);
  /** Round 1 with these plaintexts, which are k and gamma modulo q. */
  const first = (plaintexts: { k: bigint; gamma: bigint }): { round1a: Round1a; round1b: Round1b } => {
    const [K, G_1] = [key.encrypt(plaintexts.k, systemRng), key.encrypt(plaintexts.gamma, systemRng)];
    const message: Round1a = {
      K: K.ciphertext,
      G: G_1.ciphertext,
      Y,
      A1: multiply(G, a),
      A2: multiply(Y, a).add(multiply(G, k)),
      B1: multiply(G, b),
      B2: multiply(Y, b).add(multiply(G, gamma)),
    };
    const prover = { sid, prover: CHEAT };
    const prove = (num: 0 | 1, ciphertext: bigint, points: { b: Round1a['A1']; x: Round1a['A2'] }, witness: encElg.Witness): encElg.Proof =>
      encElg.prove(encElgContext(prover, num), ctx.params, aux, { key, ciphertext, a: Y, ...points }, witness, systemRng);
    return {
      round1a: message,
      round1b: {
        psi0: prove(0, message.K, { b: message.A1, x: message.A2 }, { plaintext: plaintexts.k, nonce: K.nonce, b: a }),
        psi1: prove(1, message.G, { b: message.B1, x: message.B2 }, { plaintext: plaintexts.gamma, nonce: G_1.nonce, b }),
      },
    };
  };
  const sending = (message: ReturnType<typeof first>): Tamper =>
    both(run.broadcasting(write(round1a, message.round1a)), editing(CHEAT, 'Round1b', () => write(round1b, message.round1b)));

  it('the same attacker with honest values passes round 1', () => {
    // Its recorded second message then belongs to another gamma.
    expect(blamed(run.abortOf(sending(first({ k, gamma }))))).toBe(`invalid_affine_proof:${CHEAT}`);
  });

  it.each([
    ['k', { k: k + (GROUP_ORDER << 340n), gamma }],
    ['gamma', { k, gamma: gamma + (GROUP_ORDER << 340n) }],
  ])('%s', (_, plaintexts) => {
    const abort = run.abortOf(sending(first(plaintexts)));
    expect(blamed(abort)).toBe(`invalid_encryption_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe('|z1| <= 2^(ell+epsilon) / 2');
  });

  /** The affine operation on our K with x and beta of the attacker's choice, in place of that with its key share. */
  const multiplied = (x: bigint, beta: bigint): Json => {
    const { K } = parse(round1a, bodyOf(run.messages, 'Round1a', 0));
    const N_0 = at(ctx.N, 0);
    const D = N_0.encrypt(-beta, systemRng);
    const F = key.encrypt(-beta, systemRng);
    const hat_D = N_0.add(N_0.scale(x, K), D.ciphertext);
    const data = { key_j: N_0, key_i: key, c: K, d: hat_D, y: F.ciphertext, x: at(ctx.X, CHEAT) };
    const witness = { x, y: -beta, nonce: D.nonce, nonce_y: F.nonce };
    const hat_psi_j = affG.prove(affGContext({ sid, prover: CHEAT }, true), ctx.params, aux, data, witness, systemRng);
    return write(round2, { ...ofCheat.round2(), hat_D, hat_F: F.ciphertext, hat_psi_j });
  };
  const x_1 = toSigned(ctx.x_i.reveal());

  it('the same attacker with honest values passes round 2', () => {
    // Its sum no longer fits the product.
    expect(blamed(run.abortOf(run.altering('Round2', multiplied(x_1, 5n))))).toBe('inconsistent_presignature:');
  });

  it('x of the affine operation', () => {
    const abort = run.abortOf(run.altering('Round2', multiplied(x_1 + (GROUP_ORDER << 340n), 5n)));
    expect(blamed(abort)).toBe(`invalid_affine_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe('|z1| <= 2^(ell+epsilon) / 2');
  });

  it('the mask of the affine operation', () => {
    const abort = run.abortOf(run.altering('Round2', multiplied(x_1, 1n << 1000n)));
    expect(blamed(abort)).toBe(`invalid_affine_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe("|z2| <= 2^(ell'+epsilon) / 2");
  });

  it('another x than the key share', () => {
    const abort = run.abortOf(run.altering('Round2', multiplied(x_1 + 1n, 5n)));
    expect(blamed(abort)).toBe(`invalid_affine_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe('z1 G = B_x + e X');
  });
});

describe('products that vanish', () => {
  /** A signer that draws the given first scalars: k and gamma. */
  const drawing = (position: number, k: Scalar, gamma: Scalar): ReturnType<typeof presign> => {
    return presign({
      executionId: sid,
      share: run.share(position),
      signers: run.signers,
      rng: scriptedRng(new Map([[32, [k, gamma].map(scalarDraw)]])),
    });
  };

  it('Gamma is the identity', () => {
    const outcomes = simulate([drawing(0, 3n, 5n), drawing(1, 3n, toScalar(-12n)), drawing(2, 3n, 7n)]);
    expectBlame(outcomes, [0, 1, 2], 'inconsistent_presignature', []);
  });

  it('delta is zero', () => {
    const outcomes = simulate([drawing(0, 3n, 5n), drawing(1, toScalar(-10n), 5n), drawing(2, 7n, 5n)]);
    expectBlame(outcomes, [0, 1, 2], 'inconsistent_presignature', []);
  });
});
