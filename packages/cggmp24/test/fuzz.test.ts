/** Every parser of the library, given what no honest party writes. */
import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { z } from 'zod';
import { parsePrimes, serializePrimes } from '../src/aux_info/primes.js';
import { auxInfoRounds } from '../src/aux_info/messages.js';
import { parseAuxInfo, serializeAuxInfo } from '../src/key_share/aux_info.js';
import { parseCoreKeyShare, serializeCoreKeyShare } from '../src/key_share/core.js';
import { parseKeyShare, serializeKeyShare } from '../src/key_share/key_share.js';
import { nonThresholdKeygenRounds } from '../src/keygen/non_threshold_messages.js';
import { thresholdKeygenRounds } from '../src/keygen/threshold_messages.js';
import { at } from '../src/base/at.js';
import { InvalidArgument } from '../src/base/errors.js';
import { ProtocolAborted } from '../src/aborts.js';
import { receive, type AnyRound, type Protocol } from '../src/runtime/protocol.js';
import type { IncomingMessage } from '../src/runtime/message.js';
import { Session } from '../src/runtime/session.js';
import { auxInfo, keygen, keygenNonThreshold, presign, sign } from '../src/sessions.js';
import { allIdentificationRounds } from '../src/signing/identification_messages.js';
import { signingRounds } from '../src/signing/messages.js';
import { Presignature } from '../src/signing/presignature.js';
import { fixturePrimes } from '../src/testing/parties.js';
import { seededRng } from '../src/testing/seeded_rng.js';
import { outputs, simulate } from '../src/testing/simulate.js';
import * as json from '../src/wire/json.js';
import { parseWith } from '../src/wire/parse.js';
import { changedJsonText, readOrRefused, runs } from 'testkit/fuzz';
import { recordRun, type RecordedMessage } from './util/messages.js';
import { FEW_REPETITIONS, smallShares } from './util/small_shares.js';

const executionId = utf8ToBytes('fuzz');
const [CHEAT, HONEST] = [1, 0];
const everyone = [0, 1, 2];
const shares = smallShares(2, 3);
const signers = [0, 1];

const isInvalidArgument = (error: unknown): boolean => error instanceof InvalidArgument;

/** Refused, or read as what is written again and then the same. */
function expectStable<T>(text: string, parse: (text: string) => T, serialize: (value: T) => string): void {
  const first = readOrRefused(() => parse(text), isInvalidArgument);
  if (first === null) return;
  const written = serialize(first.value);
  expect(serialize(parse(written))).toBe(written);
}

describe('numbers, points and bytes', () => {
  const codecs: Readonly<Record<string, z.ZodType>> = {
    integer: json.IntegerJson,
    'non-negative integer': json.NonNegativeIntegerJson,
    scalar: json.ScalarJson,
    point: json.PointJson,
    'non-zero point': json.NonZeroPointJson,
    'compact scalar': json.CompactScalarJson,
    'compact point': json.CompactPointJson,
    digest: json.DigestJson,
    bytes: json.bytesHexJson(32),
  };
  const { sharedPublicKey: P } = at(shares, 0).core;
  const samples: Readonly<Record<string, unknown>> = {
    integer: -0x1234_5678_9abc_def0n,
    'non-negative integer': 1n << 700n,
    scalar: 12345n,
    point: P,
    'non-zero point': P,
    'compact scalar': 12345n,
    'compact point': P,
    digest: new Uint8Array(32).fill(7),
    bytes: new Uint8Array(32).fill(7),
  };

  it.each(Object.entries(codecs))('%s', (name, codec) => {
    const honest = JSON.stringify(z.encode(codec, samples[name]));
    const written = (value: unknown): string => JSON.stringify(z.encode(codec, value));
    fc.assert(
      fc.property(changedJsonText([honest]), (text) => {
        expectStable(text, (given) => parseWith(codec, given, name), written);
      }),
      runs(150),
    );
  });
});

describe('files and what passes between threads', () => {
  const [share] = shares;
  if (share === undefined) throw new Error('no share');
  const primes = fixturePrimes(0, FEW_REPETITIONS);
  const files: readonly (readonly [string, string, (text: string) => string])[] = [
    ['key share', serializeKeyShare(share), (text) => serializeKeyShare(parseKeyShare(text, FEW_REPETITIONS))],
    ['core key share', serializeCoreKeyShare(share.core), (text) => serializeCoreKeyShare(parseCoreKeyShare(text))],
    ['aux info', serializeAuxInfo(share.aux), (text) => serializeAuxInfo(parseAuxInfo(text, FEW_REPETITIONS))],
    ['primes', serializePrimes(primes), (text) => serializePrimes(parsePrimes(text, FEW_REPETITIONS))],
  ];

  it.each(files)('%s', (_name, honest, rewritten) => {
    const secrets = secretsOf(honest);
    fc.assert(
      fc.property(changedJsonText([honest]), (text) => {
        try {
          expectStable(text, rewritten, (written) => written);
        } catch (error) {
          if (secrets.some((secret) => String(error).includes(secret))) throw new Error('a secret is in the complaint', { cause: error });
          throw error;
        }
      }),
      runs(120),
    );
  });

  it('a presignature', () => {
    const presignatures = outputs(
      simulate(signers.map((index) => presign({ executionId, signers, share: at(shares, index), rng: seededRng(`presign ${index}`) }))),
    );
    const honest = at(presignatures, 0).handOver();
    fc.assert(
      fc.property(changedJsonText([honest]), (text) => {
        // Whoever changes a text may give it the number that this thread's next text gets, which then counts as taken.
        fc.pre(serialOf(text) <= serialOf(honest));
        const read = readOrRefused(() => Presignature.takeOver(text), isInvalidArgument);
        if (read !== null) expect(Presignature.takeOver(read.value.handOver()).publicData).toEqual(read.value.publicData);
      }),
      runs(60),
    );
  });
});

