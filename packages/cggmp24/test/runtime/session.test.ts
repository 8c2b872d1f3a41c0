import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { InvalidProof, check, InvalidArgument, ProtocolBug } from '../../src/base/errors.js';
import { ProtocolAborted, type AbortCode } from '../../src/aborts.js';
import {
  broadcast,
  pause,
  peersOf,
  PerPeer,
  receive,
  sendTo,
  verifyPeers,
  type AnyRound,
  type Protocol,
  type Round,
} from '../../src/runtime/protocol.js';
import { MAX_PAYLOAD_LENGTH } from '../../src/runtime/message.js';
import { Session, type Step } from '../../src/runtime/session.js';
import { auxInfoRounds } from '../../src/aux_info/messages.js';
import { nonThresholdKeygenRounds } from '../../src/keygen/non_threshold_messages.js';
import { thresholdKeygenRounds } from '../../src/keygen/threshold_messages.js';
import { SMALL_FOR_TESTS } from '../../src/params.js';
import { signingRounds } from '../../src/signing/messages.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate } from '../../src/testing/simulate.js';
import { abortOfCall, blamed, ending, expectBlame } from '../util/blame.js';

const numberBody = z.object({ value: z.int() });
const first: Round<{ value: number }> = { variant: 'First', number: 1, delivery: 'broadcast', body: numberBody };
const second: Round<{ value: number }> = { variant: 'Second', number: 2, delivery: 'p2p', body: numberBody };
const third: Round<{ value: number }> = { variant: 'Third', number: 3, delivery: 'broadcast', body: numberBody };
const rounds: readonly AnyRound[] = [first, second, third];

/** Everybody adds everybody's numbers: broadcast, then to each peer, then broadcast again. */
function* adding(index: number, parties: number): Protocol<number> {
  const peers = peersOf(index, parties);
  yield* broadcast(first, { value: index });
  const a = yield* receive(first);
  yield* pause('half way');
  for (const j of peers) yield* sendTo(j, second, { value: 10 * index + j });
  const b = yield* receive(second);
  const verify = (j: number): void => {
    check('value names the recipient', b.of(j).value === 10 * j + index);
  };
  yield* verifyPeers<AbortCode>(peers, [{ code: 'invalid_share', round: second, verify }]);
  const sum = a.withOwn(index, { value: index }).reduce((all, { value }) => all + value, 0);
  yield* broadcast(third, { value: sum });
  yield* receive(third);
  return sum;
}

const adder = (index = 0, parties = 3): Session<number> => new Session({ protocol: adding(index, parties), rounds, index, parties });
const from = (sender: number, variant: string, value: unknown = sender) => ({
  sender,
  broadcast: variant !== 'Second',
  payload: JSON.stringify({ [variant]: { value } }),
});

/** Proceeds as far as it goes. */
function settle<T>(session: Session<T>): Step<T>[] {
  const steps: Step<T>[] = [];
  for (;;) {
    const step = session.proceed();
    steps.push(step);
    if (step.kind === 'waiting' || step.kind === 'done') return steps;
  }
}

