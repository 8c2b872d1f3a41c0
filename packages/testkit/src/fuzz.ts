/** Hostile input: honest JSON trees and texts with changes. */
import fc from 'fast-check';
import { z } from 'zod';
import type { Json } from './json.js';

/** FUZZ_RUNS multiplies the number of runs; FUZZ_SEED repeats what a failure has printed. */
const Environment = z.object({ FUZZ_RUNS: z.coerce.number().min(0.01).max(1e6).default(1), FUZZ_SEED: z.coerce.number().optional() });
const { FUZZ_RUNS, FUZZ_SEED } = Environment.parse({ FUZZ_RUNS: process.env.FUZZ_RUNS, FUZZ_SEED: process.env.FUZZ_SEED });

/** @param quick runs of a property in the quick suite */
export function runs<T>(quick: number): fc.Parameters<T> {
  return { numRuns: Math.ceil(quick * FUZZ_RUNS), endOnFailure: true, ...(FUZZ_SEED === undefined ? {} : { seed: FUZZ_SEED }) };
}

/** `{"__proto__": …}` as JSON.parse makes it: a key of the object's own. */
function pollution(key: string): Json {
  return JSON.parse(`{"${key}":{"polluted":true,"length":7,"toString":1}}`) as Json;
}

function nested(depth: number): Json {
  return Array.from({ length: depth }).reduce<Json>((json, _, k) => (k % 2 === 0 ? [json] : { a: json }), 1);
}

/** Values that parsers stumble over. */
const HOSTILE: readonly Json[] = [
  ...[null, true, false, {}, [], [[]], [null], ''],
  ...[0, -0, -1, 1, 1.5, 255, 256, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e21, 1e308, -1e308, 5e-324],
  ...['0', '-0', '-1', '1e9', '0x10', ' 1', '1 ', '١', 'Infinity', 'NaN', 'null', 'undefined', 'true'],
  ...[
    '\u0000',
    '\n',
    '\ud800',
    '\udfff\ud800',
    '\u202e',
    'é',
    'e\u0301',
    '😀',
    '%00',
    '../..',
    '..',
    '__proto__',
    'constructor',
    'toString',
    'node-0',
    'node-1',
    'node-256',
    'gateway',
    '*',
  ],
  ...['f'.repeat(64), '0'.repeat(64), '0'.repeat(66), 'f'.repeat(5000), 'A'.repeat(70_000), '='.repeat(43), 'A'.repeat(43), '..', 'a.b.c'],
  ...[
    { radix: 16, value: '0' },
    { radix: 16, value: '-1' },
    { radix: 36, value: 'z'.repeat(2048) },
    { radix: 2, value: '-0' },
  ],
  ...[
    { curve: 'secp256k1', scalar: '0'.repeat(64) },
    { curve: 'secp256k1', point: '0'.repeat(130) },
  ],
  ...[pollution('__proto__'), pollution('constructor'), pollution('prototype'), nested(50), nested(700)],
  Array.from({ length: 3000 }, () => 0),
  Object.fromEntries(Array.from({ length: 3000 }, (_, k) => [`k${k}`, k])),
];

const hostile: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
);

type Container = Json[] | { [key: string]: Json };
interface Slot {
  readonly holder: Container;
  readonly key: string;
}

function slotsOf(json: Json): Slot[] {
  const slots: Slot[] = [];
  const holders = [json];
  for (let holder = holders.pop(); holder !== undefined; holder = holders.pop()) {
    if (typeof holder !== 'object' || holder === null) continue;
    for (const [key, child] of Object.entries(holder)) {
      slots.push({ holder, key });
      holders.push(child);
    }
  }
  return slots;
}

function read({ holder, key }: Slot): Json {
  return (Array.isArray(holder) ? holder[Number(key)] : holder[key]) ?? null;
}

function write({ holder, key }: Slot, value: Json): void {
  // An assignment of `__proto__` would change the prototype here, not the text.
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

const OPERATIONS = ['replace', 'retouch', 'delete', 'swap', 'copy', 'add', 'lengthen', 'shorten'] as const;

interface Change {
  readonly operation: (typeof OPERATIONS)[number];
  readonly where: number;
  readonly whence: number;
  readonly value: Json;
  readonly key: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  operation: fc.constantFrom(...OPERATIONS),
  where: fc.nat(),
  whence: fc.nat(),
  value: hostile,
  key: fc.oneof(
    fc.constantFrom('__proto__', 'constructor', 'prototype', 'toJSON', 'length', '0', ''),
    fc.string({ unit: 'binary', maxLength: 12 }),
  ),
});

/** A value that is nearly the same. */
function retouched(value: Json, at: number): Json {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + (at % 2 === 0 ? 1 : -1);
  if (typeof value !== 'string' || value === '') return value;
  const k = at % value.length;
  const [before, letter = '', after] = [value.slice(0, k), value[k], value.slice(k + 1)];
  const upper = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase();
  return (
    [`${before}0${after}`, `${before}${upper}${after}`, `${before}${after}`, `${value}0`, `0${value}`, `${value}\n`, `-${value}`][at % 7] ??
    value
  );
}

