import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KdfSchema, SealKey, SealKeySourceSchema } from '../src/seal_key.js';
import { refusal } from './support.js';

const KEY = '0123456789abcdef'.repeat(4);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seal-key-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(text: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(folder, 'secret');
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}
/** A Node.js program of one line, as the external command. */
const command = (script: string, ...args: string[]): Promise<SealKey> =>
  SealKey.open({ kind: 'command', program: process.execPath, args: ['-e', script, ...args] });
/** Two keys are the same when they derive the same. */
const derived = async (key: SealKey): Promise<string> =>
  Buffer.from(await key.keyFor({ name: 'HKDF-SHA256', salt: 'A'.repeat(43) })).toString('hex');

describe('SEAL_KEY', () => {
  it.each([
    ['none', { kind: 'none' }],
    ['passphrase-file:/run/secrets/a b', { kind: 'passphrase-file', path: '/run/secrets/a b' }],
    ['key-file:key:1', { kind: 'key-file', path: 'key:1' }],
    [
      'command:vault kv get  -field=key secret/node-1',
      { kind: 'command', program: 'vault', args: ['kv', 'get', '-field=key', 'secret/node-1'] },
    ],
    ['command: /bin/key', { kind: 'command', program: '/bin/key', args: [] }],
  ])('%s says where the key is', (text, source) => {
    expect(SealKeySourceSchema.parse(text)).toEqual(source);
  });

  it.each([
    ...['', 'none:', 'none:x', 'None', 'passphrase-file', 'passphrase-file:', 'key-file:', 'command:', 'command:  ', KEY, ` key-file:x`],
    'passphrase:correct horse battery',
  ])('%j is refused with the forms that there are, and not repeated', (text) => {
    const { error } = SealKeySourceSchema.safeParse(text);
    expect(error?.issues[0]?.message).toMatch(
      /^must be passphrase-file:PATH, key-file:PATH \(64 hex digits\), command:PROGRAM ARGS… .*, or none/,
    );
    for (const secret of [KEY, 'correct horse']) expect(error?.message).not.toContain(secret);
  });
});

describe('a key', () => {
  it('is the same from a file and from a command', async () => {
    const keys = [
      await SealKey.open({ kind: 'key-file', path: await fileOf(`${KEY}\n`) }),
      await SealKey.open({ kind: 'key-file', path: await fileOf(KEY.toUpperCase()) }),
      await command('console.log(process.argv[1])', KEY),
    ];
    expect(new Set(await Promise.all(keys.map(derived))).size).toBe(1);
    expect(await derived(await command('console.log(process.argv[1])', KEY.replace('0', '1')))).not.toBe(
      await derived(await SealKey.open({ kind: 'key-file', path: await fileOf(KEY) })),
    );
  });

  const wrong = ['', 'g'.repeat(64), KEY.slice(1), `${KEY}0`, `${KEY} ${KEY}`, `0x${KEY}`];

  it.each(wrong)('is refused as %j, which no error repeats', async (text) => {
    const path = await fileOf(text);
    expect(await refusal(() => SealKey.open({ kind: 'key-file', path }))).toBe(
      `${path}: must give 64 hexadecimal digits, and nothing else`,
    );
    expect(await refusal(() => command('process.stdout.write(process.argv[1])', text))).toBe(
      `the command ${process.execPath}: must give 64 hexadecimal digits, and nothing else`,
    );
  });

  it('is refused when its file is not there, or is not a key file at all', async () => {
    const path = join(folder, 'nowhere');
    for (const kind of ['key-file', 'passphrase-file'] as const) {
      expect(await refusal(() => SealKey.open({ kind, path }))).toBe(`${path}: cannot be read (ENOENT)`);
      expect(await refusal(() => SealKey.open({ kind, path: folder }))).toBe(`${folder}: cannot be read (EISDIR)`);
    }
    const long = await fileOf('x'.repeat(5000));
    expect(await refusal(() => SealKey.open({ kind: 'passphrase-file', path: long }))).toBe(`${long}: is longer than 4096 bytes`);
  });

  it('is derived anew for each file', async () => {
    const key = await command('console.log(process.argv[1])', KEY);
    const [one, two] = [await key.newKey(), await key.newKey()];
    expect(one.kdf).toEqual({ name: 'HKDF-SHA256', salt: expect.stringMatching(/^[\w-]{43}$/) });
    expect(one.kdf.salt).not.toBe(two.kdf.salt);
    expect(Buffer.from(one.key).equals(two.key)).toBe(false);
    expect(Buffer.from(await key.keyFor(one.kdf)).equals(one.key)).toBe(true);
    expect(one.key).toHaveLength(32);
    expect(Buffer.from(one.key).toString('hex')).not.toBe(KEY);
  });
});

