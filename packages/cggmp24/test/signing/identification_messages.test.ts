import { describe, expect, it } from '@jest/globals';
import { affGContext, affGStarContext } from '../../src/zk/context.js';
import { G, toSigned, type Point } from '../../src/math/curve.js';
import { systemRng } from '../../src/math/random.js';
import { MAX_MODULUS_BITS, SECURITY_128 } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { failedCheckOf } from '../../src/base/errors.js';
import { MAX_PAYLOAD_LENGTH } from '../../src/runtime/message.js';
import { receive, type Protocol, type Round } from '../../src/runtime/protocol.js';
import { presign as presignSession } from '../../src/sessions.js';
import { identificationChecks, type IdentificationMessages, type PresigningTranscript } from '../../src/signing/identification.js';
import { identificationRounds, type Exchange, type ProvenOperation } from '../../src/signing/identification_messages.js';
import { round1a, round2, round3, type Round2 } from '../../src/signing/messages.js';
import { IntegerJson } from '../../src/wire/json.js';
import * as affG from '../../src/zk/aff_g.js';
import * as affGStar from '../../src/zk/aff_g_star.js';
import { fieldsOf, malformedForms, plausible, without } from '../util/alterations.js';
import { abortOfCall, blamed } from '../util/blame.js';
import type { Lie } from '../util/cheating.js';
import { contextOf, ephemeralOf, presigners, SID, signer, wrongDelta, type Group, type Lies } from '../util/identification.js';
import { bodyOf, recordRun } from '../util/messages.js';
import { replaceAt, toJson, type Json } from '../util/proofs.js';
import { smallShares } from '../util/small_shares.js';
import { parse } from '../util/tampered_signing.js';

const group: Group = { shares: smallShares(3, 4), signers: [2, 0, 3] };
const { params } = contextOf(group, 0);
const rounds = { nonce: identificationRounds('nonce', params, 3), key: identificationRounds('key', params, 3) };

function lies(...of: readonly [number, readonly Lie[]][]): Lies {
  return new Map(of);
}

/** A session that only parses. */
function* waiting(): Protocol<void> {
  yield* receive(round1a);
}

/** Signer 1 has broken the nonce; what signer 2 says of it is what the tests change. */
class BrokenNonce {
  readonly messages = recordRun(presigners(group, lies([1, wrongDelta(0)]))).messages;
  readonly ctx = contextOf(group, 0);
  readonly variants = [rounds.nonce.result.variant, ...rounds.nonce.exchanges.map(({ variant }) => variant)];

  #bodies<Body>(round: Round<Body>): Body[] {
    return [0, 1, 2].map((sender) => parse(round, bodyOf(this.messages, round.variant, sender)));
  }

  get transcript(): PresigningTranscript {
    const Gammas = [0, 1, 2].map((sender) => parse(round2, bodyOf(this.messages, 'Round2', sender)).Gamma);
    return { ciphertexts: this.#bodies(round1a), Gammas, results: this.#bodies(round3) };
  }

  /** Everybody's messages of the phase, with one of signer 2 replaced. */
  identification(variant: string, body: Json): IdentificationMessages[] {
    const read = <Body,>(round: Round<Body>): Body[] =>
      this.#bodies(round).map((honest, sender) => (sender === 2 && round.variant === variant ? parse(round, body) : honest));
    const exchanges = rounds.nonce.exchanges.map((round) => read(round));
    return read(rounds.nonce.result).map((result, j) => ({ ...result, exchanges: exchanges.map((messages) => at(messages, j)) }));
  }

  /** What is first found wrong with a party. */
  verdict(party: number, messages: readonly IdentificationMessages[]): string | null {
    for (const check of identificationChecks(this.ctx, 'nonce', this.transcript, messages)) {
      if (check.party !== party) continue;
      const reason = failedCheckOf(check.verify);
      if (reason !== null) return `${check.what}: ${reason}`;
    }
    return null;
  }
}

const broken = new BrokenNonce();
const FROM_0 = 'received from party 0: ';
const FOR_0 = 'operation for party 0: ';
const MADE = 'made for party 0: D and F are what it has proven to that party';
const STAR = {
  curve: 'z_k G = R_k + e_k X',
  own: "Enc_i(z'_k; lambda_k) = B_k Y^e_k mod N_i^2",
  affine: "C^z_k Enc_j(z'_k; w_k) = A_k D^e_k mod N_j^2",
};

