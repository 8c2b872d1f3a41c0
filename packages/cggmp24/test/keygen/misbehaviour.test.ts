import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { z } from 'zod';
import { leaf, list, option, point, struct, wrapped, type Encoding } from '../../src/hash/encoding.js';
import type { CoreKeyShare } from '../../src/key_share/core.js';
import { commitmentTo } from '../../src/keygen/commitments.js';
import { G, multiply, sumPoints, toScalar, INFINITY } from '../../src/math/curve.js';
import type { Rng } from '../../src/math/random.js';
import { SECURITY_128 } from '../../src/params.js';
import type { AbortCode } from '../../src/aborts.js';
import type { Session } from '../../src/runtime/session.js';
import { keygen, keygenNonThreshold } from '../../src/sessions.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { simulate, type Outcome } from '../../src/testing/simulate.js';
import { bytesHexJson, DigestJson, PointJson, ScalarJson } from '../../src/wire/json.js';
import { fieldsOf, INFINITY_JSON, malformedForms, plausible, without, type Field } from '../util/alterations.js';
import { ending, expectBlame, reasonsOf } from '../util/blame.js';
import { simulateJudged } from '../util/evidence.js';
import {
  bodyOf,
  both,
  Commitment,
  committing,
  editing,
  recordRun,
  variantOf,
  type RecordedMessage,
  type Tamper,
} from '../util/messages.js';
import { replaceAt, toJson, type Json } from '../util/proofs.js';

const sid = utf8ToBytes('misbehaviour');
/** Party 1 cheats in everything below, with parties 0 and 2 honest. */
const CHEAT = 1;
const HONEST = [0, 2];

interface Options {
  readonly executionId?: Uint8Array;
  readonly reliableBroadcast?: boolean;
  /** Distinguishes runs that draw differently. */
  readonly draws?: string;
  readonly parties?: number;
}

const Bytes32 = bytesHexJson(32);

/** The two key generations, as far as an attacker of both has to know them. */
interface Variant {
  readonly name: string;
  readonly tag: string;
  /** The broadcast that opens the commitment. */
  readonly opening: string;
  session(index: number, options?: Options): Session<CoreKeyShare>;
  encode(opening: Json): Encoding;
}

const common = z.object({ rid: Bytes32, chain_code: Bytes32.nullish(), decommit: Bytes32, sch_commit: PointJson });
const chainCode = (code: Uint8Array | null | undefined): Encoding => option(code == null ? null : leaf(code));

const threshold: Variant = {
  name: 'threshold',
  tag: 'dfns.cggmp24.keygen.threshold.',
  opening: 'Round2Broad',
  session: (index, { executionId = sid, draws = '', parties = 3, reliableBroadcast = true } = {}) =>
    keygen({ executionId, index, parties, threshold: 2, reliableBroadcast, rng: seededRng(`threshold ${draws} ${index}`) }),
  encode: (json) => {
    const { rid, F, sch_commit, chain_code, decommit } = common.extend({ F: z.array(PointJson) }).parse(json);
    const fields = { rid: leaf(rid), F: struct({ coefs: list(F.map(point)) }), sch_commit: wrapped(point(sch_commit)) };
    return struct({ ...fields, chain_code: chainCode(chain_code), decommit: leaf(decommit) }, 'dfns.cggmp24.keygen.threshold.round2_broad');
  },
};

const nonThreshold: Variant = {
  name: 'non-threshold',
  tag: 'dfns.cggmp24.keygen.non_threshold.',
  opening: 'Round2',
  session: (index, { executionId = sid, draws = '', parties = 3, reliableBroadcast = true } = {}) =>
    keygenNonThreshold({ executionId, index, parties, reliableBroadcast, rng: seededRng(`non-threshold ${draws} ${index}`) }),
  encode: (json) => {
    const { rid, X, sch_commit, chain_code, decommit } = common.extend({ X: PointJson }).parse(json);
    const fields = { rid: leaf(rid), X: wrapped(point(X)), sch_commit: wrapped(point(sch_commit)) };
    return struct({ ...fields, chain_code: chainCode(chain_code), decommit: leaf(decommit) }, 'dfns.cggmp24.keygen.non_threshold.round2');
  },
};