describe('a session', () => {
  it('says what to send, for whom it waits, where it pauses, and what came out', () => {
    const session = adder();
    expect(settle(session)).toEqual([
      { kind: 'send', message: { to: 'all', round: 1, payload: '{"First":{"value":0}}' } },
      { kind: 'waiting', round: 'First', missing: [1, 2] },
    ]);
    session.receive(from(2, 'First'));
    expect(session.proceed()).toEqual({ kind: 'waiting', round: 'First', missing: [1] });
    session.receive(from(1, 'First'));
    expect(settle(session)).toEqual([
      { kind: 'paused', progress: 'half way' },
      { kind: 'send', message: { to: 1, round: 2, payload: '{"Second":{"value":1}}' } },
      { kind: 'send', message: { to: 2, round: 2, payload: '{"Second":{"value":2}}' } },
      { kind: 'waiting', round: 'Second', missing: [1, 2] },
    ]);
    session.receive(from(1, 'Second', 10));
    session.receive(from(2, 'Second', 20));
    expect(settle(session)).toEqual([
      { kind: 'paused', progress: 'Second: checking party 1' },
      { kind: 'paused', progress: 'Second: checking party 2' },
      { kind: 'send', message: { to: 'all', round: 3, payload: '{"Third":{"value":3}}' } },
      { kind: 'waiting', round: 'Third', missing: [1, 2] },
    ]);
    session.receive(from(1, 'Third', 3));
    session.receive(from(2, 'Third', 3));
    expect(settle(session)).toEqual([{ kind: 'done', output: 3 }]);
    expect(session.proceed()).toEqual({ kind: 'done', output: 3 });
  });

  it('takes everything before it was asked for anything, in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5, 6], { minLength: 6 }), (order) => {
        const messages = [
          from(1, 'First'),
          from(2, 'First'),
          from(1, 'Second', 10),
          from(2, 'Second', 20),
          from(1, 'Third', 3),
          from(2, 'Third', 3),
        ];
        const session = adder();
        for (const k of order) {
          const message = messages[k - 1];
          if (message !== undefined) session.receive(message);
        }
        expect(settle(session).at(-1)).toEqual({ kind: 'done', output: 3 });
      }),
    );
  });

  it('ignores what comes after it is done, whatever it is', () => {
    const session = adder();
    for (const message of [
      from(1, 'First'),
      from(2, 'First'),
      from(1, 'Second', 10),
      from(2, 'Second', 20),
      from(1, 'Third', 3),
      from(2, 'Third', 3),
    ])
      session.receive(message);
    settle(session);
    for (const payload of ['', '{"First":{"value":7}}', 'x'.repeat(MAX_PAYLOAD_LENGTH + 1)]) {
      session.receive({ sender: 1, broadcast: true, payload });
      session.receive({ sender: 9, broadcast: false, payload });
    }
    expect(session.proceed()).toEqual({ kind: 'done', output: 3 });
  });

  it('runs with others of its kind', () => {
    expect(outputs(simulate([0, 1, 2, 3].map((index) => adder(index, 4)), { shuffle: seededRng('adders') }))).toEqual([6, 6, 6, 6]);
  });
});