describe('the file of a key or passphrase', () => {
  const KINDS = ['passphrase-file', 'key-file'] as const;

  it.each([0o644, 0o640, 0o604, 0o666])('with the mode %o comes with a warning: others can read it', async (mode) => {
    const path = await fileOf(KEY, mode);
    for (const kind of KINDS) {
      expect((await SealKey.open({ kind, path })).warning).toBe(
        `${path}: others than its owner can read it (mode 0${mode.toString(8)}). Give it the mode 0600`,
      );
    }
  });

  it('comes without one when only its owner can read it; so does a key that is in no file', async () => {
    for (const mode of [0o600, 0o400]) {
      const path = await fileOf(KEY, mode);
      for (const kind of KINDS) expect((await SealKey.open({ kind, path })).warning).toBeNull();
    }
    expect((await command('console.log(process.argv[1])', KEY)).warning).toBeNull();
    expect(SealKey.none.warning).toBeNull();
  });
});

describe('an external command', () => {
  it('is run without a shell', async () => {
    const mark = join(folder, 'shell');
    await refusal(() =>
      SealKey.open({
        kind: 'command',
        program: process.execPath,
        args: ['-e', 'console.log(process.argv.slice(1).join())', `; touch ${mark}`, '`id`', '$HOME'],
      }),
    );
    await expect(readFile(mark)).rejects.toThrow('ENOENT');
    expect(await refusal(() => SealKey.open({ kind: 'command', program: `echo ${KEY}`, args: [] }))).toBe(
      `the command echo ${KEY}: cannot be run (ENOENT)`,
    );
  });

  it('is given no input to wait for', async () => {
    await expect(command('process.stdin.on("end", () => console.log(process.argv[1])).resume()', KEY)).resolves.toBeInstanceOf(SealKey);
  });

  it('is refused when it fails, with its exit code and nothing that it said', async () => {
    expect(await refusal(() => command('console.log(process.argv[1]); console.error("token s3cret"); process.exit(3)', KEY))).toBe(
      `the command ${process.execPath}: has ended with code 3`,
    );
    expect(await refusal(() => command('process.kill(process.pid, "SIGTERM")'))).toBe(`the command ${process.execPath}: was killed`);
    expect(await refusal(() => command('process.stdout.write("x".repeat(1 << 20))'))).toBe(
      `the command ${process.execPath}: has printed more than 4096 bytes`,
    );
  });

  it('leaves nothing of what it said in the error, however that is logged', async () => {
    const failure = await command('console.log("out s3cret"); console.error("err s3cret"); process.exit(3)', 'arg s3cret').catch(
      (error: unknown) => error,
    );
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('s3cret');
  });

  it('is refused when it cannot be run', async () => {
    const program = await fileOf('#!/bin/sh\n');
    await chmod(program, 0o600);
    expect(await refusal(() => SealKey.open({ kind: 'command', program, args: [] }))).toBe(
      `the command ${program}: cannot be run (EACCES)`,
    );
  });
});