function sessionsOf(variant: Variant, options: Options = {}): Session<CoreKeyShare>[] {
  return Array.from({ length: options.parties ?? 3 }, (_, index) => variant.session(index, options));
}

/** Runs three or four parties of which those named are honest; a judge comes to the same verdicts as they. */
function run(
  variant: Variant,
  tamper: Tamper,
  options: Options & { readonly shuffle?: Rng; readonly honest?: readonly number[] } = {},
): Outcome<CoreKeyShare>[] {
  const { executionId = sid, parties = 3, reliableBroadcast = true, honest = HONEST, shuffle } = options;
  const setting = {
    kind: 'keygen',
    executionId,
    parties,
    threshold: variant === threshold ? 2 : null,
    chainCode: 'shared',
    reliableBroadcast,
  } as const;
  return simulateJudged(
    SECURITY_128,
    setting,
    honest,
    sessionsOf(variant, options),
    shuffle === undefined ? { tamper } : { shuffle, tamper },
  );
}

function honestMessages(variant: Variant, options: Options = {}): RecordedMessage[] {
  return recordRun(sessionsOf(variant, options)).messages;
}

/** An attacker that commits to what it is going to open. */
function openingTo(variant: Variant, messages: readonly RecordedMessage[], altered: Json): Tamper {
  const commitment = toJson(DigestJson, commitmentTo(variant.tag, sid, CHEAT, variant.encode(altered)));
  return both(committing(variant.tag, sid, messages, new Map([[CHEAT, { commitment }]])), editing(CHEAT, variant.opening, () => altered));
}

const codes: Readonly<Record<string, AbortCode>> = {
  Round1: 'invalid_decommitment',
  ReliabilityCheck: 'inconsistent_broadcast',
  Round2: 'invalid_decommitment',
  Round2Broad: 'invalid_decommitment',
  Round2Uni: 'invalid_share',
  Round3: 'invalid_schnorr_proof',
};

