import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { serialize } from 'node:v8';
import { DecryptionKey } from '../../src/paillier/decryption_key.js';
import { generateRingPedersen, OwnRingPedersen } from '../../src/paillier/ring_pedersen.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { smallPrime } from '../util/small.js';

const [p, q] = [smallPrime(0), smallPrime(1)];
const pedersen = generateRingPedersen(p, q, seededRng('secrets'));
const { lambda = 0n } = pedersen.trapdoor();
const { nHat, s, t } = pedersen;

const holders = [
  { what: 'a decryption key', holder: new DecryptionKey(p, q), secrets: [p, q] },
  { what: 'own ring-Pedersen parameters', holder: pedersen, secrets: [p, q, lambda] },
  {
    what: 'own ring-Pedersen parameters without lambda',
    holder: new OwnRingPedersen({ nHat, s, t }, { pHat: p, qHat: q }),
    secrets: [p, q],
  },
];

/** Every way in which a value gets into a log. */
function printed(value: object): string[] {
  const error = Object.assign(new Error('failed', { cause: value }), { value });
  return [
    inspect(value),
    inspect(value, { depth: null, showHidden: true, getters: true }),
    inspect(value, { depth: null, showHidden: true, customInspect: false }),
    inspect([{ deep: new Map([[value, { value }]]) }], { depth: null }),
    inspect(error, { depth: null }),
    JSON.stringify(value),
    JSON.stringify({ a: [{ value }], error: { cause: value } }),
    inspect({ ...value }, { depth: null, showHidden: true }),
  ];
}

describe.each(holders)('$what', ({ holder, secrets }) => {
  it('prints no secret, wherever it is', () => {
    // What has been used keeps more.
    if (holder instanceof DecryptionKey) holder.decrypt(holder.encryptionKey.encryptWith(1n, 2n));
    else holder.commit(1n, -1n);
    for (const text of printed(holder)) {
      for (const secret of secrets) {
        expect(text).not.toContain(secret.toString());
        expect(text.toLowerCase()).not.toContain(secret.toString(16));
      }
    }
  });

  it('prints as [secret]', () => {
    expect(inspect(holder)).toBe('[secret]');
    expect(inspect({ holder })).toBe('{ holder: [secret] }');
    expect(JSON.stringify({ holder })).toBe('{"holder":"[secret]"}');
  });

  it('loses its secrets when it is cloned', () => {
    const littleEndian = (x: bigint): string =>
      Buffer.from(x.toString(16).padStart(Math.ceil(x.toString(16).length / 16) * 16, '0'), 'hex')
        .reverse()
        .toString('hex');
    if (holder instanceof DecryptionKey) {
      // What computes with the factors are functions, which cannot be cloned and are not reached.
      expect(Object.keys(structuredClone(holder))).toEqual(['encryptionKey']);
    }
    const bytes = serialize(holder).toString('hex');
    for (const secret of secrets) expect(bytes).not.toContain(littleEndian(secret));
    expect(serialize(p).toString('hex')).toContain(littleEndian(p));
  });
});

describe('what is public of a secret key', () => {
  const { encryptionKey } = new DecryptionKey(p, q);

  it.each([
    ['the encryption key', encryptionKey],
    ['Z_N', encryptionKey.modN],
    ['Z_N^2', encryptionKey.modNN],
    ['Z_N-hat', pedersen.modulus],
  ])('%s prints no factor', (_, value) => {
    for (const text of [
      inspect(value, { depth: null, showHidden: true, getters: true }),
      inspect(value, { customInspect: false, depth: null }),
    ]) {
      for (const secret of [p, q]) expect(text).not.toContain(secret.toString());
    }
  });
});

it('the search finds a factor that is printed', () => {
  expect(printed({ p, toJSON: () => p.toString() }).filter((text) => text.includes(p.toString())).length).toBeGreaterThan(6);
});
