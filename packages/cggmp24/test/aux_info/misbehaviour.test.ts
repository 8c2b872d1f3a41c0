import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { PregeneratedPrimes, type FourPrimes } from '../../src/aux_info/primes.js';
import { digest, executionId, integer, leaf, struct } from '../../src/hash/encoding.js';
import type { AuxInfo } from '../../src/key_share/aux_info.js';
import type { AbortCode, ProtocolAborted } from '../../src/aborts.js';
import type { Session } from '../../src/runtime/session.js';
import { auxInfo, type AuxInfoOptions } from '../../src/sessions.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { modulus } from '../../src/math/modular.js';
import { SMALL_FOR_TESTS } from '../../src/params.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate, type Outcome } from '../../src/testing/simulate.js';
import { bytesHexJson, DigestJson, IntegerJson } from '../../src/wire/json.js';
import { prmContext } from '../../src/zk/context.js';
import * as prm from '../../src/zk/prm.js';
import { fieldsOf, malformedForms, plausible, without } from '../util/alterations.js';
import { abortOfCall, blamed, ending, expectBlame, reasonsOf } from '../util/blame.js';
import { expectSameVerdict, observe, simulateJudged } from '../util/evidence.js';
import { bodyOf, both, committing, editing, recordRun, replay, type Tamper } from '../util/messages.js';
import { replaceAt, toJson, type Json } from '../util/proofs.js';
import { smallPrime } from '../util/small.js';
import { FEW_REPETITIONS as params } from '../util/small_shares.js';

const TAG = 'dfns.cggmp24.aux_gen.';
const sid = utf8ToBytes('misbehaviour');
/** Party 1 cheats in everything below; parties 0 and 2 are honest. */
const CHEAT = 1;
const HONEST = [0, 2];


function session(index: number, options: Partial<AuxInfoOptions> = {}, draws = ''): Session<AuxInfo> {
  const primes = fixturePrimes(index, params);
  return auxInfo({ executionId: sid, index, parties: 3, primes, rng: seededRng(`aux ${draws} ${index}`), ...options });
}

const sessions = (options: Partial<AuxInfoOptions> = {}): Session<AuxInfo>[] => [0, 1, 2].map((index) => session(index, options));
const { outcomes: honestOutcomes, messages } = recordRun(sessions());
const opening = bodyOf(messages, 'Round2', CHEAT);

const Round2 = z.object({
  N: IntegerJson,
  hat_N: IntegerJson,
  s: IntegerJson,
  t: IntegerJson,
  params_proof: prm.proofJson(params),
  rho_bytes: bytesHexJson(32),
  decommit: bytesHexJson(32),
});

/** The commitment to a second message, in a transcript written again from the specification. */
function commitmentTo(message: Json, prover = CHEAT): Json {
  const { N, hat_N, s, t, params_proof, rho_bytes, decommit } = Round2.parse(message);
  const values = { N: integer(N), hat_N: integer(hat_N), s: integer(s), t: integer(t), params_proof: prm.encodeProof(params_proof) };
  const decommitment = struct({ ...values, rho_bytes: leaf(rho_bytes), decommit: leaf(decommit) }, `${TAG}round2`);
  const V = digest(struct({ sid: executionId(sid), prover: integer(prover), decommitment }, `${TAG}hash_commitment`));
  return { commitment: toJson(DigestJson, V) };
}

const commits = (commitment: Json): Tamper => committing(TAG, sid, messages, new Map([[CHEAT, commitment]]));
/** A cheat that commits to what it is going to open. */
const opens = (message: Json): Tamper => both(commits(commitmentTo(message)), editing(CHEAT, 'Round2', () => message));
const altering = (variant: string, body: Json): Tamper => editing(CHEAT, variant, () => body);
const setting = { kind: 'aux_info', executionId: sid, parties: 3, prmFirstWordOnly: false, reliableBroadcast: true } as const;

/** What party 0 aborts with when the others' recorded messages reach it tampered with; a judge finds the same. */
function abortOf(tamper: Tamper): ProtocolAborted {
  const receiver = session(0);
  const view = observe(receiver);
  const abort = abortOfCall(() => replay(receiver, 0, messages, tamper));
  expectSameVerdict(params, setting, 0, view, abort);
  return abort;
}

