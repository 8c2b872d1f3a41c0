import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compactDecrypt, CompactEncrypt } from 'jose';
import { KdfSchema, SealKey } from '../src/seal_key.js';
import { isSealed, labelOf, openText, sealText, type Label } from '../src/sealed_file.js';
import { decode, encode, refusal } from './support.js';

const SECRET = '{"x":"c0ffee"}';
const label: Label = { purpose: 'key-share', owner: 'node-2' };
let folder: string;
let key: SealKey;
let otherKey: SealKey;
let passphrase: SealKey;

async function keyFrom(kind: 'key-file' | 'passphrase-file', text: string): Promise<SealKey> {
  const path = join(folder, 'secret');
  await writeFile(path, text);
  return SealKey.open({ kind, path });
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealed-file-'));
  [key, otherKey, passphrase] = [
    await keyFrom('key-file', 'a'.repeat(64)),
    await keyFrom('key-file', 'b'.repeat(64)),
    await keyFrom('passphrase-file', 'correct horse battery'),
  ];
});
afterAll(() => rm(folder, { recursive: true }));

interface Content {
  readonly format: string;
  readonly version: number;
  readonly sha256: string;
  readonly jwe: string;
}
const contentOf = (file: string): Content => JSON.parse(file) as Content;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
/** What somebody who can write the file, but has no key, makes of it. */
const forged = (file: string, alter: (parts: string[]) => string[]): string => {
  const jwe = alter(contentOf(file).jwe.split('.')).join('.');
  return JSON.stringify({ ...contentOf(file), jwe, sha256: sha256(jwe) });
};
const withHeader = (file: string, more: object): string =>
  forged(file, ([header = '', ...rest]) => [encode({ ...decode(header), ...more }), ...rest]);
const refused = (file: string, as: Label = label, sealKey = key): Promise<string> => refusal(() => openText(sealKey, as, file));

const WRONG_KEY = /^it does not open: it was sealed under another key or passphrase than SEAL_KEY gives/;
const DAMAGED = 'it is damaged. Restore it from a backup (restore-share)';

describe('a sealed file', () => {
  it('opens under its key, and under no other', async () => {
    for (const [own, other] of [[key, otherKey], [passphrase, await keyFrom('passphrase-file', 'another passphrase')]] as const) {
      const file = await sealText(own, label, SECRET);
      expect(await openText(own, label, file)).toBe(SECRET);
      expect(await refused(file, label, other)).toMatch(WRONG_KEY);
    }
    const file = await sealText(key, label, SECRET);
    expect(await refused(file, label, passphrase)).toBe('it was sealed under a key, and SEAL_KEY gives a passphrase');
  });

  it('has nothing in clear, and is another each time', async () => {
    const [one, two] = [await sealText(key, label, SECRET), await sealText(key, label, SECRET)];
    for (const part of [
      one,
      ...contentOf(one)
        .jwe.split('.')
        .map((text) => Buffer.from(text, 'base64url').toString('latin1')),
    ])
      expect(part).not.toContain('c0ffee');
    const [first, second] = [one, two].map((file) => contentOf(file).jwe.split('.'));
    for (const part of [0, 2, 3, 4]) expect(first?.[part]).not.toBe(second?.[part]);
  });

  it('is a JWE that any library opens with the derived key', async () => {
    const { format, version, jwe, sha256: checksum } = contentOf(await sealText(key, label, SECRET));
    expect([format, version, checksum]).toEqual(['threshold-signing-sealed', 1, sha256(jwe)]);
    const header = decode(jwe.split('.')[0] ?? '');
    expect(header).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      purpose: 'key-share',
      owner: 'node-2',
      kdf: { name: 'HKDF-SHA256', salt: expect.any(String) },
    });
    const { plaintext } = await compactDecrypt(jwe, await key.keyFor(KdfSchema.parse(header.kdf)));
    expect(Buffer.from(plaintext).toString()).toBe(SECRET);
  });

  it('says what it is and whose, also without the key', async () => {
    expect(labelOf(await sealText(key, label, SECRET))).toEqual(label);
    for (const text of [SECRET, '', '{"format":"threshold-signing-sealed"}']) expect(labelOf(text)).toBeNull();
  });

  it('comes out as it was put in', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
      expect(await openText(key, label, await sealText(key, label, text))).toBe(text);
    }), { numRuns: 50 });
  });
});

