import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactEncrypt, decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import { check, DisclosureSchema, open, openDisclosed, seal, type Disclosure, type Place } from '../src/envelope.js';
import type { Identity } from '../src/identity.js';
import { Roster } from '../src/roster.js';
import { sign, type StatementKind } from '../src/statement.js';
import { decode, encode, file, gateway, node1, node2, node3, otherRoster, refusal, roster, withParts } from './support.js';

const PLAINTEXT = '{"MessageRound1":{"share":"00ff"}} 🙂';
/** A message of node-1 to node-2. */
const place: Place = {
  namespace: 'messages',
  session: 'req_1',
  from: 'node-1',
  incarnation: 'run-1',
  setting: 'ab'.repeat(32),
  to: 'node-2',
  round: 3,
};
const toAll: Place = { ...place, to: '*' };
/** What any member could sign, by the rules or not. */
const ANYTHING: StatementKind<unknown> = { typ: 'threshold-signing-message', claims: z.unknown() };

const letter = (): Promise<string> => seal(node1, roster, place, PLAINTEXT);
const notice = (): Promise<string> => seal(node1, roster, toAll, PLAINTEXT);

interface Body {
  readonly plaintext?: string;
  readonly ciphertext: string;
  readonly digest: string;
}
function claimsOf(envelope: string): { place: Place; body: Body } {
  const { claims } = decode(envelope.split('.')[1] ?? '');
  return claims as { place: Place; body: Body };
}
const refusedAt = (found: Place, envelope: string, reader = node2): Promise<string> => refusal(() => open(reader, roster, found, envelope));
/** The same envelope with other claims, signed by whomever. */
const resigned = (identity: Identity, claims: unknown): Promise<string> => sign(identity, roster, ANYTHING, claims);

describe('an envelope for one node', () => {
  it('is read by that node', async () => {
    const opened = await open(node2, roster, place, await letter());
    expect(opened).toEqual({ place, plaintext: PLAINTEXT, disclosure: { salt: opened.disclosure?.salt, plaintext: PLAINTEXT } });
  });

  it('tells nobody else what is in it, but lets everybody check it', async () => {
    const envelope = await letter();
    expect((await check(roster, place, envelope)).place).toEqual(place);
    for (const reader of [node1, node3, gateway]) expect(await refusedAt(place, envelope, reader)).toBe('to: it is for node-2');
    const { body } = claimsOf(envelope);
    expect(Object.keys(body).sort()).toEqual(['ciphertext', 'digest']);
    for (const part of [...envelope.split('.'), ...body.ciphertext.split('.')])
      expect(Buffer.from(part, 'base64url').toString()).not.toMatch(/MessageRound1|00ff|salt/);
  });

  it('is another text each time, with another salt', async () => {
    const [one, two] = [await letter(), await letter()];
    expect(claimsOf(one).body.ciphertext).not.toBe(claimsOf(two).body.ciphertext);
    expect(claimsOf(one).body.digest).not.toBe(claimsOf(two).body.digest);
  });

  it('commits to salt and plaintext by SHA-256, as RFC 7516 encrypts them', async () => {
    const envelope = await letter();
    const { disclosure } = await open(node2, roster, place, envelope);
    const { ciphertext, digest } = claimsOf(envelope).body;
    expect(
      createHash('sha256')
        .update(Buffer.from(disclosure?.salt ?? '', 'base64url'))
        .update(PLAINTEXT)
        .digest('base64url'),
    ).toBe(digest);
    expect(decodeProtectedHeader(ciphertext)).toMatchObject({
      alg: 'ECDH-ES',
      enc: 'A256GCM',
      epk: { kty: 'OKP', crv: 'X25519' },
      apv: Buffer.from('node-2').toString('base64url'),
    });
  });
});

describe('an envelope for all', () => {
  it('is read by everybody', async () => {
    const envelope = await notice();
    for (const reader of [node1, node2, gateway])
      expect(await open(reader, roster, toAll, envelope)).toEqual({ place: toAll, plaintext: PLAINTEXT, disclosure: null });
  });
});

