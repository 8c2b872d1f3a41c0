import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { G, GROUP_ORDER, multiplyPublic, toScalar, toSigned } from '../../src/math/curve.js';
import { decContext } from '../../src/zk/context.js';
import { systemRng } from '../../src/math/random.js';
import { hashMessage } from '../../src/ecdsa.js';
import { at } from '../../src/base/at.js';
import { ProtocolAborted } from '../../src/aborts.js';
import { presign as presignSession } from '../../src/sessions.js';
import { signingContext } from '../../src/signing/context.js';
import { identificationRounds, type FailedSum } from '../../src/signing/identification_messages.js';
import { round1a, round2, round3, type Round2 } from '../../src/signing/messages.js';
import { presign } from '../../src/signing/presign.js';
import type { Presignature } from '../../src/signing/presignature.js';
import { sign } from '../../src/signing/sign.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { simulate } from '../../src/testing/simulate.js';
import { PointJson, ScalarJson } from '../../src/wire/json.js';
import * as dec from '../../src/zk/dec.js';
import { fieldsOf, plausible, without } from '../util/alterations.js';
import { abortOfCall, blamed, ending, expectBlame, reasonsOf } from '../util/blame.js';
import { hears, says, type Lie } from '../util/cheating.js';
import { runs } from 'testkit/fuzz';
import { contextOf, ephemeralOf, presigners, SID, signer, wrongDelta, wrongS, type Group, type Lies } from '../util/identification.js';
import { bodyOf, both, editing, parseMessage, recordRun, variantOf, type Tamper } from '../util/messages.js';
import { replaceAt, toJson, type Json } from '../util/proofs.js';
import { smallShares } from '../util/small_shares.js';
import { parse } from '../util/tampered_signing.js';

const group: Group = { shares: smallShares(3, 4), signers: [2, 0, 3] };
const { params } = contextOf(group, 0);
const rounds = { nonce: identificationRounds('nonce', params, 3), key: identificationRounds('key', params, 3) };
const CODE = 'inconsistent_presignature';

function lies(...of: readonly [number, readonly Lie[]][]): Lies {
  return new Map(of);
}

describe('whoever breaks a sum is named by every honest signer', () => {
  it.each<[string, Lies, number[], string]>([
    ['delta', lies([1, wrongDelta(0)]), [1], 'delta: '],
    ['S', lies([1, wrongS(0)]), [1], 'S: '],
    ['both', lies([1, [...wrongS(0), ...wrongDelta(0)]]), [1], 'delta: '],
    ['delta, of two', lies([1, wrongDelta(0)], [2, wrongDelta(0)]), [1, 2], 'delta: '],
    ['S, of two', lies([0, wrongS(1)], [2, wrongS(1, G.double())]), [0, 2], 'S: '],
  ])('%s', (_, by, culprits, reason) => {
    const honest = [0, 1, 2].filter((position) => !culprits.includes(position));
    const outcomes = simulate(presigners(group, by));
    expectBlame(outcomes, honest, CODE, culprits);
    for (const position of honest) expect(reasonsOf(outcomes[position]).every((given) => given.startsWith(reason))).toBe(true);
  });

  it('one lies about delta, another about S: the nonce comes first, the other is named when it fails the next time', () => {
    expectBlame(simulate(presigners(group, lies([1, wrongDelta(0)], [2, wrongS(0)]))), [0], CODE, [1]);
  });

  it('wrong S_i that add up to the right sum break nothing', () => {
    const opposite: [number, Lie[]][] = [
      [1, [says(round3, (body) => ({ ...body, S: body.S.add(G) }))]],
      [2, [says(round3, (body) => ({ ...body, S: body.S.subtract(G) }))]],
    ];
    expect(ending(simulate(presigners(group, new Map(opposite)))[0])).toBe('done');
  });

  it('in full signing, with a derivation path', () => {
    const sessions = [0, 1, 2].map((position) => {
      const ctx = contextOf(group, position, [44, 7]);
      return signer(ctx, sign(ctx, hashMessage(utf8ToBytes('a message'))), position === 2 ? wrongS(0) : []);
    });
    expectBlame(simulate(sessions), [0, 1], CODE, [2]);
  });

  it.each([
    [2, [1, 0], lies([1, wrongDelta(0)]), [1]],
    [4, [3, 0, 1, 2], lies([1, wrongS(0)], [2, wrongS(0)]), [1, 2]],
  ])('of %i signers', (t, signers, by, culprits) => {
    const outcomes = simulate(presigners({ shares: smallShares(t, 4), signers }, by));
    expectBlame(outcomes, signers.map((_, k) => k).filter((k) => !culprits.includes(k)), CODE, culprits);
  });
});

