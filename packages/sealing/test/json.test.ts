import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { inFolder } from 'testkit/folder';
import { identityText } from 'testkit/fixed_identity';
import { z } from 'zod';
import { Identity } from '../src/identity.js';
import { decodeUtf8, parseJson, parseJsonValue, repeatedKey } from '../src/json.js';
import { loadRoster } from '../src/member.js';
import { Roster } from '../src/roster.js';
import { sign, verify } from '../src/statement.js';
import { node1, refusal, roster } from './support.js';

describe('bytes', () => {
  it('are the text that they are in UTF-8, a byte order mark too', () => {
    for (const text of ['', 'pay é', '\uFEFFx', '𝕒\u0000']) expect(decodeUtf8(Buffer.from(text), 'it')).toBe(text);
  });

  it.each([
    [0xe9],
    [0xc3],
    [0xed, 0xa0, 0x80],
    [0xc0, 0xaf],
    [0xf4, 0x90, 0x80, 0x80],
  ])('%p… is not UTF-8 and is refused', async (...bytes) => {
    expect(await refusal(() => decodeUtf8(Buffer.from([0x61, ...bytes, 0x62]), 'it'))).toBe('it: is not UTF-8');
  });
});

describe('JSON with a key twice', () => {
  it.each([
    ['{"deny":["a"],"deny":[]}', 'deny'],
    ['{"a":{"b":1,"c":[{"b":2}],"b":3}}', 'b'],
    ['[{"a":1},{"x":0, "a" :1,\n"a"\t: 2}]', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"":1,"":2}', ''],
    ['{"a\\\\":1,"a\\\\":2}', 'a\\'],
    ['{"a\\"":1,"a\\"":2}', 'a"'],
    [`{"${'k'.repeat(100)}":1,"${'k'.repeat(100)}":2}`, 'k'.repeat(64)],
  ])('%s is refused, and the complaint names the key', async (text, key) => {
    JSON.parse(text);
    expect(repeatedKey(text)).toBe(key);
    expect(await refusal(() => parseJsonValue(text, 'it'))).toBe(`it: ${key}: is there twice`);
    expect(await refusal(() => parseJson(z.unknown(), text, 'it'))).toBe(`it: ${key}: is there twice`);
  });

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"\\"a\\":1,\\"a\\":2"}',
    '{"a":["a","a"],"b":"a"}',
    '{"a":1,"A":2,"a ":3,"á":4,"a\u0301":5}',
    '"a:a"',
    '{"a\\\\":1,"a\\"":2,"a":3}',
  ])('%s has none', (text) => {
    expect(repeatedKey(text)).toBeNull();
    expect(parseJsonValue(text, 'it')).toEqual(JSON.parse(text));
  });

  it('is found wherever it is, and nothing else is: what is written from a value has no key twice', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(repeatedKey(text)).toBeNull();
        expect(repeatedKey(`{"x":${text},"y":[${text}],"x":0}`)).toBe('x');
        expect(repeatedKey(`{"y":[{"x":${text},"x":${text}}]}`)).toBe('x');
      }),
      { numRuns: 2_000 },
    );
  });

  it('is looked for in any text without a throw, and in proportion to its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'u', 'a', ' '), maxLength: 40 }), (text) => {
        repeatedKey(text);
      }),
      { numRuns: 2_000 },
    );
    // As long as the largest body. With an error for each character, this takes minutes.
    const size = 1 << 21;
    for (const nasty of ['"', '\\"', '{', ':', '{:', '"\\x":', '{"":']) repeatedKey(nasty.repeat(size / nasty.length));
    repeatedKey(`"${'\\'.repeat(size)}"`);
  });

  it.each(['', '[', '{', '{"x":{"y":1},'])('behind %p, each character of a key is parsed once, however many colons follow it', (start) => {
    const text = `${start}"${'a'.repeat(1_000)}"${':'.repeat(1_000)}`;
    const parse = jest.spyOn(JSON, 'parse');
    const key = repeatedKey(text);
    const parsed = parse.mock.calls.reduce((sum, [part]) => sum + part.length, 0);
    parse.mockRestore();
    expect(key).toBeNull();
    expect(parsed).toBeLessThanOrEqual(text.length);
  });
});

describe('what is parsed strictly', () => {
  const twice = (text: string, key: string): string => text.replace(/^\{/, `{"${key}":"x",`);

  it('is an identity', async () => {
    expect(await refusal(() => Identity.parse(twice(identityText('node-1'), 'name')))).toBe('identity: name: is there twice');
  });

  it('is a roster, as a text and as a file', () =>
    inFolder(async (folder) => {
      const text = roster.serialize();
      expect(await refusal(() => Roster.parse(twice(text, 'threshold')))).toBe('roster: threshold: is there twice');
      const path = join(folder, 'roster.json');
      await writeFile(path, Buffer.from(text.replace('gateway', 'gatew\xe9y'), 'latin1'));
      expect(await refusal(() => loadRoster(path))).toBe(`${path}: is not UTF-8`);
    }));

  it('is what a member signs: nobody can read it in two ways', async () => {
    const kind = { typ: 'threshold-signing-test', claims: z.object({ x: z.number() }) };
    const [header = '', payload = ''] = (await sign(node1, roster, kind, { x: 1 })).split('.');
    const text = Buffer.from(payload, 'base64url').toString();
    const changed = Buffer.from(text.replace('"x":1', '"x":2,"x":1')).toString('base64url');
    const { sign: signBytes } = await import('node:crypto');
    const input = `${header}.${changed}`;
    const signature = signBytes(null, Buffer.from(input), node1.signingKey as never).toString('base64url');
    expect(await refusal(() => verify(roster, kind, `${input}.${signature}`))).toBe('threshold-signing-test: x: is there twice');
  });
});
