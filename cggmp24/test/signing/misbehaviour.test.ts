import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { GROUP_ORDER, type Signature } from '../../src/ecdsa.js';
import { affGContext, encElgContext } from '../../src/hash/context.js';
import { G, multiply, toScalar, toSigned, type Scalar } from '../../src/math/curve.js';
import { at } from '../../src/runtime/at.js';
import type { ProtocolAborted } from '../../src/runtime/errors.js';
import { presign, sign } from '../../src/sessions.js';
import { round1a, round1b, round2, signingRounds, type Round1a, type Round1b, type Round2 } from '../../src/signing/messages.js';
import { signingContext } from '../../src/signing/context.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate, type Outcome } from '../../src/testing/simulate.js';
import { systemRng } from '../../src/math/random.js';
import * as affG from '../../src/zk/aff_g.js';
import * as encElg from '../../src/zk/enc_elg.js';
import { receive, type Protocol, type Round } from '../../src/runtime/protocol.js';
import { Session } from '../../src/runtime/session.js';
import { malformedForms, plausible, without } from '../util/alterations.js';
import { abortOfCall, blamed, ending, expectBlame } from '../util/blame.js';
import { bodyOf, both, editing, recordRun, replay, type Tamper } from '../util/messages.js';
import { altering, broadcasting, CHEAT, expectedOf, expectIdentityRefused, expectOutsideRefused, groups, HONEST, honestRun, IS_BROADCAST, MESSAGE, messages, parse, rowsTo, shares, signer, SIGNERS, signersOf } from '../util/presign_rows.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { scalarDraw, scriptedRng } from '../util/scripted_rng.js';

const sid = utf8ToBytes('misbehaviour');

function write<Body>({ body }: Round<Body>, value: Body): Json {
  return JSON.parse(JSON.stringify(z.encode(body, value))) as Json;
}

const ofCheat = {
  round1a: (): Round1a => parse(round1a, bodyOf(messages, 'Round1a', CHEAT)),
  round1b: (): Round1b => parse(round1b, bodyOf(messages, 'Round1b', CHEAT, 0)),
  round2: (): Round2 => parse(round2, bodyOf(messages, 'Round2', CHEAT, 0)),
};

/** What signer 0 aborts with when the others' recorded messages reach it tampered with. */
const abortOf = (tamper: Tamper): ProtocolAborted => abortOfCall(() => replay(signer(0), 0, messages, tamper));

/** A signing session at position 0 that only parses: making a real one for each malformed form would take long. */
function idle(): Session<void> {
  function* waiting(): Protocol<void> {
    yield* receive(round1a);
  }
  return new Session({ protocol: waiting(), rounds: signingRounds, index: 0, parties: SIGNERS.length });
}

describe('one cheat', () => {
  const rows = rowsTo(0);

  it('has a row for every field', () => {
    const enc = (name: string): string[] => ['commitment/s', 'commitment/t', 'commitment/d', 'commitment/y', 'commitment/z', 'proof/z1', 'proof/z2', 'proof/z3', 'proof/w'].map((f) => `${name}/${f}`);
    const aff = (name: string): string[] =>
      ['a', 'b_x', 'b_y', 'e', 's', 'f', 't'].map((f) => `${name}/commitment/${f}`).concat(['z1', 'z2', 'z3', 'z4', 'w', 'w_y'].map((f) => `${name}/proof/${f}`));
    const log = (name: string): string[] => ['commitment/a', 'commitment/n', 'commitment/b', 'proof/z', 'proof/u'].map((f) => `${name}/${f}`);
    const expected = {
      Round1a: ['K', 'G', 'Y', 'A1', 'A2', 'B1', 'B2'],
      Round1b: [...enc('psi0'), ...enc('psi1')],
      Round2: ['Gamma', 'D', 'F', 'hat_D', 'hat_F', ...log('tilde_psi'), ...aff('psi_j'), ...aff('hat_psi_j')],
      Round3: ['delta', 'S', 'Delta', ...log('psi_prime')],
      Round4: ['partial_sig/sigma'],
    };
    const paths = Object.entries(expected).flatMap(([variant, fields]) => fields.map((field) => `${variant}/${field}`));
    expect(rows.map(({ where }) => where).sort()).toEqual(['ReliabilityCheck', ...paths].sort());
  });

  // psi1 and hat_psi_j are made and verified by the code of psi0 and psi_j: here one field of each, in the slow suite all.
  const twins = /^Round1b\/psi1|^Round2\/hat_psi_j/;
  it.each(rows.filter(({ where }) => !twins.test(where) || where.endsWith('/proof/z1')))('$where altered', (row) => {
    const { code, culprits } = expectedOf(row);
    const abort = abortOf(altering(row.variant, replaceAt(row.body, row.field.path, plausible(row.field))));
    expect(blamed(abort)).toBe(`${code}:${culprits.join()}`);
  });

  const signed = /\/proof\/z[134]?$/;
  it.each(rows)('$where malformed, missing or negative', ({ variant, body, field }) => {
    const { path, kind } = field;
    const forms = [...malformedForms(field).map(([, form]) => replaceAt(body, path, form)), ...(path === '' ? [] : [without(body, path)])];
    if (kind === 'integer' && !signed.test(path) && !path.endsWith('/z2')) forms.push(replaceAt(body, path, { radix: 16, value: '-1' }));
    for (const form of forms) {
      const payload = JSON.stringify({ [variant]: form });
      const abort = abortOfCall(() => { idle().receive({ sender: CHEAT, broadcast: IS_BROADCAST[variant] === true, payload }); });
      expect(blamed(abort)).toBe(`malformed_message:${CHEAT}`);
    }
  });

  it.each(rows.filter(({ field }) => field.kind === 'point' && !field.path.includes('/commitment/')))('$where the identity', (row) => {
    expectIdentityRefused(row, abortOf);
  });

  it.each(rows.filter(({ where }) => /^Round(1a|2)\/[^/]+$/.test(where) && where in groups))('$where outside its group', (row) => {
    expectOutsideRefused(row, abortOf);
  });
});