it('has the commitments of the specification', () => {
  for (const j of [0, 1, 2]) expect(commitmentTo(bodyOf(messages, 'Round2', j), j)).toEqual(bodyOf(messages, 'Round1', j));
  expect(() => outputs(honestOutcomes)).not.toThrow();
});

describe('one cheat', () => {
  const codeOf = (variant: string, path: string): AbortCode => {
    if (variant === 'ReliabilityCheck') return 'inconsistent_broadcast';
    if (variant !== 'Round3') return 'invalid_decommitment';
    return path.startsWith('/mod_proof') ? 'invalid_modulus_proof' : 'invalid_factor_proof';
  };
  const rows = ['Round1', 'ReliabilityCheck', 'Round2', 'Round3'].flatMap((variant) => {
    const body = bodyOf(messages, variant, CHEAT, variant === 'Round3' ? 0 : undefined);
    return fieldsOf(body).map((field) => ({ where: `${variant}${field.path}`, variant, body, field }));
  });

  it('has a row for every field', () => {
    const fac = ['p', 'q', 'a', 'b', 't']
      .map((name) => `commitment/${name}`)
      .concat(['z1', 'z2', 'w1', 'w2', 'v'].map((name) => `proof/${name}`));
    const mod = ['commitment/w', ...['0', '11'].flatMap((k) => ['x', 'a', 'b', 'z'].map((name) => `proof/points/${k}/${name}`))];
    const prmFields = ['commitment/0', 'commitment/11', 'zs/0', 'zs/11'].map((name) => `params_proof/${name}`);
    expect(rows.map(({ where }) => where).sort()).toEqual(
      ['Round1/commitment', 'ReliabilityCheck']
        .concat(['N', 'hat_N', 's', 't', ...prmFields, 'rho_bytes', 'decommit'].map((name) => `Round2/${name}`))
        .concat(mod.map((name) => `Round3/mod_proof/${name}`), fac.map((name) => `Round3/fac_proof/${name}`))
        .sort(),
    );
  });

  it.each(rows)('$where altered', ({ variant, body, field }) => {
    const altered = replaceAt(body, field.path, plausible(field));
    const tamper = variant === 'Round1' ? commits(altered) : altering(variant, altered);
    const culprits = variant === 'ReliabilityCheck' ? '' : String(CHEAT);
    expect(blamed(abortOf(tamper))).toBe(`${codeOf(variant, field.path)}:${culprits}`);
  });

  it.each(rows)('$where malformed, missing or negative', ({ variant, body, field }) => {
    const forms = [
      ...malformedForms(field).map(([, form]) => replaceAt(body, field.path, form)),
      ...(field.path === '' ? [] : [without(body, field.path)]),
    ];
    const signed = field.path.startsWith('/fac_proof/proof');
    if (field.kind === 'integer' && !signed) forms.push(replaceAt(body, field.path, { radix: 16, value: '-1' }));
    for (const form of forms) {
      const receiver = session(0);
      const payload = JSON.stringify({ [variant]: form });
      expect(
        blamed(
          abortOfCall(() => {
            receiver.receive({ sender: CHEAT, broadcast: variant !== 'Round3', payload });
          }),
        ),
      ).toBe(`malformed_message:${CHEAT}`);
    }
  });

  it('a sequence of another length', () => {
    for (const [variant, path] of [
      ['Round2', '/params_proof/commitment'],
      ['Round2', '/params_proof/zs'],
      ['Round3', '/mod_proof/proof/points'],
    ] as const) {
      const body = bodyOf(messages, variant, CHEAT);
      for (const change of [(list: Json[]) => list.slice(1), (list: Json[]) => [...list, ...list.slice(0, 1)], () => []]) {
        const keys = path.slice(1).split('/');
        const list = keys.reduce<Json>((node, key) => (node as { [key: string]: Json })[key] ?? null, body) as Json[];
        expect(blamed(abortOf(altering(variant, replaceAt(body, path, change(list)))))).toBe(`malformed_message:${CHEAT}`);
      }
    }
  });
});

