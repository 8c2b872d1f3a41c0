/**
 * What a member of the roster has signed: a JWS in compact form (RFC 7515, EdDSA of RFC 8037), so that anyone can check it with
 * any library of that standard. The header names the kind of statement and the signer; the payload has the roster's hash,
 * so nothing that is said in one cluster means anything in another.
 */
import { sign as signBytes, verify as verifyBytes } from 'node:crypto';
import { z } from 'zod';
import { Refused } from './errors.js';
import { MemberNameSchema, type Identity } from './identity.js';
import { isCanonical, parseJson } from './json.js';
import { keyObject } from './key_object.js';
import type { Roster } from './roster.js';

/** A kind of statement: its name, never reused for another meaning, and its claims. */
export interface StatementKind<Claims> {
  readonly typ: string;
  readonly claims: z.ZodType<Claims>;
}

const HeaderSchema = z.strictObject({ alg: z.literal('EdDSA'), typ: z.string(), kid: MemberNameSchema });
const PayloadSchema = z.strictObject({ roster: z.string(), claims: z.unknown() });
const decoder = new TextDecoder('utf-8', { fatal: true });

/** @returns the JWS */
export function sign<Claims>(identity: Identity, roster: Roster, kind: StatementKind<Claims>, claims: Claims): Promise<string> {
  const payload = JSON.stringify({ roster: roster.hash, claims });
  const header = JSON.stringify({ alg: 'EdDSA', typ: kind.typ, kid: identity.name });
  const input = [header, payload].map((part) => Buffer.from(part).toString('base64url')).join('.');
  // Signing takes a tenth of a millisecond, so this thread does it. Another thread takes twenty times as long on a busy machine.
  return Promise.resolve(`${input}.${signBytes(null, Buffer.from(input), keyObject(identity.signingKey)).toString('base64url')}`);
}

/** Has a member signed this? @throws Refused saying what is wrong with it */
export function verify<Claims>(roster: Roster, kind: StatementKind<Claims>, jws: string): Promise<{ signer: string; claims: Claims }> {
  return new Promise((resolve) => {
    resolve(verifyNow(roster, kind, jws));
  });
}

function verifyNow<Claims>(roster: Roster, kind: StatementKind<Claims>, jws: string): { signer: string; claims: Claims } {
  // One statement has one text. If it had two, a third party could make it look as if the signer had said two things.
  const parts = jws.split('.', 4);
  if (parts.length !== 3 || !parts.every(isCanonical)) throw new Refused('it is not in base64url as its signer has written it');
  const { typ, kid: signer } = headerOf(jws);
  if (typ !== kind.typ) throw new Refused(`it is not a ${kind.typ}`);
  const payload = verifiedPayload(roster, signer, jws);
  const { roster: hash, claims } = parseJson(PayloadSchema, payload, kind.typ);
  if (hash !== roster.hash) throw new Refused('it was signed for another roster');
  const parsed = kind.claims.safeParse(claims);
  if (!parsed.success) throw new Refused(`${kind.typ}: ${whatIsWrong(parsed.error)}`);
  return { signer, claims: parsed.data };
}

function whatIsWrong({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

/**
 * The claims of a statement before its signature is verified, and not parsed by any schema. Anybody may have written them.
 * @throws Refused when it is no statement
 */
export function unverifiedClaims(jws: string): unknown {
  const [, payload = ''] = jws.split('.', 2);
  return parseJson(PayloadSchema, Buffer.from(payload, 'base64url').toString(), 'statement').claims;
}

/** The signer of a statement that was verified before. Of any other, this is only a claim. @throws Refused when it is no statement */
export function signerOf(jws: string): string {
  return headerOf(jws).kid;
}

function headerOf(jws: string): z.infer<typeof HeaderSchema> {
  const [header = ''] = jws.split('.', 1);
  return parseJson(HeaderSchema, Buffer.from(header, 'base64url').toString(), 'header of the signature');
}

function verifiedPayload(roster: Roster, signer: string, jws: string): string {
  const [header = '', payload = '', signature = '', ...more] = jws.split('.');
  const key = keyObject(roster.signingKeyOf(signer));
  const holds = more.length === 0 && verifyBytes(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
  if (!holds) throw new Refused(`the signature of ${signer} is not valid`);
  try {
    return decoder.decode(Buffer.from(payload, 'base64url'));
  } catch (error) {
    throw new Refused('it is not UTF-8', { cause: error });
  }
}