describe('each of the two proofs of round 1 is verified by itself', () => {
  it.each(['psi0', 'psi1'])('only %s is bad', (name) => {
    const honest = bodyOf(messages, 'Round1b', CHEAT, 0) as Record<string, Json>;
    const other = name === 'psi0' ? 'psi1' : 'psi0';
    const swapped = { ...honest, [name]: honest[other] ?? null };
    expect(blamed(abortOf(altering('Round1b', swapped)))).toBe(`invalid_encryption_proof:${CHEAT}`);
    expect(blamed(abortOf(altering('Round1b', { psi0: honest['psi1'] ?? null, psi1: honest['psi0'] ?? null })))).toBe(`invalid_encryption_proof:${CHEAT}`);
  });
});

describe('two cheats are both named', () => {
  const ofAll = (variant: string, edit: (body: Json) => Json): Outcome<Signature>[] =>
    simulate(signersOf(), { tamper: both(...[1, 2].map((cheat) => editing(cheat, variant, edit, [0]))) });

  it.each([
    ['Round1b', '/psi1/proof/z1', 'invalid_encryption_proof'],
    ['Round2', '/psi_j/proof/z2', 'invalid_affine_proof'],
    ['Round3', '/psi_prime/proof/u', 'invalid_exponent_proof'],
    ['Round4', '/partial_sig/sigma', 'invalid_partial_signature'],
  ] as const)('in %s', (variant, path, code) => {
    const field = rowsTo(0).find(({ where }) => where === `${variant}${path}`)?.field;
    if (field === undefined) throw new Error('no such field');
    const outcomes = ofAll(variant, (body) => replaceAt(body, path, plausible(field)));
    expect(ending(outcomes[0])).toBe(`${code}:1,2`);
  });
});

describe('replay and reflection', () => {
  const other = recordRun(signersOf({ executionId: utf8ToBytes('another session') })).messages;

  it.each([
    ['Round1b', 'invalid_encryption_proof'],
    ['Round2', 'invalid_affine_proof'],
    ['Round3', 'invalid_exponent_proof'],
  ])('%s of another session, though everything drawn is the same', (variant, code) => {
    const to = IS_BROADCAST[variant] === true ? undefined : 0;
    expect(blamed(abortOf(altering(variant, bodyOf(other, variant, CHEAT, to))))).toBe(`${code}:${CHEAT}`);
  });

  it("our own first messages, sent back as the cheat's", () => {
    const tamper = both(broadcasting(bodyOf(messages, 'Round1a', 0)), editing(CHEAT, 'Round1b', () => bodyOf(messages, 'Round1b', 0, CHEAT)));
    expect(blamed(abortOf(tamper))).toBe(`invalid_encryption_proof:${CHEAT}`);
  });

  it.each([
    ['Round1b', 'invalid_encryption_proof'],
    ['Round2', 'invalid_affine_proof'],
    ['Round3', 'invalid_exponent_proof'],
    ['Round4', 'invalid_partial_signature'],
  ])('%s of another signer', (variant, code) => {
    const to = IS_BROADCAST[variant] === true ? undefined : 0;
    expect(blamed(abortOf(altering(variant, bodyOf(messages, variant, 2, to))))).toBe(`${code}:${CHEAT}`);
  });

  it.each([
    ['Round1b', 'invalid_encryption_proof'],
    ['Round2', 'invalid_affine_proof'],
  ])('%s made for another recipient', (variant, code) => {
    expect(blamed(abortOf(altering(variant, bodyOf(messages, variant, CHEAT, 2))))).toBe(`${code}:${CHEAT}`);
  });
});