/** What is found when one field of signer 2 alone is altered; indices of repetitions left out. */
const ALTERED: Record<string, string> = {
  ...prefixed('psi_dec/', 'delta: ', {
    'commitment/a': 'z_k G = C_k + e_k X',
    'commitment/b': 'z_k G = C_k + e_k X',
    'commitment/c': 'z_k G = C_k + e_k X',
    'proof/z': 'z_k G = C_k + e_k X',
    'proof/w': 'w_k H = B_k + e_k S',
    'proof/nu': 'Enc(w_k; nu_k) K^-z_k = A_k D^e_k mod N^2',
  }),
  ...prefixed('received/', FROM_0, {
    ...Object.fromEntries(
      ['D', 'F', ...['a', 'b_x', 'b_y', 'e', 's', 'f', 't'].map((name) => `psi/commitment/${name}`), 'psi/proof/z1'].map((path) => [
        path,
        'z1 G = B_x + e X',
      ]),
    ),
    'psi/proof/z2': 's^z2 t^z4 = F T^e mod N-hat',
    'psi/proof/z3': 's^z1 t^z3 = E S^e mod N-hat',
    'psi/proof/z4': 's^z2 t^z4 = F T^e mod N-hat',
    'psi/proof/w': 'C^z1 Enc_j(z2; w) = A D^e mod N_j^2',
    'psi/proof/w_y': 'Enc_i(z2; w_y) = B_y Y^e mod N_i^2',
  }),
  'made/D': MADE,
  'made/F': MADE,
  ...prefixed('psi_star/', FOR_0, {
    'commitment/a': STAR.curve,
    'commitment/r': STAR.curve,
    'commitment/b': STAR.curve,
    'proof/z': STAR.curve,
    'proof/z_prime': STAR.own,
    'proof/w': STAR.affine,
    'proof/lambda': STAR.own,
  }),
};

function prefixed(path: string, what: string, of: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(of).map(([field, reason]) => [`${path}${field}`, `${what}${reason}`]));
}

describe('a second cheat, in the messages of this phase', () => {
  // The first exchange of signer 2 is with signer 0.
  const rows = broken.variants.slice(0, 2).flatMap((variant) => {
    const body = bodyOf(broken.messages, variant, 2);
    return fieldsOf(body).map((field) => ({ variant, body, field, where: field.path.slice(1).replace(/\/\d+/, '') }));
  });

  it('has a row for every field', () => {
    expect(new Set(rows.map(({ where }) => where))).toEqual(new Set(Object.keys(ALTERED)));
  });

  it('without which nothing is found wrong with it, nor with signer 0', () => {
    const honest = broken.identification('', null);
    expect([0, 1, 2].map((party) => broken.verdict(party, honest))).toEqual([null, 'delta: z_k G = C_k + e_k X', null]);
  });

  it.each(rows)('$variant$field.path altered', ({ variant, body, field, where }) => {
    const messages = broken.identification(variant, replaceAt(body, field.path, plausible(field)));
    expect(broken.verdict(2, messages)).toBe(ALTERED[where]);
  });

  it.each(rows.filter(({ where }) => /^(received|made)\/[DF]$/.test(where)))(
    '$variant$field.path altered: signer 0 is not blamed for what differs',
    ({ variant, body, field }) => {
      expect(broken.verdict(0, broken.identification(variant, replaceAt(body, field.path, plausible(field))))).toBeNull();
    },
  );

  it.each(['D', 'F'])('a %s made that is no ciphertext', (name) => {
    const { variant } = at(rounds.nonce.exchanges, 0);
    const body = bodyOf(broken.messages, variant, 2);
    for (const value of [0n, at(broken.ctx.N, name === 'D' ? 0 : 2).n]) {
      expect(broken.verdict(2, broken.identification(variant, replaceAt(body, `/made/${name}`, toJson(IntegerJson, value))))).toBe(
        `made for party 0: ${name} in Z*_N^2`,
      );
    }
  });

  it.each(rows)('$variant$field.path malformed or missing', ({ variant, body, field }) => {
    for (const form of [...malformedForms(field).map(([, altered]) => replaceAt(body, field.path, altered)), without(body, field.path)]) {
      const idle = signer(broken.ctx, waiting());
      const abort = abortOfCall(() => { idle.receive({ sender: 2, broadcast: true, payload: JSON.stringify({ [variant]: form }) }); });
      expect(blamed(abort)).toBe('malformed_message:2');
    }
  });
});