describe.each([threshold, nonThreshold])('$name key generation, one cheat', (variant) => {
  const messages = honestMessages(variant);
  const ofCheat = messages.filter(({ sender, recipient }) => sender === CHEAT && recipient !== 2);
  const rows = ofCheat.flatMap(({ msg }) =>
    Object.entries(msg).flatMap(([name, body]) => fieldsOf(body).map((field) => ({ name, body, field, where: `${name}${field.path}` }))),
  );
  /** A share concerns its recipient alone; the other party waits for it, and accuses nobody. */
  const expected = (name: string, code: AbortCode, culprits: readonly number[]): string[] =>
    HONEST.map((party) => (name === 'Round2Uni' && party !== 0 ? 'waiting' : `${code}:${culprits.join()}`));
  const sending = (name: string, edited: Json): Outcome<CoreKeyShare>[] => {
    const wellFormed = name === 'Round1' && Commitment.safeParse(edited).success;
    const tamper = wellFormed
      ? committing(variant.tag, sid, messages, new Map([[CHEAT, edited]]))
      : editing(CHEAT, name, () => edited, name === 'Round2Uni' ? [0] : undefined);
    return run(variant, tamper);
  };
  const endings = (outcomes: readonly Outcome<CoreKeyShare>[]): string[] => HONEST.map((party) => ending(outcomes[party]));

  it('has a row for every field', () => {
    const paths = rows.map(({ where }) => where);
    const opening = variant === threshold ? ['/F/0', '/F/1'] : ['/X'];
    expect(paths.sort()).toEqual(
      [
        'Round1/commitment',
        'ReliabilityCheck',
        ...['/rid', ...opening, '/sch_commit', '/chain_code', '/decommit'].map((path) => `${variant.opening}${path}`),
      ]
        .concat(variant === threshold ? ['Round2Uni/sigma'] : [], ['Round3/sch_proof'])
        .sort(),
    );
  });

  it.each(rows)('$where altered', ({ name, body, field }) => {
    const code = codes[name] ?? 'malformed_message';
    const culprits = name === 'ReliabilityCheck' ? [] : [CHEAT];
    expect(endings(sending(name, replaceAt(body, field.path, plausible(field))))).toEqual(expected(name, code, culprits));
  });

  it.each(rows)('$where malformed', ({ name, body, field }) => {
    for (const [form, json] of formsOf(field)) {
      expect([form, ...endings(sending(name, replaceAt(body, field.path, json)))]).toEqual([
        form,
        ...expected(name, 'malformed_message', [CHEAT]),
      ]);
    }
  });

  it.each(rows.filter(({ field }) => field.path !== ''))('$where missing', ({ name, body, field }) => {
    const code = field.path === '/chain_code' || field.path.startsWith('/F/') ? 'invalid_decommitment' : 'malformed_message';
    expect(endings(sending(name, without(body, field.path)))).toEqual(expected(name, code, [CHEAT]));
  });

  it.each(rows.filter(({ field }) => field.kind === 'point'))('$where the identity', ({ name, body, field }) => {
    expect(endings(sending(name, replaceAt(body, field.path, INFINITY_JSON)))).toEqual(expected(name, 'malformed_message', [CHEAT]));
  });

  describe('that commits to what it is going to open', () => {
    const honest = bodyOf(messages, variant.opening, CHEAT);
    const opened = fieldsOf(honest).map((field) => ({ field, where: field.path }));

    it.each(opened)('$where altered', ({ field }) => {
      const outcomes = run(variant, openingTo(variant, messages, replaceAt(honest, field.path, plausible(field))));
      const changesShare = field.path.startsWith('/F');
      // The chain code and the nonce are the cheat's to choose: such a run is an honest one.
      const free = field.path === '/chain_code' || field.path === '/decommit';
      expect(endings(outcomes)).toEqual(
        HONEST.map(() => (free ? 'done' : `${changesShare ? 'invalid_share' : 'invalid_schnorr_proof'}:${CHEAT}`)),
      );
    });

    it('to no chain code', () => {
      const outcomes = run(variant, openingTo(variant, messages, replaceAt(honest, '/chain_code', null)));
      expectBlame(outcomes, HONEST, 'invalid_decommitment', [CHEAT]);
      expect(reasonsOf(outcomes[0])).toEqual(['chain_code_j is present']);
    });
  });

  it('a commitment and its opening taken from another party', () => {
    const tamper = both(
      committing(variant.tag, sid, messages, new Map([[CHEAT, bodyOf(messages, 'Round1', 0)]])),
      editing(CHEAT, variant.opening, () => bodyOf(messages, variant.opening, 0)),
    );
    expectBlame(run(variant, tamper), HONEST, 'invalid_decommitment', [CHEAT]);
  });

  it('a rogue key: nobody opens before everybody has committed', () => {
    const alone = run(variant, (d) => (d.from === CHEAT ? [] : [d]));
    expect(alone.map((outcome) => (outcome.kind === 'waiting' ? outcome.round : outcome.kind))).toEqual([
      'Round1',
      'ReliabilityCheck',
      'Round1',
    ]);
    const others = HONEST.map((party) => {
      const [X] = z
        .array(PointJson)
        .parse(
          variant === threshold
            ? (bodyOf(messages, variant.opening, party) as { F: Json }).F
            : [(bodyOf(messages, variant.opening, party) as { X: Json }).X],
        );
      return X ?? INFINITY;
    });
    const rogue = toJson(PointJson, multiply(G, 7n).subtract(sumPoints(others)));
    const honest = bodyOf(messages, variant.opening, CHEAT);
    const edited = replaceAt(honest, variant === threshold ? '/F/0' : '/X', rogue);
    expectBlame(sending(variant.opening, edited), HONEST, 'invalid_decommitment', [CHEAT]);
    // Even one that could foresee the others' keys knows no discrete logarithm.
    const foreseen = run(variant, openingTo(variant, messages, edited));
    expectBlame(foreseen, HONEST, variant === threshold ? 'invalid_share' : 'invalid_schnorr_proof', [CHEAT]);
  });

  it.each([
    ['another session', honestMessages(variant, { executionId: utf8ToBytes('another') }), CHEAT],
    ['another party', messages, 0],
  ])('a Schnorr proof replayed from %s', (_, from, sender) => {
    expectBlame(sending('Round3', bodyOf(from, 'Round3', sender)), HONEST, 'invalid_schnorr_proof', [CHEAT]);
  });

  it.each(['Round1', variant.opening])('%s replayed from another session', (name) => {
    const other = honestMessages(variant, { executionId: utf8ToBytes('another') });
    const code = name === 'Round1' ? 'invalid_decommitment' : 'done';
    // The opening is the same, since the cheat draws the same; its commitment is not.
    const expectedEnd = name === 'Round1' ? `${code}:${CHEAT}` : code;
    expect(endings(sending(name, bodyOf(other, name, CHEAT)))).toEqual(HONEST.map(() => expectedEnd));
  });
});