describe('an envelope that belongs elsewhere', () => {
  const elsewhere: [keyof Place, Place[keyof Place]][] = [
    ['namespace', 'presignature-messages'],
    ['session', 'req_2'],
    ['from', 'node-3'],
    ['to', 'node-3'],
    ['to', '*'],
    ['round', 2],
  ];
  it.each(elsewhere)('is refused where %s is %s', async (field, value) => {
    for (const [envelope, own] of [[await letter(), place], [await notice(), toAll]] as const) {
      if (own[field] === value) continue;
      const found = { ...own, [field]: value };
      const message = `${field}: it was signed for ${own[field]}, not for ${value}`;
      expect(await refusal(() => check(roster, found, envelope))).toBe(message);
      for (const reader of [node2, node3]) expect(await refusedAt(found, envelope, reader)).toBe(message);
    }
  });

  it.each([...elsewhere, ['incarnation', 'run-2'] as const, ['setting', 'cd'.repeat(32)] as const])(
    'is refused when somebody writes %s %s into it',
    async (field, value) => {
      const altered = withParts(await letter(), ([header, body, signature]) => {
        const payload = decode(body);
        const claims = payload.claims as { place: Place };
        return [header, encode({ ...payload, claims: { ...claims, place: { ...place, [field]: value } } }), signature];
      });
      expect(await refusedAt({ ...place, [field]: value }, altered)).toMatch(/the signature of node-1 is not valid|it is for/);
    },
  );

  it('is refused in another cluster', async () => {
    expect(await refusal(async () => open(node2, otherRoster, place, await letter()))).toBe('it was signed for another roster');
    const plain = new Roster({ ...file, messages: 'plain' });
    expect(await refusal(async () => open(node2, plain, place, await letter()))).toBe('it was signed for another roster');
  });

  it('is refused in a session that is about something else', async () => {
    expect(await refusedAt({ ...place, setting: 'cd'.repeat(32) }, await letter())).toMatch(/^setting: /);
  });

  it('is refused when it comes back to its sender', async () => {
    expect(await refusedAt({ ...place, from: 'node-2', to: 'node-1' }, await letter(), node1)).toMatch(
      /^from: it was signed for node-1, not for node-2/,
    );
  });
});