/** The highest number of a text that is handed over; 0 where it has none. */
function serialOf(text: string): number {
  const serials = [...text.matchAll(/"serial":([^,}]*)/g)].map(([, serial]) => Number(serial));
  return Math.max(0, ...serials.filter((serial) => !Number.isNaN(serial)));
}

/** All long numbers of a file; in those here everything long is secret, or is in the file that the error is about. */
function secretsOf(text: string): string[] {
  return text.match(/[0-9a-f]{32,}/g) ?? [];
}

/** The messages of honest runs, by protocol. */
const recorded: readonly {
  readonly name: string;
  readonly rounds: readonly AnyRound[];
  readonly begin: (index: number) => Session<unknown>;
  readonly parties: readonly number[];
}[] = [
  {
    name: 'key generation',
    rounds: thresholdKeygenRounds,
    parties: everyone,
    begin: (index) => keygen({ executionId, index, parties: 3, threshold: 2, rng: seededRng(`keygen ${index}`) }),
  },
  {
    name: 'non-threshold key generation',
    rounds: nonThresholdKeygenRounds,
    parties: everyone,
    begin: (index) => keygenNonThreshold({ executionId, index, parties: 3, rng: seededRng(`keygen ${index}`) }),
  },
  {
    name: 'aux info',
    rounds: auxInfoRounds(FEW_REPETITIONS),
    parties: signers,
    begin: (index) =>
      auxInfo({ executionId, index, parties: 2, primes: fixturePrimes(index, FEW_REPETITIONS), rng: seededRng(`aux ${index}`) }),
  },
  {
    name: 'signing',
    rounds: [...signingRounds, ...allIdentificationRounds(FEW_REPETITIONS, 2)],
    parties: signers,
    begin: (index) => sign({ executionId, signers, share: at(shares, index), message: utf8ToBytes('m'), rng: seededRng(`sign ${index}`) }),
  },
];

/** A session that only takes messages in. */
function idle(rounds: readonly AnyRound[], parties: number): Session<void> {
  const [first] = rounds;
  if (first === undefined) throw new Error('no rounds');
  function* waiting(round: AnyRound): Protocol<void> {
    yield* receive(round);
  }
  return new Session({ protocol: waiting(first), rounds, index: HONEST, parties });
}

describe.each(recorded)('messages of $name', ({ rounds, begin, parties }) => {
  const { messages, outcomes } = recordRun(parties.map(begin));
  outputs(outcomes);
  const delivered = messages.filter(({ sender, recipient }) => sender !== HONEST && (recipient ?? HONEST) === HONEST).map(asDelivered);
  const texts = delivered.filter(({ sender }) => sender === CHEAT).map(({ payload }) => payload);
  const anyMessage = fc.record({
    payload: changedJsonText(texts),
    broadcast: fc.boolean(),
    sender: fc.constantFrom(CHEAT, CHEAT, CHEAT, HONEST, -1, 7, 0.5, NaN),
  });

  it('are read, or their sender is blamed and nobody else', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 4 }), (hostile) => {
        const abort = endOf(idle(rounds, parties.length), hostile);
        if (abort === null) return;
        expect(abort.message.length).toBeLessThan(1000);
        for (const { party } of abort.blame) expect(party).toBe(CHEAT);
        if (abort.blame.length === 0) expect(['reflected_message', 'unknown_sender']).toContain(abort.code);
      }),
      runs(150),
    );
  });

  it('a run with one changed message ends well, waits, or blames its sender', () => {
    const changed = fc
      .nat({ max: texts.length - 1 })
      .chain((k) => changedJsonText([at(texts, k)]).map((payload) => [at(texts, k), payload] as const));
    fc.assert(
      fc.property(changed, ([honest, payload]) => {
        const abort = endOf(
          begin(HONEST),
          delivered.map((message) => (message.sender === CHEAT && message.payload === honest ? { ...message, payload } : message)),
        );
        for (const { party } of abort?.blame ?? []) expect(party).toBe(CHEAT);
      }),
      runs(8),
    );
  });
});

function asDelivered({ sender, recipient, msg }: RecordedMessage): IncomingMessage {
  return { sender, broadcast: recipient === null, payload: JSON.stringify(msg) };
}

/** What a party that gets these messages aborts with; null when it ends or waits. Any other error is a defect. */
function endOf(session: Session<unknown>, messages: readonly IncomingMessage[]): ProtocolAborted | null {
  try {
    for (const message of messages) session.receive(message);
    for (;;) {
      const { kind } = session.proceed();
      if (kind === 'done' || kind === 'waiting') return null;
    }
  } catch (error) {
    if (error instanceof ProtocolAborted) return error;
    throw error;
  }
}