describe('what a second cheat says that it received or made', () => {
  const { ctx, transcript } = broken;
  const { variant } = at(rounds.nonce.exchanges, 0);
  const honest = parse(at(rounds.nonce.exchanges, 0), bodyOf(broken.messages, variant, 2));
  const withExchange = (change: Partial<Exchange>): IdentificationMessages[] =>
    broken.identification(variant, toJson(at(rounds.nonce.exchanges, 0).body, { ...honest, ...change }));
  const verdicts = (change: Partial<Exchange>): (string | null)[] => [0, 2].map((party) => broken.verdict(party, withExchange(change)));
  const gamma = toSigned(ephemeralOf(2).gamma);

  /** A multiplication of j's k, by the factor that signer 2 knows. */
  function operation(i: number, j: number, x: Point): { data: affG.Data; witness: affG.Witness } {
    const [key_j, key_i, c] = [at(ctx.N, j), at(ctx.N, i), at(transcript.ciphertexts, j).K];
    const [D, F] = [key_j.encrypt(-7n, systemRng), key_i.encrypt(-7n, systemRng)];
    const data = { key_j, key_i, c, d: key_j.add(key_j.scale(gamma, c), D.ciphertext), y: F.ciphertext, x };
    return { data, witness: { x: gamma, y: -7n, nonce: D.nonce, nonce_y: F.nonce } };
  }

  it('another operation of signer 0, with a proof of its own making', () => {
    const { data, witness } = operation(0, 2, at(transcript.Gammas, 0));
    const psi = affG.prove(affGContext({ sid: SID, prover: 0 }, false), ctx.params, at(ctx.aux, 2), data, witness, systemRng);
    expect(verdicts({ received: { D: data.d, F: data.y, psi } })).toEqual([null, `${FROM_0}z1 G = B_x + e X`]);
  });

  it.each<[string, (second: Round2) => ProvenOperation]>([
    ['the other one of round 2', ({ hat_D, hat_F, hat_psi_j }) => ({ D: hat_D, F: hat_F, psi: hat_psi_j })],
    ['that with the proof of the other one', ({ D, F, hat_psi_j }) => ({ D, F, psi: hat_psi_j })],
    ['that for signer 1', () => {
      const { D, F, psi_j } = parse(round2, bodyOf(broken.messages, 'Round2', 0, 1));
      return { D, F, psi: psi_j };
    }],
    ['its own for signer 0', () => {
      const { D, F, psi_j } = parse(round2, bodyOf(broken.messages, 'Round2', 2, 0));
      return { D, F, psi: psi_j };
    }],
  ])('of what signer 0 made, %s', (_, choose) => {
    const [blameOf0, blameOf2] = verdicts({ received: choose(parse(round2, bodyOf(broken.messages, 'Round2', 0, 2))) });
    expect([blameOf0, blameOf2?.startsWith(FROM_0)]).toEqual([null, true]);
  });

  it('another operation than it made, with a right proof of it', () => {
    const { data, witness } = operation(2, 0, at(transcript.Gammas, 2));
    const psi_star = affGStar.prove(affGStarContext({ sid: SID, prover: 2 }, false), ctx.params, data, witness, systemRng);
    expect(verdicts({ made: { D: data.d, F: data.y }, psi_star })).toEqual([null, MADE]);
  });

  it("signer 0's messages in place of its own", () => {
    const messages = broken.identification('', null);
    expect(broken.verdict(2, [at(messages, 0), at(messages, 1), at(messages, 0)])?.startsWith('received from party')).toBe(true);
  });
});

describe('messages', () => {
  it('an honest run has none of them', () => {
    const { messages } = recordRun(
      [0, 1, 2].map((position) =>
        presignSession({ executionId: SID, signers: group.signers, share: at(group.shares, at(group.signers, position)) }),
      ),
    );
    expect(new Set(messages.map(({ msg }) => Object.keys(msg).join()))).toEqual(
      new Set(['Round1a', 'Round1b', 'ReliabilityCheck', 'Round2', 'Round3']),
    );
  });

  it('the longest possible is short enough for its recipients', () => {
    // Moduli of the longest acceptable length, responses at their bounds.
    const { ell, ellPrime, epsilon, m } = SECURITY_128;
    const bits = (length: number): bigint => (1n << BigInt(length)) - 1n;
    const [unit, ciphertext] = [bits(MAX_MODULUS_BITS), bits(2 * MAX_MODULUS_BITS)];
    const [z, z_prime] = [-bits(ell + epsilon), -bits(ellPrime + epsilon)];
    const hidden = -bits(ell + epsilon + MAX_MODULUS_BITS);
    const { result, exchanges } = identificationRounds('nonce', SECURITY_128, 3);
    const psi = {
      commitment: { a: ciphertext, b_x: G, b_y: ciphertext, e: unit, s: unit, f: unit, t: unit },
      response: { z1: z, z2: z_prime, z3: hidden, z4: hidden, w: unit, w_y: unit },
    };
    const longest = [
      toJson(result.body, {
        psi_dec: {
          commitment: Array.from({ length: m }, () => ({ a: ciphertext, b: G, c: G })),
          response: Array.from({ length: m }, () => ({ z, w: -unit, nu: unit })),
        },
      }),
      toJson(at(exchanges, 0).body, {
        received: { D: ciphertext, F: ciphertext, psi },
        made: { D: ciphertext, F: ciphertext },
        psi_star: {
          commitment: Array.from({ length: m }, () => ({ a: ciphertext, r: G, b: ciphertext })),
          response: Array.from({ length: m }, () => ({ z, z_prime, w: unit, lambda: unit })),
        },
      }),
    ];
    for (const body of longest) expect(JSON.stringify({ [at(exchanges, 0).variant]: body }).length).toBeLessThanOrEqual(MAX_PAYLOAD_LENGTH);
  });
});