describe('an envelope of one who cheats', () => {
  it('is refused in the name of another', async () => {
    expect(await refusedAt(place, await resigned(node3, claimsOf(await letter())))).toBe('node-3 has signed in the name of node-1');
    expect(await refusedAt(toAll, await resigned(gateway, claimsOf(await notice())))).toBe('gateway has signed in the name of node-1');
  });

  it('does not open when the ciphertext is that of another sender, place or cluster', async () => {
    const { body } = claimsOf(await letter());
    const stolen: [Identity, Place][] = [
      [node3, { ...place, from: 'node-3' }],
      [node1, { ...place, session: 'req_2' }],
      [node1, { ...place, round: 4 }],
      [node1, { ...place, namespace: 'presignature-messages' }],
      [node1, { ...place, incarnation: 'run-2' }],
      [node1, { ...place, setting: 'cd'.repeat(32) }],
    ];
    for (const [thief, found] of stolen)
      expect(await refusedAt(found, await resigned(thief, { place: found, body }))).toBe('ciphertext: it was made for another message');
    const elsewhere = claimsOf(await seal(node1, otherRoster, place, PLAINTEXT)).body;
    expect(await refusedAt(place, await resigned(node1, { place, body: elsewhere }))).toBe('ciphertext: it was made for another message');
    const forNode3 = claimsOf(await seal(node1, roster, { ...place, to: 'node-3' }, PLAINTEXT)).body;
    expect(await refusedAt(place, await resigned(node1, { place, body: forNode3 }))).toBe('ciphertext: it does not open');
  });

  it('is refused in clear for one node, and encrypted for all', async () => {
    const { body } = claimsOf(await letter());
    const wrong = 'body: what is for one node is encrypted, and nothing else';
    expect(await refusedAt(place, await resigned(node1, { place, body: { plaintext: PLAINTEXT } }))).toBe(wrong);
    expect(await refusedAt(toAll, await resigned(node1, { place: toAll, body }))).toBe(wrong);
    expect(await refusedAt(place, await resigned(node1, { place, body: { ...body, plaintext: PLAINTEXT } }))).toMatch(
      /^threshold-signing-message: body/,
    );
    expect(await refusedAt(place, await resigned(node1, { place, body: { ciphertext: body.ciphertext } }))).toMatch(
      /^threshold-signing-message: body/,
    );
  });

  it('is refused when what it has signed is not what it has encrypted', async () => {
    const [one, two] = [claimsOf(await letter()).body, claimsOf(await letter()).body];
    expect(await refusedAt(place, await resigned(node1, { place, body: { ...one, digest: two.digest } }))).toBe(
      'digest: it is not of what was encrypted',
    );
  });

  const withHeader = (jwe: string, changes: object): string => {
    const [header = '', ...rest] = jwe.split('.');
    return [encode({ ...decode(header), ...changes }), ...rest].join('.');
  };
  it.each<[string, (jwe: string) => string]>([
    ['cut short', (jwe) => jwe.slice(0, -4)],
    ['without its tag', (jwe) => jwe.split('.').slice(0, 4).join('.')],
    ['with another header', (jwe) => withHeader(jwe, { alg: 'dir' })],
    ['with another cipher', (jwe) => withHeader(jwe, { enc: 'A128CBC-HS256' })],
    ['that is none', () => 'text'],
  ])('is refused with a ciphertext %s', async (_what, alter) => {
    const { body } = claimsOf(await letter());
    expect(await refusedAt(place, await resigned(node1, { place, body: { ...body, ciphertext: alter(body.ciphertext) } }))).toBe(
      'ciphertext: it does not open',
    );
  });

  it.each<[string, unknown]>([
    ['no JSON', undefined],
    ['a salt too short', { salt: 'AA', plaintext: '' }],
    ['a field more', { salt: 'A'.repeat(43), plaintext: '', more: 1 }],
    ['half a surrogate pair', { salt: 'A'.repeat(43), plaintext: '\ud800' }],
  ])('is refused when it has encrypted %s', async (_what, content) => {
    const bytes = Buffer.from(content === undefined ? '{' : JSON.stringify(content));
    const { apu } = decodeProtectedHeader(claimsOf(await letter()).body.ciphertext) as { apu: string };
    const ciphertext = await new CompactEncrypt(bytes)
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
      .setKeyManagementParameters({ apu: Buffer.from(apu, 'base64url'), apv: Buffer.from('node-2') })
      .encrypt(roster.encryptionKeyOf('node-2'));
    expect(await refusedAt(place, await resigned(node1, { place, body: { ciphertext, digest: 'A'.repeat(43) } }))).toMatch(/^ciphertext: /);
  });

  it.each<[keyof Place, unknown]>([
    ['namespace', 'requests'],
    ['session', ''],
    ['session', 's'.repeat(257)],
    ['incarnation', 'i'.repeat(65)],
    ['setting', 'AB'.repeat(32)],
    ['to', 'everybody'],
    ['round', -1],
    ['round', 65_536],
    ['round', 0.5],
  ])('is refused with %s %s', async (field, value) => {
    const found = { ...toAll, [field]: value };
    expect(await refusedAt(toAll, await resigned(node1, { place: found, body: { plaintext: '' } }))).toMatch(
      new RegExp(`^threshold-signing-message: place\\.${field}`),
    );
  });
});