describe('a cheat that commits to what it is going to open', () => {
  const { N, hat_N, s, t } = Round2.parse(opening);
  const { p, pHat } = fixturePrimes(CHEAT, params).reveal();
  const P = smallPrime(20);
  /** 1024 and 1025 bits: the shortest accepted length is 1023. */
  const big = (1n << 1024n) + 1n;
  const longPrime = (1n << 1024n) - 105n;
  const of = (path: string, value: bigint): Json => replaceAt(opening, path, toJson(IntegerJson, value));

  it.each([
    ['N, one bit short', of('/N', (1n << 1022n) - 1n), 'invalid_modulus', 'N_j is long enough'],
    ['N, zero', of('/N', 0n), 'invalid_modulus', 'N_j is long enough'],
    ['N, too long', of('/N', (1n << 4096n) + 1n), 'invalid_modulus', 'N_j is not too long'],
    ['N, even', of('/N', N + 1n), 'invalid_modulus_proof', 'N is odd'],
    ['N, a square', of('/N', P * P), 'invalid_modulus_proof', undefined],
    ['N, a prime', of('/N', longPrime), 'invalid_modulus_proof', undefined],
    ['N, of another party', of('/N', Round2.parse(bodyOf(messages, 'Round2', 0)).N), 'invalid_modulus_proof', undefined],
    ['N, with a factor exchanged', of('/N', p * P), 'invalid_modulus_proof', undefined],
    ['hat_N, one bit short', of('/hat_N', (1n << 1022n) - 1n), 'invalid_modulus', 'N-hat_j is long enough'],
    ['hat_N, too long', of('/hat_N', (1n << 4096n) + 1n), 'invalid_modulus', 'N-hat_j is not too long'],
    ['hat_N, even', of('/hat_N', big + 1n), 'invalid_ring_pedersen_parameters', 'N-hat is odd'],
    ['hat_N, another product', of('/hat_N', pHat * P), 'invalid_ring_pedersen_parameters', undefined],
    ['s, zero', of('/s', 0n), 'invalid_ring_pedersen_parameters', 's in Z*_N-hat'],
    ['s, the modulus', of('/s', hat_N), 'invalid_ring_pedersen_parameters', 's in Z*_N-hat'],
    ['s, reduced too little', of('/s', s + hat_N), 'invalid_ring_pedersen_parameters', 's in Z*_N-hat'],
    ['s, a multiple of a factor', of('/s', 3n * pHat), 'invalid_ring_pedersen_parameters', 's in Z*_N-hat'],
    ['s, no power of t', of('/s', hat_N - s), 'invalid_ring_pedersen_parameters', undefined],
    ['t, zero', of('/t', 0n), 'invalid_ring_pedersen_parameters', 't in Z*_N-hat'],
    ['t, a multiple of a factor', of('/t', 3n * pHat), 'invalid_ring_pedersen_parameters', 't in Z*_N-hat'],
    ['t, another one', of('/t', t + 1n), 'invalid_ring_pedersen_parameters', undefined],
    ['a commitment of Pi^prm', of('/params_proof/commitment/5', 5n), 'invalid_ring_pedersen_parameters', undefined],
    ['a response of Pi^prm', of('/params_proof/zs/11', 5n), 'invalid_ring_pedersen_parameters', 't^z_k = A_k s^e_k mod N-hat'],
    ['a response of Pi^prm, too large', of('/params_proof/zs/11', hat_N), 'invalid_ring_pedersen_parameters', '0 <= z_k < N-hat'],
  ] as const)('%s', (_, message, code, reason) => {
    const abort = abortOf(opens(message));
    expect(blamed(abort)).toBe(`${code}:${CHEAT}`);
    if (reason !== undefined) expect(abort.blame.map((blame) => blame.reason)).toEqual([reason]);
  });

  /** Parameters with a sound Π^prm. @param order of t, or a multiple of it */
  const proving = (nHat: bigint, base: bigint, lambda: bigint, order: bigint): Json => {
    const modN = modulus(nHat);
    const data = { nHat, s: modN.pow(base, lambda), t: base };
    const alphas = Array.from({ length: params.m }, (_, k) => BigInt(k) % order);
    const commitment = alphas.map((alpha) => modN.pow(base, alpha));
    const e = prm.challenge(prmContext({ sid, prover: CHEAT }), params, data, commitment, false);
    const response = alphas.map((alpha, k) => (alpha + (e[k] === true ? lambda : 0n)) % order);
    const values = { hat_N: nHat, s: data.s, t: base, params_proof: { commitment, response } };
    const fields = toJson(Round2.pick({ hat_N: true, s: true, t: true, params_proof: true }), values);
    return { ...(opening as Record<string, Json>), ...(fields as Record<string, Json>) };
  };

  it.each([
    ['s = t = 1', proving(hat_N, 1n, 0n, 1n), 's_j and t_j are neither 1 nor -1'],
    ['s = 1', proving(hat_N, t, 0n, hat_N), 's_j and t_j are neither 1 nor -1'],
    ['t = -1', proving(hat_N, hat_N - 1n, 1n, 2n), 's_j and t_j are neither 1 nor -1'],
    ['hat_N, a prime', proving(longPrime, 4n, 5n, longPrime - 1n), 'N-hat_j is composite'],
  ])('%s, with a sound Pi^prm', (_, message, reason) => {
    const abort = abortOf(opens(message));
    expect(blamed(abort)).toBe(`invalid_ring_pedersen_parameters:${CHEAT}`);
    expect(abort.blame.map((blame) => blame.reason)).toEqual([reason]);
  });

  it('ring-Pedersen parameters of another party, with their proof', () => {
    const { hat_N: nHat, s: s_0, t: t_0, params_proof } = bodyOf(messages, 'Round2', 0) as Record<string, Json>;
    const copied = {
      ...(opening as Record<string, Json>),
      hat_N: nHat ?? null,
      s: s_0 ?? null,
      t: t_0 ?? null,
      params_proof: params_proof ?? null,
    };
    expect(blamed(abortOf(opens(copied)))).toBe(`invalid_ring_pedersen_parameters:${CHEAT}`);
  });

  it('a commitment and its opening of another party', () => {
    const tamper = both(commits(bodyOf(messages, 'Round1', 0)), altering('Round2', bodyOf(messages, 'Round2', 0)));
    expect(blamed(abortOf(tamper))).toBe(`invalid_decommitment:${CHEAT}`);
  });

  it('rho: its own proofs are then made for another one', () => {
    const rho = replaceAt(opening, '/rho_bytes', 'ab'.repeat(32));
    expectBlame(simulateJudged(params, setting, HONEST, sessions(), { tamper: opens(rho) }), HONEST, 'invalid_modulus_proof', [CHEAT]);
  });

  it('the nonce of its commitment, which is its own to choose', () => {
    const free = simulateJudged(params, setting, HONEST, sessions(), { tamper: opens(replaceAt(opening, '/decommit', 'ab'.repeat(32))) });
    expect(HONEST.map((party) => ending(free[party]))).toEqual(['done', 'done']);
  });
});