describe('two cheats who help each other', () => {
  it('one says that it made, and the other that it received, another D than was proven: the proof for everybody shows it', () => {
    const ctx = contextOf(group, 2);
    const { key, nn } = { key: at(ctx.N, 2), nn: at(ctx.N, 2).nn };
    const honest = recordRun(presigners(group, lies())).messages;
    const second = (from: number, to: number): Round2 => parse(round2, bodyOf(honest, 'Round2', from, to));
    const changed = key.add(second(1, 2).D, 1n + 5n * key.n);
    // Signer 2 proves truly what that decrypts to.
    const d = [second(0, 2).D, changed, ...[0, 1].map((j) => key.inverse(second(2, j).F))].reduce((all, factor) => (all * factor) % nn);
    const [{ K }, x] = [parse(round1a, bodyOf(honest, 'Round1a', 2)), ephemeralOf(2).gamma];
    const ciphertext = key.add(key.scale(toSigned(x), K), d);
    const y = ctx.decryptionKey.decrypt(ciphertext);
    expect(toScalar(y)).toBe(toScalar(parse(round3, bodyOf(honest, 'Round3', 2)).delta + 5n));
    const data = { key, k: K, x: multiplyPublic(G, x), d, s: multiplyPublic(G, y), h: G };
    const witness = { x: toSigned(x), y, nonce: ctx.decryptionKey.nonceOf(ciphertext) };
    const psi_dec = dec.prove(decContext({ sid: SID, prover: 2 }, false), ctx.params, data, witness, systemRng);

    const { result, exchanges } = rounds.nonce;
    const maker: Lie[] = [says(at(exchanges, 0), (body) => ({ ...body, made: { ...body.made, D: changed } }))];
    const accomplice: Lie[] = [
      ...wrongDelta(0, 5n),
      says(result, () => ({ psi_dec })),
      says(at(exchanges, 1), (body) => ({ ...body, received: { ...body.received, D: changed } })),
    ];
    const outcomes = simulate(presigners(group, lies([1, maker], [2, accomplice])));
    expectBlame(outcomes, [0], CODE, [1, 2]);
    expect(reasonsOf(outcomes[0])).toEqual(['operation for party 2: z_k G = R_k + e_k X', 'received from party 1: z1 G = B_x + e X']);
  });
});

describe('cheats who do not show the same to all', () => {
  const breaking = (tamper: Tamper, by: Lies = lies([1, wrongDelta(0)])): string[] =>
    simulate(presigners(group, by), { tamper }).map(ending);
  const variant = rounds.nonce.result.variant;

  it('a proof for one, another for the other: each judges what it got, and none blames the honest one', () => {
    const altered = editing(2, variant, (body) => replaceAt(body, '/psi_dec/proof/3/z', { radix: 16, value: '7' }), [0]);
    expect(breaking(altered)[0]).toBe(`${CODE}:1,2`);
    expect(breaking(editing(1, variant, (body) => body, [0]))[2]).toBe(`${CODE}:1`);
  });

  it('delta for one alone: the others are done, and it waits without blaming any', () => {
    expect(breaking(editing(1, 'Round3', (body) => replaceAt(body, '/delta', toJson(ScalarJson, 5n)), [0]), lies())[0]).toBe('waiting');
  });

  it('delta for one and S for another: they disagree which sum failed, and blame nobody', () => {
    const tamper = both(
      editing(1, 'Round3', (body) => replaceAt(body, '/delta', toJson(ScalarJson, 5n)), [0]),
      editing(1, 'Round3', (body) => replaceAt(body, '/S', toJson(PointJson, G)), [2]),
    );
    // The cheat says all that it has to about the nonce.
    const entering = hears(round3, (body, from) => (from === 0 ? { ...body, delta: toScalar(body.delta + 1n) } : body));
    expect(breaking(tamper, lies([1, [entering]]))).toEqual(['waiting', 'waiting', 'waiting']);
  });

  it('silence is not called cheating', () => {
    for (const silent of [variant, at(rounds.nonce.exchanges, 1).variant]) {
      expect(breaking((delivery) => (delivery.from === 1 && variantOf(delivery.payload) === silent ? [] : [delivery]))).toEqual([
        'waiting',
        `${CODE}:0`,
        'waiting',
      ]);
    }
  });
});