describe('what a recipient discloses', () => {
  const disclosed = async (): Promise<{ envelope: string; disclosure: Disclosure }> => {
    const envelope = await letter();
    const { disclosure } = await open(node2, roster, place, envelope);
    return { envelope, disclosure: DisclosureSchema.parse(disclosure) };
  };

  it('shows everybody what the sender had signed', async () => {
    const { envelope, disclosure } = await disclosed();
    expect(await openDisclosed(roster, envelope, disclosure)).toEqual({ place, plaintext: PLAINTEXT, disclosure });
    expect(await openDisclosed(roster, await notice(), null)).toEqual({ place: toAll, plaintext: PLAINTEXT, disclosure: null });
  });

  it('is refused when it is not what the sender had signed', async () => {
    const { envelope, disclosure } = await disclosed();
    const refused = (other: Disclosure | null): Promise<string> => refusal(() => openDisclosed(roster, envelope, other));
    expect(await refused(null)).toBe('disclosure: there is none, and the message is encrypted');
    const wrong = 'disclosure: it is not of what was signed';
    expect(await refused({ ...disclosure, plaintext: `${PLAINTEXT} ` })).toBe(wrong);
    expect(await refused({ ...disclosure, salt: (await disclosed()).disclosure.salt })).toBe(wrong);
    // The border between salt and plaintext cannot be moved.
    const moved = Buffer.concat([Buffer.from(disclosure.salt, 'base64url'), Buffer.from(PLAINTEXT)]);
    expect(await refused({ salt: moved.subarray(0, 33).toString('base64url'), plaintext: moved.subarray(33).toString() })).toBe(wrong);
    expect(DisclosureSchema.safeParse({ salt: moved.subarray(0, 33).toString('base64url'), plaintext: '' }).success).toBe(false);
    expect(DisclosureSchema.safeParse({ ...disclosure, plaintext: '\udfff' }).success).toBe(false);
  });

  it('is refused with an envelope that nobody may have sent', async () => {
    const { envelope, disclosure } = await disclosed();
    expect(await refusal(async () => openDisclosed(roster, await resigned(node3, claimsOf(envelope)), disclosure))).toBe(
      'node-3 has signed in the name of node-1',
    );
    expect(await refusal(async () => openDisclosed(otherRoster, envelope, disclosure))).toBe('it was signed for another roster');
    expect(await refusal(async () => openDisclosed(roster, await resigned(node1, { place, body: { plaintext: '' } }), disclosure))).toMatch(
      /^body: /,
    );
  });
});

describe('any envelope', () => {
  const places = fc.record<Omit<Place, 'from'>>({
    namespace: fc.constantFrom('messages', 'presignature-messages'),
    session: fc.string({ minLength: 1, maxLength: 40 }),
    incarnation: fc.string({ minLength: 1, maxLength: 40 }),
    setting: fc.constantFrom('ab'.repeat(32), 'cd'.repeat(32)),
    to: fc.constantFrom('*', 'node-2', 'gateway'),
    round: fc.nat({ max: 65_535 }),
  });

  it('comes out as it was put in', async () => {
    await fc.assert(
      fc.asyncProperty(places, fc.string({ unit: 'grapheme' }), async (where, plaintext) => {
        const full = { ...where, from: 'node-1' };
        const opened = await open(where.to === 'gateway' ? gateway : node2, roster, full, await seal(node1, roster, where, plaintext));
        expect(opened).toMatchObject({ place: full, plaintext });
      }),
      { numRuns: 60 },
    );
  });

  it('is refused in any place but its own', async () => {
    await fc.assert(
      fc.asyncProperty(places, places, async (one, other) => {
        const own = { ...one, from: 'node-1' };
        const found = { ...other, from: 'node-1', incarnation: own.incarnation };
        fc.pre(JSON.stringify(own) !== JSON.stringify(found));
        await refusedAt(found, await seal(node1, roster, one, 'text'));
      }),
      { numRuns: 60 },
    );
  });

  it('is refused with any character changed', async () => {
    const envelope = await letter();
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: envelope.length - 1 }), fc.constantFrom('A', 'z', '_', '.', ''), async (at, character) => {
        const altered = envelope.slice(0, at) + character + envelope.slice(at + 1);
        if (altered !== envelope) await refusedAt(place, altered);
      }),
      { numRuns: 200 },
    );
  });
});