function formsOf(field: Field): readonly (readonly [string, Json])[] {
  return field.path === '/chain_code' ? malformedForms(field).filter(([form]) => form !== 'null') : malformedForms(field);
}

describe('threshold key generation, a cheat that raises or lowers the threshold', () => {
  const messages = honestMessages(threshold);
  const honest = z.object({ F: z.array(PointJson) }).loose().parse(bodyOf(messages, 'Round2Broad', CHEAT));
  const { F } = honest;
  const withF = (points: typeof F): Json => ({
    ...(bodyOf(messages, 'Round2Broad', CHEAT) as { [key: string]: Json }),
    F: points.map((P) => toJson(PointJson, P)),
  });
  const sigmaTo = (to: number): bigint =>
    z.object({ sigma: ScalarJson }).parse(messages.find((m) => m.sender === CHEAT && m.recipient === to)?.msg['Round2Uni']).sigma;

  it('by one more coefficient, with shares on that polynomial', () => {
    const extra = 5n;
    const sharing = editing(CHEAT, 'Round2Uni', (_, to) => ({
      sigma: toJson(ScalarJson, toScalar(sigmaTo(to) + extra * BigInt(to + 1) ** 2n)),
    }));
    const outcomes = run(threshold, both(openingTo(threshold, messages, withF([...F, multiply(G, extra)])), sharing));
    expectBlame(outcomes, HONEST, 'invalid_share', [CHEAT]);
    expect(reasonsOf(outcomes[0])).toEqual(['F_j has t coefficients']);
  });

  it.each([
    ['t - 1 coefficients', F.slice(0, 1)],
    ['none', []],
  ])('by %s', (_, points) => {
    const outcomes = run(threshold, openingTo(threshold, messages, withF(points)));
    expectBlame(outcomes, HONEST, 'invalid_share', [CHEAT]);
    expect(reasonsOf(outcomes[0])).toEqual(['F_j has t coefficients']);
  });
});

