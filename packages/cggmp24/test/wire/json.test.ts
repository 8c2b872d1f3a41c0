import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { encodePoint, G, GROUP_ORDER as q, INFINITY, multiply } from '../../src/math/curve.js';
import { integer } from '../../src/hash/encoding.js';
import { bitLength } from '../../src/math/integer.js';
import * as json from '../../src/wire/json.js';
import { parseWith } from '../../src/wire/parse.js';
import { loadVectors } from '../util/vectors.js';

const hex = (length: number, digit = 'f'): string => digit.repeat(length);
const scalarText = (x: bigint): string => x.toString(16).padStart(64, '0');
const Gx = bytesToHex(encodePoint(G, true)).slice(2);
const Gy = bytesToHex(encodePoint(G, false)).slice(66);

/** Where and why a text is refused, or what is read: through JSON text, as everything comes. */
function outcome(schema: z.ZodType, text: string): string {
  const result = z.safeDecode(schema, JSON.parse(text));
  if (result.success) return 'accepted';
  const [issue] = result.error.issues;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
}

describe("the crate's forms", () => {
  const form = z.unknown();
  const recorded = loadVectors(
    'unit_serde',
    z.object({
      scalar: z.object({ be_hex: z.string(), json: form }),
      scalar_zero: z.object({ json: form }),
      point: z.object({ compressed: z.string(), json: form }),
      point_infinity: z.object({ bytes: z.string(), json: form }),
      integers: z.array(z.object({ decimal: z.string(), json: form, udigest_leaf: z.string() })).min(7),
      accepted_integer_forms: z.array(z.object({ json: z.string(), parsed: z.object({ Ok: z.string() }) })).min(3),
    }),
  );

  it.each(recorded.integers)('of the integer $decimal', ({ decimal, json: text, udigest_leaf }) => {
    expect(z.decode(json.IntegerJson, text as never)).toBe(BigInt(decimal));
    expect(z.encode(json.IntegerJson, BigInt(decimal))).toEqual(text);
    expect(bytesToHex(integer(BigInt(decimal)))).toMatch(new RegExp(`^${udigest_leaf}[0-9a-f]{8}0503$`));
  });

  it.each(recorded.accepted_integer_forms)('are read in other writings: $json', ({ json: text, parsed }) => {
    expect(z.decode(json.IntegerJson, JSON.parse(text) as never)).toBe(BigInt(parsed.Ok));
  });

  it('of scalars', () => {
    const x = BigInt(`0x${recorded.scalar.be_hex}`);
    expect(z.decode(json.ScalarJson, recorded.scalar.json as never)).toBe(x);
    expect(z.encode(json.ScalarJson, x)).toEqual(recorded.scalar.json);
    expect(z.encode(json.ScalarJson, 0n)).toEqual(recorded.scalar_zero.json);
    expect(z.encode(json.CompactScalarJson, x)).toBe(recorded.scalar.be_hex);
    expect(json.scalarToHex(x)).toBe(recorded.scalar.be_hex);
  });

  it('of points', () => {
    const P = z.decode(json.PointJson, recorded.point.json as never);
    expect(P.toHex(true)).toBe(recorded.point.compressed);
    expect(z.encode(json.PointJson, P)).toEqual(recorded.point.json);
    expect(z.encode(json.CompactPointJson, P)).toBe(recorded.point.compressed);
    expect(z.decode(json.CompactPointJson, recorded.point.compressed).equals(P)).toBe(true);
    expect(z.decode(json.PointJson, recorded.point_infinity.json as never).is0()).toBe(true);
    expect(z.encode(json.PointJson, INFINITY)).toEqual(recorded.point_infinity.json);
  });
});