describe('proofs replayed', () => {
  const other = recordRun(sessions({ executionId: utf8ToBytes('another') })).messages;

  it.each([
    ['mod_proof', 'invalid_modulus_proof'],
    ['fac_proof', 'invalid_factor_proof'],
  ])('%s of another session', (name, code) => {
    const replayed = {
      ...(bodyOf(messages, 'Round3', CHEAT, 0) as Record<string, Json>),
      [name]: (bodyOf(other, 'Round3', CHEAT, 0) as Record<string, Json>)[name] ?? null,
    };
    expect(blamed(abortOf(altering('Round3', replayed)))).toBe(`${code}:${CHEAT}`);
  });

  it('Pi^prm of another session', () => {
    expect(blamed(abortOf(opens(bodyOf(other, 'Round2', CHEAT))))).toBe(`invalid_ring_pedersen_parameters:${CHEAT}`);
  });

  it('Pi^fac made for another verifier', () => {
    expect(blamed(abortOf(altering('Round3', bodyOf(messages, 'Round3', CHEAT, 2))))).toBe(`invalid_factor_proof:${CHEAT}`);
  });

  it('of another prover', () => {
    expect(blamed(abortOf(altering('Round3', bodyOf(messages, 'Round3', 2, 0))))).toBe(`invalid_modulus_proof:${CHEAT}`);
  });
});

/** A party that runs the protocol on primes which no honest generator makes. */
class CrookedPrimes extends PregeneratedPrimes {
  readonly #crooked: FourPrimes;

  constructor(crooked: Partial<FourPrimes>) {
    const honest = fixturePrimes(CHEAT, params);
    super(honest.reveal(), honest.params);
    this.#crooked = { ...honest.reveal(), ...crooked };
  }

  override reveal(): FourPrimes {
    return this.#crooked;
  }
}

