/** What seals the secret files of a member: the source of the key, and the keys that are derived from it. */
import { execFile } from 'node:child_process';
import { hkdf, randomBytes, scrypt, type ScryptOptions } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { inspectSymbol } from './inspect.js';
import { Refused, systemCode } from './errors.js';
import { decodeUtf8 } from './json.js';

export type SealKeySource =
  /** The file's text, in UTF-8, without the line feed at its end; scrypt makes a key of it. */
  | { readonly kind: 'passphrase-file'; readonly path: string }
  /** 64 hexadecimal digits. */
  | { readonly kind: 'key-file'; readonly path: string }
  /** Prints 64 hexadecimal digits: for a key service, a vault, a hardware module. */
  | { readonly kind: 'command'; readonly program: string; readonly args: readonly string[] }
  /** Files in clear text. */
  | { readonly kind: 'none' };

/** For `--help` and error messages. */
export const SEAL_KEY_FORMS =
  'passphrase-file:PATH, key-file:PATH (64 hex digits), command:PROGRAM ARGS… (prints 64 hex digits), or none (clear text)';

const MIN_PASSPHRASE_CHARACTERS = 12;
const MAX_FILE_BYTES = 4096;
/** Mode bits: the group, or everybody, may read it. */
const READABLE_BY_OTHERS = 0o044;
/** A key service can be far away. Smaller: a slow answer is too late. Larger: a program that hangs delays the start for longer. */
const COMMAND_TIMEOUT_MS = 30_000;
/** scrypt's parameters (RFC 7914): each guess at the passphrase takes 128 MiB of memory. */
const SCRYPT = { N: 131_072, r: 8, p: 1 } as const;
const SCRYPT_MAX_MEMORY = 256 * 1024 * 1024;
const scryptOf = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scrypt);

const SaltSchema = z.base64url().length(43);
/** How the key of one file is derived, as its header says. The cost of scrypt is fixed: a file cannot ask for more or less. */
export const KdfSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('HKDF-SHA256'), salt: SaltSchema }),
  z.strictObject({
    name: z.literal('scrypt+HKDF-SHA256'),
    N: z.literal(SCRYPT.N),
    r: z.literal(SCRYPT.r),
    p: z.literal(SCRYPT.p),
    passphrase_salt: SaltSchema,
    salt: SaltSchema,
  }),
]);
export type Kdf = z.infer<typeof KdfSchema>;

/** A value of SEAL_KEY. Spaces separate a command's arguments. There is no shell, and quotes mean nothing. */
export const SealKeySourceSchema = z.string().transform((text, context): SealKeySource => {
  const [, kind, rest = ''] = /^(passphrase-file|key-file|command|none)(?::(.+))?$/s.exec(text) ?? [];
  if (kind === 'none' && rest === '') return { kind };
  if ((kind === 'passphrase-file' || kind === 'key-file') && rest !== '') return { kind, path: rest };
  const [program, ...args] = rest.split(/\s+/).filter((word) => word !== '');
  if (kind === 'command' && program !== undefined) return { kind, program, args };
  // The text itself is not repeated: somebody may have written the key there.
  context.addIssue({ code: 'custom', message: `must be ${SEAL_KEY_FORMS}` });
  return z.NEVER;
});

/** An opened source. When it is printed or logged, it shows no secret. */
export class SealKey {
  /** Keys stretched from the passphrase, by salt. scrypt is slow on purpose, so it runs once for each salt. */
  readonly #stretched = new Map<string, Promise<Buffer>>();
  readonly #passphraseSalt = newSalt();
  readonly #secret: Buffer;

  private constructor(
    readonly kind: 'passphrase' | 'key' | 'none',
    secret: Buffer,
    /** What its operator should change, though the key can be used; null when there is nothing. It names the file, and no secret. */
    readonly warning: string | null = null,
  ) {
    this.#secret = secret;
  }

  /** Clear text. */
  static readonly none = new SealKey('none', Buffer.alloc(0));