describe('what is written is read again', () => {
  const scalar = fc.oneof(fc.bigInt({ min: 0n, max: q - 1n }), fc.constantFrom(0n, 1n, q - 1n));
  const throughJson = <S extends z.ZodType>(schema: S, value: z.output<S>): z.output<S> =>
    z.decode(schema, JSON.parse(JSON.stringify(z.encode(schema, value))) as never);

  it('integers of either sign, and in every radix', () => {
    const any = fc.oneof(fc.bigInt({ min: -(1n << 6912n), max: 1n << 6912n }), fc.bigInt({ min: -40n, max: 40n }));
    fc.assert(
      fc.property(any, (x) => {
        expect(throughJson(json.IntegerJson, x)).toBe(x);
      }),
    );
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(1n << 2000n), max: 1n << 2000n }),
        fc.integer({ min: 2, max: 36 }),
        fc.boolean(),
        (x, radix, upper) => {
          const value = upper ? x.toString(radix).toUpperCase() : x.toString(radix);
          expect(z.decode(json.IntegerJson, { radix, value })).toBe(x);
        },
      ),
    );
  });

  it('scalars, points, bytes', () => {
    fc.assert(
      fc.property(scalar, fc.uint8Array({ minLength: 32, maxLength: 32 }), (x, bytes) => {
        expect(throughJson(json.ScalarJson, x)).toBe(x);
        expect(throughJson(json.CompactScalarJson, x)).toBe(x);
        const P = multiply(G, x);
        expect(throughJson(json.PointJson, P).equals(P)).toBe(true);
        if (x !== 0n) expect(throughJson(json.CompactPointJson, P).equals(P)).toBe(true);
        expect(throughJson(json.DigestJson, bytes)).toEqual(bytes);
        expect(throughJson(json.bytesHexJson(32), bytes)).toEqual(bytes);
      }),
      { numRuns: 20 },
    );
  });

  it('upper case too', () => {
    expect(z.decode(json.ScalarJson, { curve: 'secp256k1', scalar: scalarText(0xabcdefn).toUpperCase() })).toBe(0xabcdefn);
    expect(z.decode(json.PointJson, { curve: 'secp256k1', point: `04${Gx}${Gy}`.toUpperCase() }).equals(G)).toBe(true);
    expect(z.decode(json.CompactPointJson, `02${Gx}`.toUpperCase()).equals(G)).toBe(true);
    expect(z.decode(json.bytesHexJson(2), 'ABcd')).toEqual(Uint8Array.of(0xab, 0xcd));
  });

  it('nothing is written that would not be read', () => {
    for (const x of [-1n, q, q + 1n]) {
      expect(() => z.encode(json.ScalarJson, x)).toThrow();
      expect(() => z.encode(json.CompactScalarJson, x)).toThrow();
    }
    expect(() => z.encode(json.NonZeroPointJson, INFINITY)).toThrow();
    expect(() => z.encode(json.NonNegativeIntegerJson, -1n)).toThrow();
    expect(() => z.encode(json.bytesHexJson(2), Uint8Array.of(1))).toThrow();
    expect(() => z.encode(json.DigestJson, new Uint8Array(31))).toThrow();
    expect(() => z.encode(json.CompactPointJson, INFINITY)).toThrow();
  });
});