function apply(json: Json, { operation, where, whence, value: constant, key }: Change): Json {
  // Later changes go into it.
  const value = structuredClone(constant);
  const slots = slotsOf(json);
  const [slot, other] = [slots[where % slots.length], slots[whence % slots.length]];
  if (slot === undefined || other === undefined) return value;
  const [mine, others] = [read(slot), structuredClone(read(other))];
  switch (operation) {
    case 'replace':
      write(slot, value);
      return json;
    case 'retouch':
      write(slot, retouched(mine, whence));
      return json;
    case 'delete':
      if (Array.isArray(slot.holder)) slot.holder.splice(Number(slot.key), 1);
      else Reflect.deleteProperty(slot.holder, slot.key);
      return json;
    case 'swap':
      write(other, structuredClone(mine));
      write(slot, others);
      return json;
    case 'copy':
      write(slot, others);
      return json;
    case 'add':
      if (Array.isArray(slot.holder)) slot.holder.push(value);
      else write({ holder: slot.holder, key }, value);
      return json;
    case 'lengthen':
      if (Array.isArray(mine)) mine.push(...structuredClone(mine));
      else if (typeof mine === 'string') write(slot, mine.repeat(1 + (whence % 40)));
      return json;
    case 'shorten':
      if (Array.isArray(mine)) mine.length = whence % (mine.length + 1);
      else if (typeof mine === 'string') write(slot, mine.slice(0, whence % (mine.length + 1)));
      return json;
  }
}

/** One of the samples with one to four changes to its tree. */
export function changedJson(samples: readonly Json[]): fc.Arbitrary<Json> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([sample, changes]) => changes.reduce<Json>(apply, structuredClone(sample)));
}

/** Changes that are only in the text: keys twice, numbers too large, texts that are cut or are no JSON. */
const scrape = fc.tuple(
  fc.nat(),
  fc.nat({ max: 200 }),
  fc.oneof(
    fc.constantFrom('', '"', '{', '}', '[', ',', ':', '\\', '\u0000', '1e999', '-', '.', '\ufeff', '='),
    fc.string({ unit: 'binary', maxLength: 4 }),
  ),
);

function scraped(text: string, [at, length, inserted]: [number, number, string]): string {
  const from = at % (text.length + 1);
  return text.slice(0, from) + inserted + text.slice(from + (length % 3 === 0 ? length : 0));
}

/** One of the texts with pieces cut out or put in. */
export function changedText(samples: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(scrape, { minLength: 1, maxLength: 3 }))
    .map(([sample, changes]) => changes.reduce(scraped, sample));
}

/** Deeper than any recursion reaches, in the place of a value. */
function deepText(samples: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...samples), fc.nat(), fc.constantFrom('[', '{"a":'), fc.boolean()).map(([sample, at, open, closed]) => {
    const depth = 20_000;
    const deep = `${open.repeat(depth)}1${closed ? (open === '[' ? ']' : '}').repeat(depth) : ''}`;
    const values = [...sample.matchAll(/"(?:[^"\\]|\\.)*"(?!\s*:)|-?\d+|true|false|null/g)];
    const value = values[at % values.length];
    return value === undefined ? deep : sample.slice(0, value.index) + deep + sample.slice(value.index + value[0].length);
  });
}

/** Texts that were JSON like the samples. */
export function changedJsonText(samples: readonly string[]): fc.Arbitrary<string> {
  const trees = samples.map((text) => JSON.parse(text) as Json);
  const twice = (tree: Json): string => {
    const text = JSON.stringify(tree);
    return text.startsWith('{') && text.length > 2 ? `${text.slice(0, -1)},${text.slice(1)}` : text;
  };
  return fc.oneof(
    { weight: 6, arbitrary: changedJson(trees).map((tree) => JSON.stringify(tree)) },
    { weight: 1, arbitrary: changedJson(trees).map(twice) },
    { weight: 2, arbitrary: changedText(samples) },
    { weight: 1, arbitrary: deepText(samples) },
    { weight: 1, arbitrary: hostile.map((value) => JSON.stringify(value)) },
  );
}

/**
 * Calls a parser, which must read its input, or refuse it with an error of this kind and a message of bounded length. Everything else
 * is a defect.
 * @returns null when it was refused
 */
export function readOrRefused<T>(parse: () => T, isRefusal: (error: unknown) => boolean): { readonly value: T } | null {
  try {
    return { value: parse() };
  } catch (error) {
    checkRefusal(error, isRefusal);
    return null;
  }
}

/** The same for a parser that answers with a promise. */
export async function readOrRefusedLater<T>(
  parse: () => Promise<T>,
  isRefusal: (error: unknown) => boolean,
): Promise<{ readonly value: T } | null> {
  try {
    return { value: await parse() };
  } catch (error) {
    checkRefusal(error, isRefusal);
    return null;
  }
}

const LONGEST_COMPLAINT = 1000;

function checkRefusal(error: unknown, isRefusal: (error: unknown) => boolean): void {
  if (!isRefusal(error)) throw error;
  if (error instanceof Error && error.message.length > LONGEST_COMPLAINT)
    throw new Error(`a complaint of ${error.message.length} characters: ${error.message.slice(0, 200)}`);
  if (Object.hasOwn(Object.prototype, 'polluted')) throw new Error('Object.prototype was changed');
}