describe.each([threshold, nonThreshold])('$name key generation, two cheats', (variant) => {
  const honest = [0, 2];
  const messages = honestMessages(variant, { parties: 4 });

  const altered = (body: Json): Json => {
    const field = fieldsOf(body).find(({ path }) => path !== '/chain_code');
    if (field === undefined) throw new Error('no field');
    return replaceAt(body, field.path, plausible(field));
  };

  it('both open otherwise than they committed, and both are named', () => {
    const commitments = new Map([1, 3].map((cheat) => [cheat, altered(bodyOf(messages, 'Round1', cheat))]));
    expectBlame(
      run(variant, committing(variant.tag, sid, messages, commitments), { parties: 4, honest }),
      honest,
      'invalid_decommitment',
      [1, 3],
    );
  });

  it.each([variant.opening, 'Round3', ...(variant === threshold ? ['Round2Uni'] : [])])('both lie in %s, and both are named', (name) => {
    const edits = [1, 3].map((cheat) => editing(cheat, name, altered));
    expectBlame(run(variant, both(...edits), { parties: 4, honest }), honest, codes[name] ?? 'malformed_message', [1, 3]);
  });

  it('each opens a commitment that the other made', () => {
    const swapped = new Map([1, 3].map((cheat) => [cheat, bodyOf(messages, 'Round1', 4 - cheat)]));
    expectBlame(
      run(variant, committing(variant.tag, sid, messages, swapped), { parties: 4, honest }),
      honest,
      'invalid_decommitment',
      [1, 3],
    );
  });
});

describe.each([threshold, nonThreshold])('$name key generation, a cheat that sends different broadcasts', (variant) => {
  /** Two whole runs of party 1: node 1 talks to party 0, node 3 to party 2, and both hear everything. */
  const equivocate = (reliableBroadcast: boolean): Outcome<CoreKeyShare>[] =>
    simulate([0, 1, 2, 1].map((index, node) => variant.session(index, { reliableBroadcast, draws: node === 3 ? 'second face' : '' })), {
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
    expectBlame(equivocate(false), HONEST, 'invalid_schnorr_proof', []);
  });

  it('that lies in its echo stops the run, and nobody can be blamed', () => {
    const outcomes = run(variant, editing(CHEAT, 'ReliabilityCheck', () => Array.from({ length: 32 }, () => 0), [0]));
    expect(ending(outcomes[0])).toBe('inconsistent_broadcast:');
    expect(ending(outcomes[2])).toBe('waiting');
  });
});

describe.each([threshold, nonThreshold])('$name key generation, whatever one party sends', (variant) => {
  const messages = honestMessages(variant, { parties: 4 });
  const own = messages.filter(({ sender }) => sender === CHEAT);
  /** Any field of any message, to whomever, replaced by something like it, by nonsense or by what another party sent. */
  const change = fc.record({
    message: fc.constantFrom(...own),
    recipients: fc.subarray([0, 2, 3], { minLength: 1 }),
    how: fc.constantFrom('plausible', 'malformed', 'of another party', 'dropped', 'twice'),
    pick: fc.nat(),
  });

  it('no honest party is ever blamed', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.boolean(), fc.string(), (changes, reliableBroadcast, order) => {
        const tampers = changes.map(({ message, recipients, how, pick }): Tamper => {
          const name = Object.keys(message.msg).join();
          if (how === 'dropped') return (d) => (d.from === CHEAT && recipients.includes(d.to) && variantOf(d.payload) === name ? [] : [d]);
          const edit = (): Json => {
            const body = message.msg[name] ?? null;
            const fields = fieldsOf(body);
            const field = fields[pick % fields.length];
            if (field === undefined) throw new Error('no field');
            const forms = malformedForms(field);
            if (how === 'of another party') return bodyOf(messages, name, 0);
            return replaceAt(body, field.path, how === 'malformed' ? (forms[pick % forms.length]?.[1] ?? null) : plausible(field));
          };
          const edited = editing(CHEAT, name, edit, recipients);
          return how === 'twice' ? (d) => (d.from === CHEAT ? [d, ...edited(d)] : [d]) : edited;
        });
        const outcomes = run(variant, both(...tampers), { parties: 4, reliableBroadcast, shuffle: seededRng(order), honest: [0, 2, 3] });
        for (const party of [0, 2, 3]) expect(ending(outcomes[party])).toMatch(/^(done|waiting|[a-z_]+:1?)$/);
      }),
      { numRuns: 30 },
    );
  });
});