describe('an integer', () => {
  it.each([
    ['null', ': Invalid input: expected object, received null'],
    ['true', ': Invalid input: expected object, received boolean'],
    ['5', ': Invalid input: expected object, received number'],
    ['"ff"', ': Invalid input: expected object, received string'],
    ['["16","ff"]', ': Invalid input: expected object, received array'],
    ['{}', 'radix: Invalid input: expected number, received undefined'],
    ['{"radix":16}', 'value: Invalid input: expected string, received undefined'],
    ['{"value":"ff"}', 'radix: Invalid input: expected number, received undefined'],
    ['{"radix":"16","value":"ff"}', 'radix: Invalid input: expected number, received string'],
    ['{"radix":null,"value":"ff"}', 'radix: Invalid input: expected number, received null'],
    ['{"radix":16.5,"value":"ff"}', 'radix: Invalid input: expected int, received number'],
    ['{"radix":1e400,"value":"ff"}', 'radix: Invalid input: expected number, received Infinity'],
    ['{"radix":0,"value":"0"}', 'radix: Too small: expected number to be >=2'],
    ['{"radix":1,"value":"0"}', 'radix: Too small: expected number to be >=2'],
    ['{"radix":-16,"value":"0"}', 'radix: Too small: expected number to be >=2'],
    ['{"radix":37,"value":"0"}', 'radix: Too big: expected number to be <=36'],
    ['{"radix":16,"value":255}', 'value: Invalid input: expected string, received number'],
    ['{"radix":16,"value":1.5}', 'value: Invalid input: expected string, received number'],
    ['{"radix":16,"value":["f"]}', 'value: Invalid input: expected string, received array'],
    ['{"radix":16,"value":null}', 'value: Invalid input: expected string, received null'],
    ['{"radix":16,"value":{"toString":"ff"}}', 'value: Invalid input: expected string, received object'],
    ['{"__proto__":{"radix":16},"value":"ff"}', 'radix: Invalid input: expected number, received undefined'],
    ['{"__proto__":{"value":"ff"},"radix":16}', 'value: Invalid input: expected string, received undefined'],
    ['{"constructor":{"radix":16},"value":"ff"}', 'radix: Invalid input: expected number, received undefined'],
    [`{"radix":16,"value":"${hex(2049)}"}`, 'value: Too big: expected string to have <=2048 characters'],
    [`{"radix":36,"value":"${hex(1_000_000, 'z')}"}`, 'value: Too big: expected string to have <=2048 characters'],
  ])('is not %.60s', (text, reason) => {
    expect(outcome(json.IntegerJson, text)).toBe(reason);
  });

  it.each([
    '',
    '-',
    '--1',
    '+1',
    '1-',
    '0x1',
    '-0x1',
    ' 1',
    '1 ',
    '1\n',
    '\n1',
    '1.0',
    '1,0',
    '1_0',
    'g',
    '-g',
    '１',
    'é',
    '\u0000',
    'f\u0000',
    'NaN',
  ])('has no digits %j in radix 16', (value) => {
    expect(outcome(json.IntegerJson, JSON.stringify({ radix: 16, value }))).toBe(': not an integer in radix 16');
  });

  it.each([
    [2, '2'],
    [2, '1012'],
    [8, '8'],
    [10, 'a'],
    [10, '1e5'],
    [10, '1n'],
    [10, 'Infinity'],
    [10, '0x10'],
    [35, 'z'],
    [36, '-'],
    [36, '{'],
    [36, '['],
    [36, '@'],
    [36, 'ſ'],
  ])('has no digit of radix %i in %j', (radix, value) => {
    expect(outcome(json.IntegerJson, JSON.stringify({ radix, value }))).toBe(`: not an integer in radix ${radix}`);
  });

  it.each([
    [{ radix: 16, value: '-0' }, 0n],
    [{ radix: 10, value: '-0' }, 0n],
    [{ radix: 16, value: hex(2000, '0') }, 0n],
    [{ radix: 16, value: '-00Ff' }, -255n],
    [{ radix: 36, value: '-Zz' }, -1295n],
    [{ radix: 2, value: '-101' }, -5n],
    [{ radix: 16, value: 'ff', other: 1, __proto__: null }, 255n],
  ])('may be written %j', (form, x) => {
    expect(z.decode(json.IntegerJson, form)).toBe(x);
  });

  it('may have 2048 digits', () => {
    expect(bitLength(z.decode(json.IntegerJson, { radix: 16, value: hex(2048) }))).toBe(8192);
  });

  it('is refused in another radix when it could not be written again', () => {
    expect(outcome(json.IntegerJson, `{"radix":36,"value":"${hex(2048, 'z')}"}`)).toBe(': integer is too long');
    expect(outcome(json.IntegerJson, `{"radix":36,"value":"-${hex(1583, 'z')}"}`)).toBe('accepted');
  });

  it('is not negative where that is asked', () => {
    expect(outcome(json.NonNegativeIntegerJson, '{"radix":16,"value":"-1"}')).toBe(': must not be negative');
    expect(outcome(json.NonNegativeIntegerJson, '{"radix":16,"value":"-0"}')).toBe('accepted');
    expect(outcome(json.NonNegativeIntegerJson, '{"radix":16,"value":"0"}')).toBe('accepted');
  });
});