describe('a passphrase', () => {
  const open = async (text: string): Promise<SealKey> => SealKey.open({ kind: 'passphrase-file', path: await fileOf(text) });
  const PASSPHRASE = 'correct horse battery';

  it('is stretched by scrypt, whose cost no file can change', async () => {
    const { kdf } = await (await open(PASSPHRASE)).newKey();
    expect(kdf).toMatchObject({ name: 'scrypt+HKDF-SHA256', N: 131_072, r: 8, p: 1 });
    for (const cheap of [{ N: 2 }, { N: 1 << 30 }, { r: 1 }, { p: 1024 }, { passphrase_salt: '' }, { salt: 'A' }])
      expect(KdfSchema.safeParse({ ...kdf, ...cheap }).success).toBe(false);
  });

  it('is the same with the line feed of its file and without', async () => {
    const { kdf, key } = await (await open(PASSPHRASE)).newKey();
    for (const text of [PASSPHRASE, `${PASSPHRASE}\n`, `${PASSPHRASE}\r\n`])
      expect(Buffer.from(await (await open(text)).keyFor(kdf)).equals(key)).toBe(true);
    for (const text of [`${PASSPHRASE} `, PASSPHRASE.toUpperCase(), `${PASSPHRASE}\n\n`])
      expect(Buffer.from(await (await open(text)).keyFor(kdf)).equals(key)).toBe(false);
  });

  it('has twelve characters at least', async () => {
    const complaint = await refusal(() => open('short pass\n'));
    expect(complaint).toBe(`${join(folder, 'secret')}: a passphrase must have at least 12 characters`);
  });

  it.each([
    ['Latin-1', Buffer.alloc(12, 0xe0)],
    ['cut in the middle of a character', Buffer.from(`${PASSPHRASE}é`).subarray(0, -1)],
    ['UTF-16', Buffer.from(PASSPHRASE, 'utf16le').fill(0xd8, 1, 2)],
  ])('is refused in %s: what is not UTF-8 would be one passphrase with other bytes', async (_encoding, bytes) => {
    const path = await fileOf(bytes);
    for (const kind of ['passphrase-file', 'key-file'] as const) {
      expect(await refusal(() => SealKey.open({ kind, path }))).toBe(`${path}: is not UTF-8`);
    }
  });

  it('keeps a byte order mark, as it always has', async () => {
    const { kdf, key } = await (await open(`\uFEFF${PASSPHRASE}`)).newKey();
    expect(Buffer.from(await (await open(PASSPHRASE)).keyFor(kdf)).equals(key)).toBe(false);
  });

  it.each([' '.repeat(12), '\t'.repeat(20), `${' \u00a0\u2003'.repeat(5)}\n`])('is not white space alone: %j', async (text) => {
    expect(await refusal(() => open(text))).toBe(`${join(folder, 'secret')}: a passphrase must have other characters than white space`);
  });

  it('is at most 4096 bytes long, and é is two', async () => {
    const path = await fileOf('é'.repeat(2049));
    expect(await refusal(() => SealKey.open({ kind: 'passphrase-file', path }))).toBe(`${path}: is longer than 4096 bytes`);
    expect((await open('é'.repeat(2048))).kind).toBe('passphrase');
  });

  it('does not do for a file under a key, nor a key for a file under a passphrase', async () => {
    const [passphrase, key] = [await open(PASSPHRASE), await command('console.log(process.argv[1])', KEY)];
    const [ofPassphrase, ofKey] = [await passphrase.newKey(), await key.newKey()];
    expect(await refusal(() => passphrase.keyFor(ofKey.kdf))).toBe('it was sealed under a key, and SEAL_KEY gives a passphrase');
    expect(await refusal(() => key.keyFor(ofPassphrase.kdf))).toBe('it was sealed under a passphrase, and SEAL_KEY gives a key');
  });

  it('is not shown when it is printed or logged', async () => {
    const key = await open(PASSPHRASE);
    const shown = inspect({ key }, { depth: 9, showHidden: true }) + JSON.stringify({ key });
    expect(shown).toContain('SealKey(passphrase, [secret])');
    for (const secret of [PASSPHRASE, Buffer.from(PASSPHRASE).toString('hex'), Buffer.from(PASSPHRASE).toString('base64')])
      expect(shown).not.toContain(secret);
  });
});