describe('a sealed file that must not be used', () => {
  it('is refused in the place of another, whoever has put it there', async () => {
    const others: Label[] = [{ ...label, owner: 'node-3' }, { ...label, purpose: 'aux-info' }, { purpose: 'backup', owner: 'gateway' }];
    const file = await sealText(key, label, SECRET);
    for (const other of others) {
      expect(await refused(file, other)).toBe(
        `it was sealed as key-share of node-2, and it should be ${other.purpose} of ${other.owner}. Put each file back in its place`,
      );
      expect(await refused(withHeader(file, other), other)).toMatch(WRONG_KEY);
    }
  });

  it('is refused when it is damaged, before any key is asked', async () => {
    const file = await sealText(key, label, SECRET);
    const damaged = [
      file.slice(0, -10),
      file.slice(0, file.length / 2),
      file.replace(/"sha256":"./, '"sha256":"x'),
      file.replace('"version":1', '"version":0'),
      file.replace('"jwe":"ey', '"jwe":"ez'),
      JSON.stringify({ ...contentOf(file), more: 1 }),
      forged(file, () => ['text']),
      withHeader(file, { alg: 'A256KW' }),
      withHeader(file, { enc: 'A128GCM' }),
      withHeader(file, { zip: 'DEF' }),
      withHeader(file, { owner: 'node-0' }),
      withHeader(file, { kdf: { name: 'none' } }),
    ];
    for (const text of damaged) expect(await refused(text, label, otherKey)).toBe(DAMAGED);
    expect(await refused(file.slice(0, -10), { ...label, purpose: 'primes' })).toBe(
      'it is damaged. Remove it; another will be searched for',
    );
    expect(await refused(file.slice(0, -10), { ...label, purpose: 'backup' })).toBe('it is damaged. Take another copy of it');
  });

  it('is refused when somebody has altered it and set the checksum right', async () => {
    const file = await sealText(key, label, SECRET);
    for (const part of [1, 2, 3, 4]) {
      const altered = forged(file, (parts) => parts.map((text, k) => (k === part ? `A${text.slice(text.startsWith('A') ? 2 : 1)}` : text)));
      expect(await refused(altered)).toMatch(WRONG_KEY);
    }
    const { kdf } = decode(contentOf(file).jwe.split('.')[0] ?? '') as { kdf: object };
    expect(await refused(withHeader(file, { kdf: { ...kdf, salt: 'A'.repeat(43) } }))).toMatch(WRONG_KEY);
  });

  it('is refused when a newer program has written it', async () => {
    const file = await sealText(key, label, SECRET);
    expect(await refused(JSON.stringify({ ...contentOf(file), version: 2, cipher: 'new' }))).toBe(
      'it is of version 2, and this program knows 1. Use the newer program',
    );
  });

  it('is refused in clear text by one who seals', async () => {
    for (const text of [SECRET, '', '{']) expect(await refused(text)).toMatch(/^it is not sealed, and SEAL_KEY is not none\. .*reseal/);
  });

  it('is refused with no word of what was in it', async () => {
    const file = await sealText(key, label, SECRET);
    const { jwe } = contentOf(file);
    for (const text of [SECRET, file.slice(0, -3), withHeader(file, { more: 'c0ffee' })])
      expect(await refused(text)).not.toContain('c0ffee');
    expect(await refused(file, label, otherKey)).not.toContain(jwe.slice(0, 20));
  });

  it('is refused for any text at all', async () => {
    const file = await sealText(key, label, SECRET);
    await fc.assert(fc.asyncProperty(fc.nat({ max: file.length - 2 }), fc.constantFrom('A', '9', '"', '{', ''), async (at, character) => {
      const altered = file.slice(0, at) + character + file.slice(at + 1);
      if (altered !== file) await refused(altered);
    }), { numRuns: 200 });
    await fc.assert(fc.asyncProperty(fc.string(), async (text) => { await refused(text); }), { numRuns: 50 });
  });
});

describe('without a key', () => {
  it('files are in clear text, and a sealed one is refused', async () => {
    expect(await sealText(SealKey.none, label, SECRET)).toBe(SECRET);
    expect(await openText(SealKey.none, label, SECRET)).toBe(SECRET);
    const file = await sealText(key, label, SECRET);
    for (const text of [file, file.slice(0, -10)])
      expect(await refused(text, label, SealKey.none)).toMatch(
        /^it is sealed, and SEAL_KEY is none\. Set SEAL_KEY to what it was sealed under: passphrase-file:PATH/,
      );
    expect([isSealed(file), isSealed(SECRET)]).toEqual([true, false]);
  });

  it('a direct key of the attacker does not help', async () => {
    const jwe = await new CompactEncrypt(Buffer.from(SECRET))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...label, kdf: { name: 'HKDF-SHA256', salt: 'A'.repeat(43) } })
      .encrypt(new Uint8Array(32));
    expect(await refused(JSON.stringify({ format: 'threshold-signing-sealed', version: 1, sha256: sha256(jwe), jwe }))).toMatch(WRONG_KEY);
  });
});
