import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { parsePrimes, PregeneratedPrimes, serializePrimes } from '../../src/aux_info/primes.js';
import { parseAuxInfo, serializeAuxInfo, type AuxInfo } from '../../src/key_share/aux_info.js';
import { gcd } from '../../src/math/integer.js';
import { OwnRingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SMALL_FOR_TESTS } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import type { Session } from '../../src/runtime/session.js';
import { auxInfo } from '../../src/sessions.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { outputs, simulate } from '../../src/testing/simulate.js';
import { recordRun } from '../util/messages.js';
import { smallPrime } from '../util/small.js';
import { FEW_REPETITIONS } from '../util/small_shares.js';

const executionId = utf8ToBytes('aux info');

function sessionsOf(parties: number, reliableBroadcast = true): Session<AuxInfo>[] {
  return Array.from({ length: parties }, (_, index) =>
    auxInfo({ executionId, index, parties, reliableBroadcast, primes: fixturePrimes(index, FEW_REPETITIONS) }),
  );
}

describe.each([2, 3, 4])('%i parties', (parties) => {
  const infos = outputs(simulate(sessionsOf(parties), { shuffle: seededRng(`order ${parties}`) }));

  it('agree on all that is public', () => {
    const publicPart = ({ encryptionKeys, ringPedersen }: AuxInfo): unknown => [
      encryptionKeys.map(({ n }) => n),
      ringPedersen.map(({ nHat, s, t }) => [nHat, s, t]),
    ];
    for (const info of infos) expect(publicPart(info)).toEqual(publicPart(at(infos, 0)));
  });

  it('hold the factors of their own moduli and of no other', () => {
    for (const [index, info] of infos.entries()) {
      const { p, q, pHat, qHat } = fixturePrimes(index, FEW_REPETITIONS).reveal();
      expect(at(info.encryptionKeys, index).n).toBe(p * q);
      expect(at(info.ringPedersen, index).nHat).toBe(pHat * qHat);
      expect(info.ringPedersen.map((entry) => entry instanceof OwnRingPedersen)).toEqual(infos.map((_, j) => j === index));
      const { nHat, s, t } = at(info.ringPedersen, index);
      expect([gcd(s, nHat), gcd(t, nHat)]).toEqual([1n, 1n]);
    }
  });

  it('encrypt for each other', () => {
    const [first, second] = [at(infos, 0), at(infos, 1)];
    for (const x of [0n, 1n, -1n, (1n << 900n) + 5n]) {
      const { ciphertext } = at(first.encryptionKeys, 1).encrypt(x, seededRng('nonce'));
      expect(second.decryptionKey.decrypt(ciphertext)).toBe(x);
    }
  });

  it('store it', () => {
    for (const info of infos) expect(serializeAuxInfo(parseAuxInfo(serializeAuxInfo(info), FEW_REPETITIONS))).toBe(serializeAuxInfo(info));
  });
});

it('does without the echo round when all do', () => {
  const { outcomes, messages } = recordRun(sessionsOf(2, false));
  outputs(outcomes);
  expect(messages.some(({ msg }) => 'ReliabilityCheck' in msg)).toBe(false);
});

it.each([
  ['index', { index: 2, parties: 2 }],
  ['index', { index: -1, parties: 2 }],
  ['parties', { index: 0, parties: 1 }],
])('refuses %s: %j', (argument, options) => {
  expect(() => auxInfo({ executionId, primes: fixturePrimes(0, FEW_REPETITIONS), ...options })).toThrow(new RegExp(`^${argument}: `));
});

describe('pregenerated primes', () => {
  const primes = fixturePrimes(0, SMALL_FOR_TESTS);
  const four = primes.reveal();
  const text = serializePrimes(primes);

  it('survive their JSON, and the form of the crate is theirs', () => {
    expect(parsePrimes(text, SMALL_FOR_TESTS).reveal()).toEqual(four);
    expect(JSON.parse(text)).toMatchObject({ primes: [{ radix: 16, value: four.p.toString(16) }, {}, {}, {}], _phantom: null });
  });

  it.each([
    ['too short', { ...four, q: four.q >> 1n }, 'at least 512 bits'],
    ['zero', { ...four, pHat: 0n }, 'at least 512 bits'],
    ['two equal', { ...four, qHat: four.p }, 'distinct'],
    ['1 modulo 4', { ...four, p: four.p + 2n }, '3 modulo 4'],
  ])('are refused: %s', (_, wrong, reason) => {
    expect(() => new PregeneratedPrimes(wrong, SMALL_FOR_TESTS)).toThrow(InvalidArgument);
    expect(() => new PregeneratedPrimes(wrong, SMALL_FOR_TESTS)).toThrow(reason);
  });

  it.each([
    ['not JSON', '{', 'primes: not JSON'],
    ['an array', '[]', 'primes: Invalid input'],
    ['three', JSON.stringify({ primes: (JSON.parse(text) as { primes: unknown[] }).primes.slice(1) }), 'primes: '],
    ['negative', text.replace('"value":"', '"value":"-'), 'primes.0: must not be negative'],
    ['a number', JSON.stringify({ primes: [1, 2, 3, 4] }), 'primes.0: '],
  ])('are refused as %s', (_, wrong, reason) => {
    expect(() => parsePrimes(wrong, SMALL_FOR_TESTS)).toThrow(InvalidArgument);
    expect(() => parsePrimes(wrong, SMALL_FOR_TESTS)).toThrow(reason);
  });

  it('are too short for another level', () => {
    expect(() => fixturePrimes(0, { ...SMALL_FOR_TESTS, primeBits: 513 })).toThrow('at least 513 bits');
  });

  it('do not print', () => {
    for (const printed of [
      inspect(primes),
      inspect({ primes }, { depth: null, showHidden: true }),
      JSON.stringify({ primes }),
      Object.keys(primes).join(),
    ]) {
      expect(printed).not.toContain(four.p.toString());
      expect(printed).not.toContain(four.p.toString(16));
    }
    expect(inspect(primes)).toBe('[secret]');
  });

  it('are as many as the fixtures', () => {
    expect(() => fixturePrimes(8, SMALL_FOR_TESTS)).toThrow('no fixture primes left');
    expect(smallPrime(31)).toBe(fixturePrimes(7, SMALL_FOR_TESTS).reveal().qHat);
  });
});
