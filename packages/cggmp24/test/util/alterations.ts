/** What an attacker could send in the place of a message's field, and what no honest party ever sends. */
import { G, GROUP_ORDER } from '../../src/math/curve.js';
import type { Field, FieldKind } from '../../src/testing/fields.js';
import { PointJson } from '../../src/wire/json.js';
import { toJson, type Json } from './proofs.js';

export { fieldsOf, plausible, type Field } from '../../src/testing/fields.js';

const hexOfG = toJson(PointJson, G) as { curve: string; point: string };
const scalar = (hex: string): Json => ({ curve: 'secp256k1', scalar: hex });
const point = (hex: string): Json => ({ curve: 'secp256k1', point: hex });
const integer = (radix: Json, value: Json): Json => ({ radix, value });
const anywhere: [string, Json][] = [
  ['null', null],
  ['a number', 7],
  ['an empty object', {}],
  ['an array', [[]]],
];

const byKind: Readonly<Record<FieldKind, readonly [string, Json][]>> = {
  boolean: [['a string', 'true']],
  bytes: [
    ['31 bytes', 'ab'.repeat(31)],
    ['33 bytes', 'ab'.repeat(33)],
    ['no hex', 'zz'.repeat(32)],
  ],
  digest: [
    ['31 numbers', Array.from({ length: 31 }, () => 1)],
    ['33 numbers', Array.from({ length: 33 }, () => 1)],
    ['a number above 255', Array.from({ length: 32 }, () => 256)],
    ['a negative number', Array.from({ length: 32 }, () => -1)],
    ['a fraction', Array.from({ length: 32 }, () => 1.5)],
    ['hex', 'ab'.repeat(32)],
  ],
  integer: [
    ['a bare number', 7],
    ['a bare string', '7'],
    ['empty', integer(16, '')],
    ['a prefix', integer(16, '0x7')],
    ['two signs', integer(16, '--7')],
    ['a fraction', integer(10, '1.5')],
    ['radix 37', integer(37, '7')],
    ['radix 1', integer(1, '0')],
    ['a radix as text', integer('16', '7')],
    ['a digit out of radix', integer(10, '7f')],
    ['far too long', integer(16, 'f'.repeat(5000))],
  ],
  scalar: [
    ['q', scalar(GROUP_ORDER.toString(16))],
    ['2^256 - 1', scalar('f'.repeat(64))],
    ['31 bytes', scalar('01'.repeat(31))],
    ['33 bytes', scalar('00'.repeat(33))],
    ['negative', scalar(`-${'01'.repeat(31)}f`)],
    ['another curve', { curve: 'secp256r1', scalar: '01'.repeat(32) }],
    ['bare hex', '01'.repeat(32)],
  ],
  point: [
    ['off the curve', point(hexOfG.point.replace(/.$/, '0'))],
    ['a coordinate not below p', point(`04${'f'.repeat(128)}`)],
    ['compressed', point(`02${hexOfG.point.slice(2, 66)}`)],
    ['hybrid', point(`06${hexOfG.point.slice(2)}`)],
    ['(0, 0)', point(`04${'0'.repeat(128)}`)],
    ['infinity with a tail', point(`00${hexOfG.point.slice(2)}`)],
    ['one byte short', point(hexOfG.point.slice(0, -2))],
    ['one byte long', point(`${hexOfG.point}00`)],
    ['another curve', { ...hexOfG, curve: 'secp256r1' }],
  ],
};

export const INFINITY_JSON: Json = point('0'.repeat(130));

/** What must be refused when it is parsed. */
export function malformedForms({ kind }: Field): readonly (readonly [string, Json])[] {
  return [...anywhere.filter(([name]) => !(kind === 'digest' && name === 'an array')), ...byKind[kind]];
}

/** A copy without the field at a path. */
export function without(json: Json, path: string): Json {
  const keys = path.slice(1).split('/');
  const remove = (node: Json, [key, ...rest]: string[]): Json => {
    if (typeof node !== 'object' || node === null || key === undefined) throw new Error(`no field ${path}`);
    if (Array.isArray(node))
      return rest.length === 0
        ? node.filter((_, k) => String(k) !== key)
        : node.map((child, k) => (String(k) === key ? remove(child, rest) : child));
    if (rest.length === 0) return Object.fromEntries(Object.entries(node).filter(([name]) => name !== key));
    return { ...node, [key]: remove(node[key] ?? null, rest) };
  };
  return remove(json, keys);
}