describe('when it is off', () => {
  const options = { executionId: SID, signers: group.signers, path: [], reliableBroadcast: true, identification: true };
  const run = (change: Partial<typeof options>): ReturnType<typeof recordRun<Presignature>> => {
    const sessions = [0, 1, 2].map((position) => {
      const ctx = signingContext({
        ...options,
        ...change,
        share: at(group.shares, at(group.signers, position)),
        rng: seededRng(`off ${position}`),
      });
      return signer(ctx, presign(ctx), position === 1 ? wrongDelta(0) : []);
    });
    return recordRun(sessions);
  };

  it.each([
    ['by choice', { identification: false }],
    ['for want of the echo', { reliableBroadcast: false }],
  ])('%s: all abort at once, nobody is named, and no such message is sent', (_, change) => {
    const { outcomes, messages } = run(change);
    expectBlame(outcomes, [0, 1, 2], CODE, []);
    expect(messages.filter(({ msg }) => Object.keys(msg).some((variant) => variant.startsWith('Failed')))).toEqual([]);
  });

  it('such a message is one of no round of the protocol', () => {
    const idle = presignSession({ executionId: SID, signers: group.signers, share: at(group.shares, 2), identification: false });
    const payload = JSON.stringify({ [rounds.key.result.variant]: {} });
    expect(blamed(abortOfCall(() => { idle.receive({ sender: 1, broadcast: true, payload }); }))).toBe('unknown_round:1');
  });
});

describe('whatever cheats say, to whom and in which order', () => {
  const property: Group = { ...group, m: 20 };
  const all = (['nonce', 'key'] as const).flatMap((sum) => [
    rounds[sum].result.variant,
    ...rounds[sum].exchanges.map(({ variant }) => variant),
  ]);
  /** How one cheat breaks a sum, and what it does to its messages of this phase and to which recipients. */
  const cheat = fc.record({
    sum: fc.constantFrom<FailedSum | null>('nonce', 'key', null),
    error: fc.bigInt({ min: 1n, max: GROUP_ORDER - 1n }),
    deeds: fc.array(
      fc.record({
        variant: fc.constantFrom(...all),
        field: fc.nat(),
        deed: fc.constantFrom('alter', 'malform', 'drop', 'copy'),
        to: fc.subarray([0, 1, 2]),
      }),
      { maxLength: 3 },
    ),
  });

  it('no honest signer is blamed, and a broken sum has somebody to blame', () => {
    fc.assert(
      fc.property(fc.array(cheat, { minLength: 1, maxLength: 2 }), fc.string(), (cheats, order) => {
        const by = new Map(
          cheats.map(({ sum, error }, k): [number, Lie[]] => [
            k + 1,
            sum === null ? [] : sum === 'nonce' ? wrongDelta(0, error) : wrongS(0, multiplyPublic(G, error)),
          ]),
        );
        const tampers = cheats.flatMap(({ deeds }, k) => deeds.map((deed) => misdeed(k + 1, deed)));
        const outcomes = simulate(presigners(property, by), { shuffle: seededRng(order), tamper: both(...tampers) });
        const guilty = cheats.map((_, k) => k + 1);
        const quiet = cheats.every(({ deeds }) => deeds.every(({ deed }) => deed !== 'drop'));
        for (const honest of [0, 1, 2].filter((position) => !guilty.includes(position))) {
          const outcome = outcomes[honest];
          if (outcome?.kind !== 'aborted') continue;
          if (!(outcome.error instanceof ProtocolAborted)) throw outcome.error;
          const { blame } = outcome.error;
          expect(blame.filter(({ party }) => !guilty.includes(party))).toEqual([]);
          expect(blame.length).toBeGreaterThan(0);
        }
        // A sum broken by one alone, who then says what it has to: it is named.
        if (quiet && cheats.length === 1 && cheats[0]?.sum !== null)
          expect([0, 2].map((position) => outcomes[position]?.kind)).toEqual(['aborted', 'aborted']);
      }),
      runs(3),
    );
  });

  function misdeed(
    from: number,
    { variant, field, deed, to }: { variant: string; field: number; deed: string; to: readonly number[] },
  ): Tamper {
    const earlier = new Map<number, Json>();
    return (delivery) => {
      const body = parseMessage(delivery.payload)[variant];
      if (body === undefined) return [delivery];
      if (delivery.from !== from) {
        earlier.set(delivery.from, body);
        return [delivery];
      }
      if (!to.includes(delivery.to)) return [delivery];
      if (deed === 'drop') return [];
      const fields = fieldsOf(body);
      const chosen = at(fields, field % fields.length);
      const copied = [...earlier.values()][0] ?? body;
      const said =
        deed === 'alter' ? replaceAt(body, chosen.path, plausible(chosen)) : deed === 'malform' ? without(body, chosen.path) : copied;
      return [{ ...delivery, payload: JSON.stringify({ [variant]: said }) }];
    };
  }
});
