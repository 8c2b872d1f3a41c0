/** In place of `sealing/envelope`: messages are signed, by the stand-in for signatures, and not encrypted. */
import type * as real from 'sealing/envelope';
import { Refused } from 'sealing/errors';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import type { StatementKind } from 'sealing/statement';
import { z } from 'zod';
import { sign, verify } from './statement.js';

export * from 'sealing/envelope';

type Place = real.Place;
interface EnvelopeClaims {
  readonly place: Place;
  readonly body: { readonly plaintext: string };
}

const ENVELOPE: StatementKind<EnvelopeClaims> = {
  typ: 'threshold-signing-message',
  claims: z.custom<EnvelopeClaims>((value) => typeof value === 'object'),
};

export function freshSalt(): string {
  return 'x'.repeat(43);
}

export function seal(identity: Identity, roster: Roster, place: Omit<Place, 'from'>, plaintext: string): Promise<string> {
  return sign(identity, roster, ENVELOPE, { place: { ...place, from: identity.name }, body: { plaintext } });
}

export async function check(roster: Roster, place: Omit<Place, 'incarnation' | 'setting'>, text: string): Promise<EnvelopeClaims> {
  const { signer, claims } = await verify(roster, ENVELOPE, text);
  if (signer !== claims.place.from) throw new Refused(`${signer} has signed in the name of ${claims.place.from}`);
  for (const field of ['namespace', 'session', 'from', 'to', 'round'] as const) {
    if (claims.place[field] !== place[field]) throw new Refused(`${field}: it was signed for another one`);
  }
  return claims;
}

export async function open(identity: Identity, roster: Roster, place: Omit<Place, 'incarnation'>, text: string): Promise<real.Opened> {
  const { place: signed, body } = await check(roster, place, text);
  if (signed.setting !== place.setting) throw new Refused('setting: its sender takes part in another session than this');
  if (signed.to !== '*' && signed.to !== identity.name) throw new Refused(`to: it is for ${signed.to}`);
  return { place: signed, plaintext: body.plaintext, disclosure: null };
}

({ freshSalt, seal, check, open }) satisfies Pick<typeof real, 'freshSalt' | 'seal' | 'check' | 'open'>;