describe('a modulus that is what Pi^mod proves, of factors that it does not look at', () => {
  it('a factor of 17 bits', () => {
    const primes = new CrookedPrimes({ p: 65_539n, q: (1n << 1008n) - 33n });
    const crooked = [session(0), session(1, { primes }), session(2)];
    const outcomes = simulateJudged(params, setting, HONEST, crooked);
    expectBlame(outcomes, HONEST, 'invalid_factor_proof', [CHEAT]);
    expect(reasonsOf(outcomes[0])).toEqual(['|z2| <= 2^(ell+epsilon) sqrt(N) / 2']);
  });
});

// With one N and one set of ring-Pedersen parameters, what somebody proves to one of them verifies as proven to the other.
describe('two cheats whose moduli have a factor in common', () => {
  const primesOf = (index: number): FourPrimes => fixturePrimes(index, params).reveal();
  const twin = { primes: fixturePrimes(1, params), rng: seededRng('aux  1') };
  const sibling = { primes: new PregeneratedPrimes({ ...primesOf(2), q: primesOf(1).p }, params) };

  it.each([
    ['all primes and all randomness', twin],
    ['one prime', sibling],
  ])('%s: are both named, once both have proven their moduli', (_, second) => {
    const four = [0, 1, 2, 3].map((index) => session(index, { parties: 4, ...(index === 2 ? second : {}) }));
    const outcomes = simulateJudged(params, { ...setting, parties: 4 }, [0, 3], four);
    expectBlame(outcomes, [0, 3], 'invalid_modulus', [1, 2]);
    expect(reasonsOf(outcomes[0])).toEqual([2, 1].map((other) => `N_j has no factor in common with that of party ${other}`));
    expect([1, 2].map((cheat) => ending(outcomes[cheat]))).toEqual(['invalid_modulus:2', 'invalid_modulus:1']);
  });
});

describe('two cheats', () => {
  it('are both named', () => {
    const four = (): Session<AuxInfo>[] => [0, 1, 2, 3].map((index) => session(index, { parties: 4 }));
    const edit = (body: Json): Json => replaceAt(body, '/fac_proof/proof/z1', { radix: 16, value: '5' });
    const outcomes = simulateJudged(params, { ...setting, parties: 4 }, [0, 2], four(), {
      tamper: both(editing(1, 'Round3', edit), editing(3, 'Round3', edit)),
    });
    expectBlame(outcomes, HONEST, 'invalid_factor_proof', [1, 3]);
  });
});

describe('a cheat that sends different broadcasts', () => {
  const equivocate = (reliableBroadcast: boolean): Outcome<AuxInfo>[] =>
    simulate([0, 1, 2, 1].map((index, node) => session(index, { reliableBroadcast }, node === 3 ? 'second face' : '')), {
      tamper: ({ from, to, ...message }) => {
        if (from === 1) return to === 0 ? [{ from, to, ...message }] : [];
        if (from === 3) return to === 2 ? [{ from: 1, to, ...message }] : [];
        return message.broadcast || to !== 1 ? [{ from, to, ...message }] : [1, 3].map((face) => ({ from, to: face, ...message }));
      },
    });

  it('is noticed in the echo round, and nobody can be blamed', () => {
    expectBlame(equivocate(true), HONEST, 'inconsistent_broadcast', []);
  });

  it('without the echo makes honest proofs fail, and no honest party is blamed for it', () => {
    expectBlame(equivocate(false), HONEST, 'invalid_modulus_proof', []);
  });
});

describe('the option that follows the Rust crate in Pi^prm', () => {
  const run = (crate: readonly boolean[]): Outcome<AuxInfo>[] =>
    simulate(
      crate.map((insecurePrmFirstWordOnly, index) =>
        session(index, { parties: crate.length, insecurePrmFirstWordOnly, primes: fixturePrimes(index, SMALL_FOR_TESTS) }),
      ),
    );

  it('on at all: succeeds, and is recorded', () => {
    expect(outputs(run([true, true])).map(({ prmFirstWordOnly }) => prmFirstWordOnly)).toEqual([true, true]);
  });

  it('off at all, the default: succeeds, and is recorded', () => {
    expect(outputs(run([false, false])).map(({ prmFirstWordOnly }) => prmFirstWordOnly)).toEqual([false, false]);
  });

  it('on at one: the other refuses its proof, and it that of the other', () => {
    expect(run([false, true]).map(ending)).toEqual(['invalid_ring_pedersen_parameters:1', 'invalid_ring_pedersen_parameters:0']);
  });
});
