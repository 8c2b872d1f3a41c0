import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CreatePresignatureRequestSchema,
  formatSignature,
  NodeIdSchema,
  parseSignature,
  PublicKeyHexSchema,
  ReasonSchema,
  RecipientSchema,
  RequestIdSchema,
  SignatureSchema,
  SigningMessageSchema,
  WaitQuerySchema,
} from '../src/contract/contract.js';

const R = 'ab'.repeat(32);
const S = '01'.repeat(32);

describe('fields', () => {
  it.each([
    [NodeIdSchema, ['node-1', 'node-65535'], ['node-0', 'node-65536', 'node-01', 'node-', 'Node-1', '*', 'node-1 ', 'node-1\n']],
    [RecipientSchema, ['*', 'node-4'], ['', '**', 'node-0', 'all']],
    [
      RequestIdSchema,
      ['keygen', 'req_1_ab', 'req_1_ab.1.1-2-4', 'presig_gen_node-1_00', 'a'.repeat(256)],
      ['', '.', '..', '_a', '-a', 'a/b', 'a b', 'a%', 'ä', 'a\n', 'a'.repeat(257), '__proto__'],
    ],
    [
      SigningMessageSchema,
      ['x', '\u0000', '😀', 'a'.repeat(65_536), 'é'.repeat(32_768)],
      ['', '\ud800', 'a\udc00b', 'a'.repeat(65_537), 'é'.repeat(32_769)],
    ],
    [
      ReasonSchema,
      ['not_enough_signers: node-2, node-3', 'deadline_passed'],
      ['', 'Has spaces', 'code: detail', 'code:node-1', 'x'.repeat(70)],
    ],
    [PublicKeyHexSchema, [`02${R}`, `03${R}`], [`04${R}`, R, `02${R}0`, `02${R.slice(1)}g`]],
  ])('%#: takes what is well-formed and nothing else', (schema, good, bad) => {
    for (const value of good) expect(schema.safeParse(value).success).toBe(true);
    for (const value of bad) expect([value, schema.safeParse(value).success]).toEqual([value, false]);
    for (const value of [undefined, null, 1, {}, [good[0]]]) expect(schema.safeParse(value).success).toBe(false);
  });

  it.each([[[0, 1]], [[0, 1, 2, 65_534]]])('participants %j are well-formed', (participants) => {
    expect(CreatePresignatureRequestSchema.safeParse({ request_id: 'p', participants }).success).toBe(true);
  });

  it.each([[[]], [[0]], [[1, 0]], [[0, 0, 1]], [[0, 1.5]], [[-1, 0]], [[0, 65_535]], [['0', '1']], [[0, 1, 1]], ['01']])(
    'participants %j are not',
    (participants) => {
      expect(CreatePresignatureRequestSchema.safeParse({ request_id: 'p', participants }).success).toBe(false);
    },
  );

  it.each([['0', 0], ['30000', 30_000]])('wait=%s is %d ms', (wait, ms) => {
    expect(WaitQuerySchema.parse({ wait }).wait).toBe(ms);
  });

  it.each(['30001', '-1', '1.5', '', ' 1', '1e3', '0x10', ['1', '2']])('wait=%j is refused', (wait) => {
    expect(WaitQuerySchema.safeParse({ wait }).success).toBe(false);
  });
});

describe('signature strings', () => {
  it('are brought to one spelling', () => {
    expect(SignatureSchema.parse(` { "s": "${S.toUpperCase()}", "r": "${R.toUpperCase()}" } `)).toBe(`{"r":"${R}","s":"${S}"}`);
  });

  it.each([
    '',
    'null',
    '[]',
    '"x"',
    R + S,
    `{"r":"${R}"}`,
    `{"r":"${R}","s":"${S.slice(2)}"}`,
    `{"r":"${R}","s":"${S}00"}`,
    `{"r":"${R}","s":"${S}","v":1}`,
    `{"r":"${R}","s":1}`,
    `{"r":"0x${R.slice(2)}","s":"${S}"}`,
    `{"r":"${R}","s":"${S}"`,
    '['.repeat(500),
    `{"r":"${R}","s":"${S}"}${' '.repeat(512)}`,
  ])('refuses %j', (text) => {
    expect(SignatureSchema.safeParse(text).success).toBe(false);
  });

  it('hold any two numbers of 256 bits', () => {
    const number = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
    fc.assert(
      fc.property(number, number, (r, s) => {
        const text = formatSignature({ r, s });
        expect(SignatureSchema.parse(text)).toBe(text);
        expect(parseSignature(text)).toEqual({ r, s });
      }),
    );
  });
});