describe('a scalar', () => {
  const notBelow = ': scalar is not below the group order';
  const notHex = 'must be 32 bytes in hex';

  it.each([
    [q, notBelow],
    [q + 1n, notBelow],
    [(1n << 256n) - 1n, notBelow],
    [q - 1n, 'accepted'],
    [0n, 'accepted'],
  ])('of %d: %s', (x, expected) => {
    expect(outcome(json.ScalarJson, JSON.stringify({ curve: 'secp256k1', scalar: scalarText(x) }))).toBe(expected);
    expect(outcome(json.CompactScalarJson, JSON.stringify(scalarText(x)))).toBe(expected);
  });

  it.each([
    '',
    '1',
    hex(63, '0'),
    hex(65, '0'),
    hex(66, '0'),
    `0x${hex(62, '0')}`,
    `-${hex(63, '0')}`,
    `${hex(63, '0')}g`,
    `${hex(64, '0')}\n`,
    ` ${hex(63, '0')}`,
  ])('is 64 digits, not %j', (scalar) => {
    expect(outcome(json.ScalarJson, JSON.stringify({ curve: 'secp256k1', scalar }))).toBe(`scalar: ${notHex}`);
    expect(outcome(json.CompactScalarJson, JSON.stringify(scalar))).toBe(`: ${notHex}`);
  });

  it.each([
    [{ curve: 'secp256r1', scalar: hex(64, '0') }, 'curve: Invalid input: expected "secp256k1"'],
    [{ curve: 'SECP256K1', scalar: hex(64, '0') }, 'curve: Invalid input: expected "secp256k1"'],
    [{ scalar: hex(64, '0') }, 'curve: Invalid input: expected "secp256k1"'],
    [{ curve: 'secp256k1' }, 'scalar: Invalid input: expected string, received undefined'],
    [{ curve: 'secp256k1', scalar: 1 }, 'scalar: Invalid input: expected string, received number'],
    [{ curve: 'secp256k1', scalar: null }, 'scalar: Invalid input: expected string, received null'],
    [{ curve: ['secp256k1'], scalar: hex(64, '0') }, 'curve: Invalid input: expected "secp256k1"'],
    [hex(64, '0'), ': Invalid input: expected object, received string'],
  ])('is not %j', (form, reason) => {
    expect(outcome(json.ScalarJson, JSON.stringify(form))).toBe(reason);
  });

  it('that is refused is not repeated in the error', () => {
    const secret = scalarText(q + 12345n);
    for (const [schema, form] of [[json.ScalarJson, { curve: 'secp256k1', scalar: secret }], [json.CompactScalarJson, secret]] as const) {
      const { error } = z.safeDecode(z.object({ x: schema }), { x: form });
      expect(error?.message).toContain('group order');
      expect(JSON.stringify(error) + String(error)).not.toContain(secret);
      expect(() => parseWith(z.object({ x: schema }), JSON.stringify({ x: form }), 'key_share')).toThrow(
        expect.objectContaining({ message: 'key_share: x: scalar is not below the group order' }),
      );
    }
  });
});

describe('a point', () => {
  const form = 'must be 65 uncompressed bytes in hex';
  const offCurve = ': not a point of secp256k1';
  const fieldPrime = (1n << 256n) - (1n << 32n) - 977n;

  it.each([
    ['compressed', `02${Gx}`, `point: ${form}`],
    ['compressed, padded to the length', `02${Gx}${hex(64, '0')}`, `point: ${form}`],
    ['hybrid', `06${Gx}${Gy}`, `point: ${form}`],
    ['without its first byte', `${Gx}${Gy}`, `point: ${form}`],
    ['a digit short', `04${Gx}${Gy.slice(1)}`, `point: ${form}`],
    ['a byte long', `04${Gx}${Gy}00`, `point: ${form}`],
    ['with a line end', `04${Gx}${Gy}\n`, `point: ${form}`],
    ['with 0x', `0x04${Gx}${Gy.slice(2)}`, `point: ${form}`],
    ['empty', '', `point: ${form}`],
    ['infinity in one byte', '00', `point: ${form}`],
    ['infinity in 33 bytes', hex(66, '0'), `point: ${form}`],
    ['off the curve', `04${Gx}${Gy.slice(0, -1)}9`, offCurve],
    ['x and y swapped', `04${Gy}${Gx}`, offCurve],
    ['(0, 0)', `04${hex(128, '0')}`, offCurve],
    ['infinity with something in it', `00${hex(127, '0')}1`, offCurve],
    ['G as infinity', `00${Gx}${Gy}`, offCurve],
    ['with x of 2^256 - 1', `04${hex(64)}${Gy}`, offCurve],
    ['with y not reduced', `04${Gx}${(fieldPrime + 1n).toString(16)}`, offCurve],
    ['with x of no point', `04${hex(63, '0')}5${hex(63, '0')}0`, offCurve],
    ['infinity', hex(130, '0'), 'accepted'],
    ['itself', `04${Gx}${Gy}`, 'accepted'],
  ])('%s', (_, point, expected) => {
    expect(outcome(json.PointJson, JSON.stringify({ curve: 'secp256k1', point }))).toBe(expected);
    const nonZero = point === hex(130, '0') ? ': must not be the point at infinity' : expected;
    expect(outcome(json.NonZeroPointJson, JSON.stringify({ curve: 'secp256k1', point }))).toBe(nonZero);
  });

  it.each([
    [{ curve: 'secp256r1', point: `04${Gx}${Gy}` }, 'curve: Invalid input: expected "secp256k1"'],
    [{ point: `04${Gx}${Gy}` }, 'curve: Invalid input: expected "secp256k1"'],
    [{ curve: 'secp256k1' }, 'point: Invalid input: expected string, received undefined'],
    [{ curve: 'secp256k1', point: { x: Gx, y: Gy } }, 'point: Invalid input: expected string, received object'],
    [[Gx, Gy], ': Invalid input: expected object, received array'],
    [null, ': Invalid input: expected object, received null'],
  ])('is not %j', (value, reason) => {
    expect(outcome(json.PointJson, JSON.stringify(value))).toBe(reason);
  });

  it.each([
    ['uncompressed', `04${Gx}${Gy}`, ': must be a compressed point in hex'],
    ['infinity', hex(66, '0'), ': must be a compressed point in hex'],
    ['of first byte 05', `05${Gx}`, ': must be a compressed point in hex'],
    ['a digit short', `02${Gx.slice(1)}`, ': must be a compressed point in hex'],
    ['with a line end', `02${Gx}\n`, ': must be a compressed point in hex'],
    ['x of no point', `02${hex(63, '0')}5`, offCurve],
    ['x = 0', `02${hex(64, '0')}`, offCurve],
    ['x not reduced', `02${(fieldPrime + 1n).toString(16)}`, offCurve],
    ['itself', `02${Gx}`, 'accepted'],
    ['its negative', `03${Gx}`, 'accepted'],
  ])('compact, %s', (_, point, expected) => {
    expect(outcome(json.CompactPointJson, JSON.stringify(point))).toBe(expected);
  });
});