describe('violations', () => {
  it.each<[string, ReturnType<typeof from>, AbortCode, number[]]>([
    ['not JSON', { ...from(1, 'First'), payload: '{' }, 'malformed_message', [1]],
    ['empty', { ...from(1, 'First'), payload: '' }, 'malformed_message', [1]],
    ['null', { ...from(1, 'First'), payload: 'null' }, 'malformed_message', [1]],
    ['a number', { ...from(1, 'First'), payload: '1e999' }, 'malformed_message', [1]],
    ['an array', { ...from(1, 'First'), payload: '[{"First":{"value":1}}]' }, 'malformed_message', [1]],
    ['no key', { ...from(1, 'First'), payload: '{}' }, 'malformed_message', [1]],
    ['two keys', { ...from(1, 'First'), payload: '{"First":{"value":1},"Third":{"value":1}}' }, 'malformed_message', [1]],
    ['a missing field', { ...from(1, 'First'), payload: '{"First":{}}' }, 'malformed_message', [1]],
    ['a wrong type', from(1, 'First', '1'), 'malformed_message', [1]],
    ['a body from the prototype', { ...from(1, 'First'), payload: '{"First":{"__proto__":{"value":1}}}' }, 'malformed_message', [1]],
    ['__proto__', { ...from(1, 'First'), payload: '{"__proto__":{"value":1}}' }, 'unknown_round', [1]],
    ['constructor', { ...from(1, 'First'), payload: '{"constructor":{"value":1}}' }, 'unknown_round', [1]],
    ['another round', from(1, 'Fourth'), 'unknown_round', [1]],
    ['another case', from(1, 'first'), 'unknown_round', [1]],
    ['nested deeply', { ...from(1, 'First'), payload: `{"First":${'['.repeat(500_000)}${']'.repeat(500_000)}}` }, 'malformed_message', [1]],
    [
      'too long',
      { ...from(1, 'First'), payload: JSON.stringify({ First: { value: 1, padding: 'x'.repeat(MAX_PAYLOAD_LENGTH) } }) },
      'oversized_message',
      [1],
    ],
    ['p2p as broadcast', { ...from(1, 'Second', 10), broadcast: true }, 'wrong_delivery', [1]],
    ['broadcast as p2p', { ...from(1, 'First'), broadcast: false }, 'wrong_delivery', [1]],
    ['from nobody', from(3, 'First'), 'unknown_sender', []],
    ['from -1', from(-1, 'First'), 'unknown_sender', []],
    ['from NaN', from(Number.NaN, 'First'), 'unknown_sender', []],
    ['under our own name', from(0, 'First', 5), 'reflected_message', []],
    ['wrong by content', from(1, 'Second', 11), 'invalid_share', [1]],
  ])('%s', (_, message, code, culprits) => {
    const session = adder();
    settle(session);
    const abort = abortOfCall(() => {
      for (const other of [from(2, 'First'), from(2, 'Second', 20), message, from(1, 'First')]) session.receive(other);
      settle(session);
    });
    expect(blamed(abort)).toBe(`${code}:${culprits.join()}`);
    // It fails closed, with the same error whatever comes next.
    const again = [
      () => session.proceed(),
      () => {
        session.receive(from(1, 'First'));
      },
      () => {
        session.receive(from(9, 'Nothing'));
      },
    ];
    for (const call of again) expect(abortOfCall(call)).toBe(abort);
  });

  it.each(['First', 'Second', 'Third'])('two different messages of %s, early or late', (variant) => {
    const early = adder();
    early.receive(from(1, variant, 5));
    expect(blamed(abortOfCall(() => { early.receive(from(1, variant, 6)); }))).toBe('contradicting_messages:1');

    const late = adder();
    for (const message of [from(1, 'First'), from(2, 'First'), from(1, 'Second', 10), from(2, 'Second', 20), from(1, 'Third', 3)])
      late.receive(message);
    settle(late);
    expect(blamed(abortOfCall(() => { late.receive(from(1, variant, 77)); }))).toBe('contradicting_messages:1');
  });

  it('the same message again, any number of times, is none', () => {
    const session = adder();
    for (let k = 0; k < 3; k++)
      for (const message of [
        from(1, 'First'),
        from(2, 'First'),
        from(1, 'Second', 10),
        from(2, 'Second', 20),
        from(1, 'Third', 3),
        from(2, 'Third', 3),
      ])
        session.receive(message);
    expect(settle(session).at(-1)).toEqual({ kind: 'done', output: 3 });
  });

  it('our own message shown to us is none', () => {
    const session = adder();
    settle(session);
    session.receive(from(0, 'First'));
    session.receive({ ...from(0, 'First'), broadcast: false });
    expect(session.proceed()).toMatchObject({ kind: 'waiting' });
  });

  it('of two parties at once are both named', () => {
    const outcomes = simulate(
      [0, 1, 2, 3].map((index) => adder(index, 4)),
      {
        tamper: (delivery) => [
          delivery.from % 2 === 1 && !delivery.broadcast ? { ...delivery, payload: '{"Second":{"value":0}}' } : delivery,
        ],
      },
    );
    expectBlame(outcomes, [0, 2], 'invalid_share', [1, 3]);
  });

  it('longest of all payloads is still read', () => {
    const room = MAX_PAYLOAD_LENGTH - JSON.stringify({ First: { value: 1, padding: '' } }).length;
    const session = adder();
    session.receive({ ...from(1, 'First'), payload: JSON.stringify({ First: { value: 1, padding: 'x'.repeat(room) } }) });
    expect(settle(session).at(-1)).toEqual({ kind: 'waiting', round: 'First', missing: [2] });
  });

  it('name no value of the message in the reason', () => {
    const session = adder();
    const abort = abortOfCall(() => { session.receive(from(1, 'First', 'telltale')); });
    expect(abort.message).toBe('malformed_message in First: party 1 (value: Invalid input: expected number, received string)');
  });
});

describe('errors of our own', () => {
  function* failing(error: Error): Protocol<number> {
    yield* pause('about to fail');
    throw error;
  }
  const run = (error: Error): Session<number> => new Session({ protocol: failing(error), rounds, index: 0, parties: 2 });

  it.each([new TypeError('a defect'), new InvalidArgument('x', 'wrong'), new ProtocolBug('broken')])(
    'pass through, and the session is over: %s',
    (error) => {
      const session = run(error);
      expect(session.proceed().kind).toBe('paused');
      for (let k = 0; k < 2; k++) expect(() => session.proceed()).toThrow(error);
      expect(() => {
        session.receive(from(1, 'First'));
      }).toThrow(error);
    },
  );

  it('an InvalidProof that nobody attributed is one of them', () => {
    const session = run(new InvalidProof('a = b'));
    session.proceed();
    expect(() => session.proceed()).toThrow(ProtocolBug);
  });

  it('a round that is not declared is one of them', () => {
    function* undeclared(): Protocol<void> {
      yield* receive(third);
    }
    const session = new Session({ protocol: undeclared(), rounds: [first], index: 0, parties: 2 });
    expect(() => session.proceed()).toThrow(ProtocolBug);
  });

  it('an own message that its own codec refuses is one of them', () => {
    function* wrong(): Protocol<void> {
      yield* broadcast(first, { value: 0.5 });
    }
    const session = new Session({ protocol: wrong(), rounds, index: 0, parties: 2 });
    expect(() => session.proceed()).toThrow();
    expect(() => session.proceed()).not.toThrow(ProtocolAborted);
  });

  it('an error inside a check is not the peer\'s fault', () => {
    function* defective(): Protocol<void> {
      const verify = (): never => {
        throw new RangeError('ours');
      };
      yield* verifyPeers<AbortCode>([1], [{ code: 'invalid_share', round: first, verify }]);
    }
    const session = new Session({ protocol: defective(), rounds, index: 0, parties: 2 });
    session.proceed();
    expect(() => session.proceed()).toThrow(RangeError);
  });

  it('nobody has a message that did not arrive', () => {
    expect(() => new PerPeer(new Map([[1, 'x']])).of(2)).toThrow(ProtocolBug);
  });
});