  /** Reads the file or runs the command. @throws Refused saying what is wrong, never what was read */
  static async open(source: SealKeySource): Promise<SealKey> {
    switch (source.kind) {
      case 'none':
        return SealKey.none;
      case 'passphrase-file':
        return new SealKey('passphrase', passphraseOf(await readText(source.path), source.path), await exposure(source.path));
      case 'key-file':
        return new SealKey('key', keyOf(await readText(source.path), source.path), await exposure(source.path));
      case 'command':
        return new SealKey('key', keyOf(await outputOf(source.program, source.args), `the command ${source.program}`));
    }
  }

  /** A key for a file that will be written, and how the file's header describes it. */
  async newKey(): Promise<{ kdf: Kdf; key: Uint8Array }> {
    const salt = newSalt();
    const kdf: Kdf = this.kind === 'passphrase'
      ? { name: 'scrypt+HKDF-SHA256', ...SCRYPT, passphrase_salt: this.#passphraseSalt, salt }
      : { name: 'HKDF-SHA256', salt };
    return { kdf, key: await this.keyFor(kdf) };
  }

  /** The key of a file with this header. @returns 32 bytes @throws Refused when it was sealed under another kind of key */
  async keyFor(kdf: Kdf): Promise<Uint8Array> {
    if (this.kind === 'none') throw new Error('there is no key');
    const passphrase = kdf.name === 'scrypt+HKDF-SHA256';
    if (passphrase !== (this.kind === 'passphrase')) {
      throw new Refused(`it was sealed under a ${passphrase ? 'passphrase' : 'key'}, and SEAL_KEY gives a ${this.kind}`);
    }
    return derive(passphrase ? await this.#stretch(kdf.passphrase_salt) : this.#secret, kdf.salt);
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return `SealKey(${this.kind}, [secret])`;
  }

  #stretch(salt: string): Promise<Buffer> {
    const known = this.#stretched.get(salt);
    if (known !== undefined) return known;
    const stretched = scryptOf(this.#secret, Buffer.from(salt, 'base64url'), 32, { ...SCRYPT, maxmem: SCRYPT_MAX_MEMORY });
    this.#stretched.set(salt, stretched);
    return stretched;
  }
}

function newSalt(): string {
  return randomBytes(32).toString('base64url');
}

async function derive(secret: Buffer, salt: string): Promise<Uint8Array> {
  return new Uint8Array(await promisify(hkdf)('sha256', secret, Buffer.from(salt, 'base64url'), 'threshold-signing/sealed-file', 32));
}

function passphraseOf(file: string, where: string): Buffer {
  const text = file.replace(/\r?\n$/, '');
  if (text.length < MIN_PASSPHRASE_CHARACTERS) {
    throw new Refused(`${where}: a passphrase must have at least ${MIN_PASSPHRASE_CHARACTERS} characters`);
  }
  if (text.trim() === '') throw new Refused(`${where}: a passphrase must have other characters than white space`);
  return Buffer.from(text);
}

function keyOf(text: string, where: string): Buffer {
  const digits = text.trim();
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) throw new Refused(`${where}: must give 64 hexadecimal digits, and nothing else`);
  return Buffer.from(digits, 'hex');
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Refused(`${path}: cannot be read (${systemCode(error)})`);
  });
  if (bytes.length > MAX_FILE_BYTES) throw new Refused(`${path}: is longer than ${MAX_FILE_BYTES} bytes`);
  return decodeUtf8(bytes, path);
}

async function exposure(path: string): Promise<string | null> {
  const { mode } = await stat(path);
  if ((mode & READABLE_BY_OTHERS) === 0) return null;
  return `${path}: others than its owner can read it (mode ${(mode & 0o777).toString(8).padStart(4, '0')}). Give it the mode 0600`;
}

/** What a program prints. Its output, its arguments and its complaints stay out of errors: any of them may be secret. */
function outputOf(program: string, args: readonly string[]): Promise<string> {
  const limits = { timeout: COMMAND_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_FILE_BYTES } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, limits, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new Refused(`the command ${program}: ${whyFailed(error)}`));
    });
    child.stdin?.end();
  });
}

function whyFailed({ code, killed }: { readonly code?: string | number | null; readonly killed?: boolean }): string {
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `has printed more than ${MAX_FILE_BYTES} bytes`;
  if (killed === true) return `has not ended within ${COMMAND_TIMEOUT_MS / 1000} s`;
  if (typeof code === 'string') return `cannot be run (${code})`;
  return typeof code === 'number' ? `has ended with code ${code}` : 'was killed';
}