describe('bytes', () => {
  it.each([
    ['""', ': must be 2 bytes in hex'],
    ['"abc"', ': must be 2 bytes in hex'],
    ['"abcde"', ': must be 2 bytes in hex'],
    ['"abcdef"', ': must be 2 bytes in hex'],
    ['"0xab"', ': must be 2 bytes in hex'],
    ['"abcg"', ': must be 2 bytes in hex'],
    ['"abcd\\n"', ': must be 2 bytes in hex'],
    ['[171,205]', ': Invalid input: expected string, received array'],
    ['43981', ': Invalid input: expected string, received number'],
    ['null', ': Invalid input: expected string, received null'],
    ['"abcd"', 'accepted'],
  ])('of a hex string %s: %s', (text, expected) => {
    expect(outcome(json.bytesHexJson(2), text)).toBe(expected);
  });

  const digest = (change: (bytes: unknown[]) => unknown): string => JSON.stringify(change(Array<unknown>(32).fill(7)));
  it.each([
    ['hex', `"${hex(64)}"`, ': Invalid input: expected array, received string'],
    ['31 numbers', digest((bytes) => bytes.slice(1)), ': Too small: expected array to have exactly 32 items'],
    ['33 numbers', digest((bytes) => [...bytes, 7]), ': Too big: expected array to have exactly 32 items'],
    ['a million floats', JSON.stringify(Array<number>(1_000_000).fill(0.5)), ': Too big: expected array to have exactly 32 items'],
    ['256', digest((bytes) => bytes.with(5, 256)), '5: Too big: expected number to be <=255'],
    ['-1', digest((bytes) => bytes.with(0, -1)), '0: Too small: expected number to be >=0'],
    ['a float', digest((bytes) => bytes.with(31, 1.5)), '31: Invalid input: expected int, received number'],
    ['a string', digest((bytes) => bytes.with(31, '7')), '31: Invalid input: expected number, received string'],
    ['null', digest((bytes) => bytes.with(1, null)), '1: Invalid input: expected number, received null'],
    [
      'an object with indices',
      digest((bytes) => ({ ...Object.fromEntries(bytes.entries()), length: 32 })),
      ': Invalid input: expected array, received object',
    ],
    ['0 and 255', digest((bytes) => bytes.with(0, 0).with(1, 255)), 'accepted'],
  ])('of a digest with %s', (_, text, expected) => {
    expect(outcome(json.DigestJson, text)).toBe(expected);
  });
});

it('nothing that is parsed reaches the prototype of anything', () => {
  const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"radix":16,"value":"ff"}';
  expect(outcome(json.IntegerJson, text)).toBe('accepted');
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});
