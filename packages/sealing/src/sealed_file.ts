/**
 * A secret as a file keeps it: JSON with a JWE (RFC 7516, direct key, AES-256-GCM). The protected header says what the file is
 * and whose, and how its key is derived. A checksum over the JWE tells damage from a wrong key.
 */
import { createHash } from 'node:crypto';
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import { Refused } from './errors.js';
import { MemberNameSchema } from './identity.js';
import { decodeUtf8, parseJson } from './json.js';
import { KdfSchema, SEAL_KEY_FORMS, type Kdf, type SealKey } from './seal_key.js';

const FORMAT = 'threshold-signing-sealed';
const VERSION = 1;

/** What a file is, and whose. */
const LabelSchema = z.strictObject({
  purpose: z.enum(['identity', 'key-share', 'aux-info', 'primes', 'backup']),
  owner: MemberNameSchema,
});
export type Label = z.infer<typeof LabelSchema>;

const OuterSchema = z.looseObject({ format: z.literal(FORMAT), version: z.int() });
const FileSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  /** Of the JWE, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  jwe: z.string(),
});
const HeaderSchema = z.strictObject({ alg: z.literal('dir'), enc: z.literal('A256GCM'), ...LabelSchema.shape, kdf: KdfSchema });

const IF_DAMAGED: Readonly<Record<Label['purpose'], string>> = {
  identity: 'Restore it from a backup (restore-share)',
  'key-share': 'Restore it from a backup (restore-share)',
  'aux-info': 'Restore it from a backup (restore-share)',
  primes: 'Remove it; another will be searched for',
  backup: 'Take another copy of it',
};

const SEALED_WITHOUT_KEY = `it is sealed, and SEAL_KEY is none. Set SEAL_KEY to what it was sealed under: ${SEAL_KEY_FORMS}`;
const CLEAR_WITH_KEY =
  'it is not sealed, and SEAL_KEY is not none. If it is whole and yours, seal it with the program reseal; ' +
  'never start with a file that somebody else could have put there';

/** @returns the content of the sealed file; with the key `none`, `text` itself */
export async function sealText(sealKey: SealKey, label: Label, text: string): Promise<string> {
  if (sealKey.kind === 'none') return text;
  const { kdf, key } = await sealKey.newKey();
  const jwe = await new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...label, kdf }).encrypt(key);
  const file: z.infer<typeof FileSchema> = { format: FORMAT, version: VERSION, sha256: sha256(jwe), jwe };
  return `${JSON.stringify(file)}\n`;
}

/** Is it a sealed file, whole or damaged, of any version? */
export function isSealed(file: string): boolean {
  return file.includes(`"${FORMAT}"`);
}

/**
 * The text that was sealed.
 * @param label what the file must be, and whose
 * @throws Refused saying what is wrong and what to do, never what is in the file
 */
export async function openText(sealKey: SealKey, label: Label, file: string): Promise<string> {
  if (sealKey.kind === 'none') {
    if (isSealed(file)) throw new Refused(SEALED_WITHOUT_KEY);
    return file;
  }
  const { jwe, kdf } = read(label, file);
  const key = await sealKey.keyFor(kdf);
  return decodeUtf8(await decrypt(jwe, key), 'content');
}

async function decrypt(jwe: string, key: Uint8Array): Promise<Uint8Array> {
  try {
    const { plaintext } = await compactDecrypt(jwe, key, { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] });
    return plaintext;
  } catch {
    throw new Refused('it does not open: it was sealed under another key or passphrase than SEAL_KEY gives. Give that one');
  }
}

/**
 * What a sealed file says it is. Believe it only when `openText` has agreed.
 * @returns null for a file that is damaged or not sealed
 */
export function labelOf(file: string): Label | null {
  const whole = parsed(FileSchema, file);
  const header = whole === null ? null : headerOf(whole.jwe);
  return header === null ? null : { purpose: header.purpose, owner: header.owner };
}

/** Makes every check that needs no key. @throws Refused */
function read(label: Label, file: string): { jwe: string; kdf: Kdf } {
  if (!isSealed(file)) throw new Refused(CLEAR_WITH_KEY);
  const damaged = (): Refused => new Refused(`it is damaged. ${IF_DAMAGED[label.purpose]}`);
  const outer = parsed(OuterSchema, file);
  if (outer !== null && outer.version > VERSION) {
    throw new Refused(`it is of version ${outer.version}, and this program knows ${VERSION}. Use the newer program`);
  }
  const whole = parsed(FileSchema, file);
  if (whole === null || sha256(whole.jwe) !== whole.sha256) throw damaged();
  const header = headerOf(whole.jwe);
  if (header === null) throw damaged();
  if (header.purpose !== label.purpose || header.owner !== label.owner) {
    const [sealed, expected] = [header, label].map(({ purpose, owner }) => `${purpose} of ${owner}`);
    throw new Refused(`it was sealed as ${sealed}, and it should be ${expected}. Put each file back in its place`);
  }
  return { jwe: whole.jwe, kdf: header.kdf };
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return parseJson(schema, text, 'sealed file');
  } catch {
    return null;
  }
}

function headerOf(jwe: string): z.infer<typeof HeaderSchema> | null {
  try {
    return HeaderSchema.safeParse(decodeProtectedHeader(jwe)).data ?? null;
  } catch {
    return null;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