describe('whatever arrives', () => {
  const families: [string, readonly AnyRound[]][] = [
    ['threshold key generation', thresholdKeygenRounds],
    ['non-threshold key generation', nonThresholdKeygenRounds],
    ['aux info', auxInfoRounds(SMALL_FOR_TESTS)],
    ['signing', signingRounds],
  ];
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.constantFrom(null, true, '__proto__', 'constructor', '04', '0'.repeat(130), 'f'.repeat(64), '-1', 'secp256k1'),
    fc.record({ radix: fc.oneof(fc.integer(), fc.constantFrom(2, 10, 16, 36, 37)), value: fc.oneof(fc.string(), fc.bigInt().map(String)) }),
    fc.record({ curve: fc.constantFrom('secp256k1', 'x'), point: fc.stringMatching(/^0[0-6]?[0-9a-f]{0,130}$/) }),
    fc.record({ curve: fc.constantFrom('secp256k1', 'x'), scalar: fc.stringMatching(/^[0-9a-fA-F]{60,66}$/) }),
  );
  const names = [
    'commitment',
    'rid',
    'F',
    'X',
    'sch_commit',
    'chain_code',
    'decommit',
    'sigma',
    'sch_proof',
    'N',
    'hat_N',
    's',
    't',
    'params_proof',
    'zs',
    'mod_proof',
    'fac_proof',
    'proof',
    'points',
    'K',
    'G',
    'Y',
    'A1',
    'psi0',
    'Gamma',
    'D',
    'psi_j',
    'delta',
    'partial_sig',
    '__proto__',
    'toString',
  ];
  const body = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('node'), { maxLength: 40 }),
      fc.dictionary(fc.constantFrom(...names), tie('node'), { maxKeys: 8 }),
    ),
  })).node;

  it.each(families)('%s: nothing but an abort that blames its sender', (_, declared) => {
    const variants = declared.map(({ variant }) => variant);
    const payload = fc.oneof(
      fc.string(),
      fc.json(),
      body.map((value) => JSON.stringify(value)),
      fc
        .tuple(fc.constantFrom(...variants, 'Other', '__proto__'), body)
        .map(([variant, value]) => `{${JSON.stringify(variant)}:${JSON.stringify(value)}}`),
    );
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 4 }), fc.boolean(), payload, (sender, toAll, text) => {
        function* waiting(): Protocol<void> {
          for (const round of declared) yield* receive(round);
        }
        const session = new Session({ protocol: waiting(), rounds: declared, index: 0, parties: 3 });
        try {
          session.receive({ sender, broadcast: toAll, payload: text });
          session.proceed();
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolAborted);
          const { blame } = error as ProtocolAborted;
          expect(blame.map(({ party }) => party)).toEqual(sender === 1 || sender === 2 ? [sender] : []);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('an honest run that junk falls into blames the sender of the junk at most', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 20 }), fc.oneof(fc.string(), fc.json()), (seed, when, junk) => {
        let count = 0;
        const outcomes = simulate([0, 1, 2].map((index) => adder(index)), {
          shuffle: seededRng(seed),
          tamper: (delivery) => (count++ === when ? [{ from: 1, to: delivery.to, broadcast: true, payload: junk }, delivery] : [delivery]),
        });
        for (const party of [0, 2]) expect(ending(outcomes[party])).toMatch(/^(done|waiting|(malformed_message|unknown_round):1)$/);
      }),
    );
  });
});
