/**
 * How a protocol message travels: as a statement of its sender, and encrypted when it is for one node (JWE, RFC 7516: ECDH-ES
 * on X25519, AES-256-GCM).
 *
 * The signature covers the place where the message belongs, the ciphertext, and a salted hash of the plaintext. The board can
 * check it without reading anything. The recipient finds salt and plaintext in the ciphertext, and can later show both to a
 * third party, who sees by the hash that this was signed. HPKE's own authentication would not do: only the two could check it,
 * so it could not serve as evidence. Sender and place go into the key derivation as well, so nobody can sign another member's
 * ciphertext as its own and have it opened.
 */
import { createHash, randomBytes } from 'node:crypto';
import { compactDecrypt, CompactEncrypt } from 'jose';
import { z } from 'zod';
import { Refused } from './errors.js';
import { MemberNameSchema, type Identity } from './identity.js';
import { parseJson } from './json.js';
import type { Roster } from './roster.js';
import { sign, verify, type StatementKind } from './statement.js';

/** Where a message belongs. */
const PlaceSchema = z.strictObject({
  /** The board's list: `messages` or `presignature-messages`. */
  namespace: z.enum(['messages', 'presignature-messages']),
  /** The board's request id. It is the execution id, except in the first key generation and aux info generation. */
  session: z.string().min(1).max(256),
  from: MemberNameSchema,
  /** The sender's life: new at every start, so that what it said before a crash contradicts nothing that it says after. */
  incarnation: z.string().min(1).max(64),
  /** SHA-256 of what the session is about, hexadecimal: parties with different ones ignore each other's messages. */
  setting: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  /** A node, or `*` for all. */
  to: z.union([z.literal('*'), MemberNameSchema]),
  round: z.int().min(0).max(65_535),
});
export type Place = z.infer<typeof PlaceSchema>;

const DigestSchema = z.base64url().length(43);
const BodySchema = z.union([
  z.strictObject({ plaintext: z.string() }),
  /** A JWE, and SHA-256 of salt and plaintext. */
  z.strictObject({ ciphertext: z.string(), digest: DigestSchema }),
]);
const ClaimsSchema = z.strictObject({ place: PlaceSchema, body: BodySchema });
export type EnvelopeClaims = z.infer<typeof ClaimsSchema>;
const ENVELOPE: StatementKind<EnvelopeClaims> = { typ: 'threshold-signing-message', claims: ClaimsSchema };

/** What opens an encrypted envelope for everybody: shown in evidence. `salt`: 32 bytes, base64url. */
export const DisclosureSchema = z.strictObject({
  salt: DigestSchema,
  // Half a surrogate pair has the UTF-8 bytes of any other half, and so their digest.
  plaintext: z.string().refine((text) => Buffer.from(text).toString() === text, 'must be well-formed Unicode'),
});
export type Disclosure = z.infer<typeof DisclosureSchema>;

/** The content of an envelope. */
export interface Opened {
  readonly place: Place;
  readonly plaintext: string;
  /** null when the message was for all: its envelope can be read as it is. */
  readonly disclosure: Disclosure | null;
}

