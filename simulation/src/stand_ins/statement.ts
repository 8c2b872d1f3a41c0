/**
 * In place of `sealing/statement`: a signature costs nothing here. The book knows what each member has signed, and only `sign` writes in
 * it, for which the member's identity is needed. So a corrupt member can state anything, but nothing in another's name.
 */
import { Refused } from 'sealing/errors';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import type * as real from 'sealing/statement';

type StatementKind<Claims> = real.StatementKind<Claims>;

interface Signed {
  readonly signer: string;
  readonly typ: string;
  readonly rosterHash: string;
  /** As they were written. */
  readonly claims: unknown;
  /** Parsed by the schema of its kind, once somebody verifies it. */
  readonly parsed: () => unknown;
}

/** By text. */
const book = new Map<string, Signed>();
/** The text of what was signed, by signer, kind and payload: to sign the same again gives the same text. */
const texts = new Map<string, string>();

/** Told of each statement that is new. */
let onSigned: (signer: string, typ: string, claims: unknown) => void = () => undefined;

/** Begins a new world, in which nobody has said anything. @param listener told of each statement that is new */
export function forgetStatements(listener: typeof onSigned): void {
  book.clear();
  texts.clear();
  onSigned = listener;
}

/** @returns three parts, as a JWS has them */
export function sign<Claims>(identity: Identity, roster: Roster, kind: StatementKind<Claims>, claims: Claims): Promise<string> {
  const payload = JSON.stringify(claims);
  const key = `${identity.name} ${kind.typ} ${roster.hash} ${payload}`;
  const known = texts.get(key);
  if (known !== undefined) return Promise.resolve(known);
  const text = `${identity.name}.${kind.typ}.${texts.size}`;
  texts.set(key, text);
  const written: unknown = JSON.parse(payload);
  const parsed = once(() => kind.claims.safeParse(written).data);
  book.set(text, { signer: identity.name, typ: kind.typ, rosterHash: roster.hash, claims: written, parsed });
  onSigned(identity.name, kind.typ, written);
  return Promise.resolve(text);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

export function verify<Claims>(roster: Roster, kind: StatementKind<Claims>, text: string): Promise<{ signer: string; claims: Claims }> {
  const signed = book.get(text);
  if (signed === undefined) return Promise.reject(new Refused('the signature is not valid'));
  const { signer, typ, rosterHash } = signed;
  if (typ !== kind.typ) return Promise.reject(new Refused(`it is not a ${kind.typ}`));
  if (rosterHash !== roster.hash) return Promise.reject(new Refused('it was signed for another roster'));
  const parsed = signed.parsed();
  if (parsed === undefined) return Promise.reject(new Refused(`${kind.typ}: it is not well formed`));
  return Promise.resolve({ signer, claims: parsed as Claims });
}

export function unverifiedClaims(text: string): unknown {
  const signed = book.get(text);
  if (signed === undefined) throw new Refused('statement: it is none');
  return signed.claims;
}

export function signerOf(text: string): string {
  const signed = book.get(text);
  if (signed === undefined) throw new Refused('header of the signature: it is none');
  return signed.signer;
}

({ sign, verify, unverifiedClaims, signerOf }) satisfies Pick<typeof real, 'sign' | 'verify' | 'unverifiedClaims' | 'signerOf'>;