describe('a cheat that sends different broadcasts', () => {
  const equivocate = (): Outcome<Signature>[] =>
    simulate([0, 1, 2, 1].map((position, node) => signer(position, { draws: node === 3 ? 'second face' : '' })), {
      tamper: ({ from, to, ...message }) => {
        if (from === 1) return to === 0 ? [{ from, to, ...message }] : [];
        if (from === 3) return to === 2 ? [{ from: 1, to, ...message }] : [];
        return message.broadcast || to !== 1 ? [{ from, to, ...message }] : [1, 3].map((face) => ({ from, to: face, ...message }));
      },
    });

  it('is noticed in the echo round, and nobody can be blamed', () => {
    expectBlame(equivocate(), HONEST, 'inconsistent_broadcast', []);
  });

  it('without the echo makes honest proofs fail, and no honest party is blamed for it', () => {
    // Signer 2 was told another Gamma of the cheat than signer 0, so that its proof is about another base.
    const [toSigner0, toSigner2] = ['', 'second face'].map((draws) =>
      recordRun([0, 1, 2].map((position) => signer(position, { reliableBroadcast: false, draws: position === CHEAT ? draws : '' }))).messages,
    );
    const tamper = editing(2, 'Round3', () => bodyOf(toSigner2 ?? [], 'Round3', 2));
    const abort = abortOfCall(() => replay(signer(0, { reliableBroadcast: false }), 0, toSigner0 ?? [], tamper));
    expect(blamed(abort)).toBe('invalid_exponent_proof:');
  });

  it.each(['/delta', '/S'])('in round 3 (%s) ends at the sums, and nobody can be blamed', (path) => {
    const row = rowsTo(0).find(({ where }) => where === `Round3${path}`);
    if (row === undefined) throw new Error('no such field');
    const outcomes = simulate(signersOf(), { tamper: editing(CHEAT, 'Round3', (body) => replaceAt(body, path, plausible(row.field)), [0]) });
    expect(ending(outcomes[0])).toBe('inconsistent_presignature:');
    expect(ending(outcomes[2])).toBe('waiting');
  });
});

describe('values that are out of range over the integers, with proofs made for them', () => {
  const context = (position: number): ReturnType<typeof signingContext> =>
    signingContext({ executionId: sid, signers: SIGNERS, share: at(shares, at(SIGNERS, position)), reliableBroadcast: true, rng: systemRng }, []);
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
    both(broadcasting(write(round1a, message.round1a)), editing(CHEAT, 'Round1b', () => write(round1b, message.round1b)));

  it('the same attacker with honest values passes round 1', () => {
    // Its recorded second message then belongs to another gamma.
    expect(blamed(abortOf(sending(first({ k, gamma }))))).toBe(`invalid_affine_proof:${CHEAT}`);
  });

  it.each([
    ['k', { k: k + (GROUP_ORDER << 340n), gamma }],
    ['gamma', { k, gamma: gamma + (GROUP_ORDER << 340n) }],
  ])('%s', (_, plaintexts) => {
    const abort = abortOf(sending(first(plaintexts)));
    expect(blamed(abort)).toBe(`invalid_encryption_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe('|z1| <= 2^(ell+epsilon) / 2');
  });

  /** The affine operation on our K with x and beta of the attacker's choice, in place of that with its key share. */
  const multiplied = (x: bigint, beta: bigint): Json => {
    const { K } = parse(round1a, bodyOf(messages, 'Round1a', 0));
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
    expect(blamed(abortOf(altering('Round2', multiplied(x_1, 5n))))).toBe('inconsistent_presignature:');
  });

  it('x of the affine operation', () => {
    const abort = abortOf(altering('Round2', multiplied(x_1 + (GROUP_ORDER << 340n), 5n)));
    expect(blamed(abort)).toBe(`invalid_affine_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe('|z1| <= 2^(ell+epsilon) / 2');
  });

  it('the mask of the affine operation', () => {
    const abort = abortOf(altering('Round2', multiplied(x_1, 1n << 1000n)));
    expect(blamed(abort)).toBe(`invalid_affine_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe("|z2| <= 2^(ell'+epsilon) / 2");
  });

  it('another x than the key share', () => {
    const abort = abortOf(altering('Round2', multiplied(x_1 + 1n, 5n)));
    expect(blamed(abort)).toBe(`invalid_affine_proof:${CHEAT}`);
    expect(abort.blame[0]?.reason).toBe('z1 G = B_x + e X');
  });
});

describe('products that vanish', () => {
  /** A signer that draws the given first scalars: k and gamma. */
  const drawing = (position: number, k: Scalar, gamma: Scalar): ReturnType<typeof presign> => {
    const share = at(shares, at(SIGNERS, position));
    return presign({ executionId: sid, share, signers: SIGNERS, rng: scriptedRng(new Map([[32, [k, gamma].map(scalarDraw)]])) });
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

it('the run that is tampered with is a good one', () => {
  const [first, ...others] = outputs(honestRun.outcomes);
  for (const other of others) expect(other).toEqual(first);
  expect(replay(sign({ executionId: sid, share: at(shares, 2), signers: SIGNERS, message: MESSAGE, rng: seededRng('signer  0') }), 0, messages).output).toEqual(first);
});