/** 32 random bytes, base64url. */
export function freshSalt(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * @param salt 32 bytes in base64url, for a sender that wants to disclose the message later
 * @returns the text to post. Sealing twice gives two texts: seal once, post that one again
 */
export async function seal(
  identity: Identity,
  roster: Roster,
  place: Omit<Place, 'from'>,
  plaintext: string,
  salt = freshSalt(),
): Promise<string> {
  const full: Place = { ...place, from: identity.name };
  if (full.to === '*') return sign(identity, roster, ENVELOPE, { place: full, body: { plaintext } });
  const disclosure: Disclosure = { salt, plaintext };
  const ciphertext = await new CompactEncrypt(Buffer.from(JSON.stringify(disclosure)))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
    .setKeyManagementParameters({ apu: placeDigest(roster, full), apv: Buffer.from(full.to) })
    .encrypt(roster.encryptionKeyOf(full.to));
  return sign(identity, roster, ENVELOPE, { place: full, body: { ciphertext, digest: digestOf(disclosure) } });
}

/**
 * Checks that an envelope belongs to `place`. The board and everybody else can do that.
 * @param place where the envelope was found; incarnation and setting are in the claims, as the sender says them
 * @returns what the sender has signed
 * @throws Refused
 */
export async function check(roster: Roster, place: Omit<Place, 'incarnation' | 'setting'>, envelope: string): Promise<EnvelopeClaims> {
  const { signer, claims } = await verify(roster, ENVELOPE, envelope);
  if (signer !== claims.place.from) throw new Refused(`${signer} has signed in the name of ${claims.place.from}`);
  for (const field of ['namespace', 'session', 'from', 'to', 'round'] as const) {
    const [signed, found] = [claims.place[field], place[field]];
    if (signed !== found) throw new Refused(`${field}: it was signed for ${signed}, not for ${found}`);
  }
  const [toAll, inClear] = [claims.place.to === '*', 'plaintext' in claims.body];
  if (toAll !== inClear) throw new Refused('body: what is for one node is encrypted, and nothing else');
  return claims;
}

/** Checks an envelope and reads it, as its recipient. @throws Refused */
export async function open(identity: Identity, roster: Roster, place: Omit<Place, 'incarnation'>, envelope: string): Promise<Opened> {
  const { place: signed, body } = await check(roster, place, envelope);
  if (signed.setting !== place.setting) throw new Refused('setting: its sender takes part in another session than this');
  if ('plaintext' in body) return { place: signed, plaintext: body.plaintext, disclosure: null };
  if (signed.to !== identity.name) throw new Refused(`to: it is for ${signed.to}`);
  const disclosure = await decrypt(identity, roster, signed, body.ciphertext);
  if (digestOf(disclosure) !== body.digest) throw new Refused('digest: it is not of what was encrypted');
  return { place: signed, plaintext: disclosure.plaintext, disclosure };
}

/** Checks an envelope and reads it, as anybody to whom its recipient has shown the disclosure. @throws Refused */
export async function openDisclosed(roster: Roster, envelope: string, disclosure: Disclosure | null): Promise<Opened> {
  const { claims } = await verify(roster, ENVELOPE, envelope);
  const { place, body } = await check(roster, claims.place, envelope);
  if ('plaintext' in body) return { place, plaintext: body.plaintext, disclosure: null };
  if (disclosure === null) throw new Refused('disclosure: there is none, and the message is encrypted');
  // With a salt of another length, bytes could move between salt and plaintext under the same digest.
  const wellFormed = DisclosureSchema.safeParse(disclosure).success;
  if (!wellFormed || digestOf(disclosure) !== body.digest) throw new Refused('disclosure: it is not of what was signed');
  return { place, plaintext: disclosure.plaintext, disclosure };
}

async function decrypt(identity: Identity, roster: Roster, place: Place, ciphertext: string): Promise<Disclosure> {
  let plaintext: Uint8Array;
  try {
    const opened = await compactDecrypt(ciphertext, identity.decryptionKey, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    const madeFor = placeDigest(roster, place).toString('base64url');
    if (opened.protectedHeader.apu !== madeFor) throw new Refused('ciphertext: it was made for another message');
    plaintext = opened.plaintext;
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused('ciphertext: it does not open', { cause: error });
  }
  return parseJson(DisclosureSchema, Buffer.from(plaintext).toString(), 'ciphertext');
}

/** A digest that no other place, and no other cluster, has. */
function placeDigest(roster: Roster, { namespace, session, from, incarnation, setting, to, round }: Place): Buffer {
  return createHash('sha256').update(JSON.stringify([roster.hash, namespace, session, from, incarnation, setting, to, round])).digest();
}

/** The salt hides what a short plaintext is; its length is fixed, so the pair is unambiguous. */
function digestOf({ salt, plaintext }: Disclosure): string {
  return createHash('sha256').update(Buffer.from(salt, 'base64url')).update(plaintext).digest('base64url');
}
