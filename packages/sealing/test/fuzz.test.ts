/** Every parser of this workspace, given what a board, a stranger, or a member that cheats could write. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedJson, changedJsonText, changedText, readOrRefused, readOrRefusedLater, runs } from 'testkit/fuzz';
import type { Json } from 'testkit/json';
import { check, open, openDisclosed, seal, type Place } from '../src/envelope.js';
import { Refused } from '../src/errors.js';
import { Identity } from '../src/identity.js';
import * as kinds from '../src/kinds.js';
import { Roster } from '../src/roster.js';
import { SealKey, SealKeySourceSchema } from '../src/seal_key.js';
import { isSealed, labelOf, openText, sealText } from '../src/sealed_file.js';
import { sign, signerOf, verify, type StatementKind } from '../src/statement.js';
import { identityText } from 'testkit/fixed_identity';

const isRefused = (error: unknown): boolean => error instanceof Refused;
const [first, second, gateway] = ['node-1', 'node-2', 'gateway'].map((name) => Identity.parse(identityText(name)));
if (first === undefined || second === undefined || gateway === undefined) throw new Error('three members');
const stranger = Identity.parse(identityText('node-1', ' of another cluster'));
const nodes = [first.publicIdentity, second.publicIdentity];
const roster = new Roster({
  version: 1,
  cluster: 'ab'.repeat(16),
  messages: 'sealed',
  threshold: 2,
  nodes,
  gateway: gateway.publicIdentity,
});
const secrets = ['node-1', 'node-2', 'gateway'].flatMap((name) => {
  const { signing_secret, encryption_secret } = JSON.parse(identityText(name)) as Record<string, string>;
  return [signing_secret ?? '', encryption_secret ?? ''];
});

/** Signs whatever it is given, as a member that cheats can. */
function signAnything(identity: Identity, payload: string, header: Record<string, unknown>): Promise<string> {
  return new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ kid: identity.name, ...header, alg: 'EdDSA' })
    .sign(identity.signingKey);
}

/** A JWS or JWE with one of its parts changed as the JSON that it is, or as text. */
function changedCompact(text: string): fc.Arbitrary<string> {
  const parts = text.split('.');
  const replaced = (k: number, part: string): string => parts.map((own, at) => (at === k ? part : own)).join('.');
  const encoded = (json: Json): string => Buffer.from(JSON.stringify(json)).toString('base64url');
  const trees = parts.flatMap((part, k) => {
    try {
      return [{ k, tree: JSON.parse(Buffer.from(part, 'base64url').toString()) as Json }];
    } catch {
      return [];
    }
  });
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(...trees).chain(({ k, tree }) => changedJson([tree]).map((json) => replaced(k, encoded(json)))),
    },
    { weight: 2, arbitrary: changedText([text]) },
    {
      weight: 1,
      arbitrary: fc.nat({ max: parts.length - 1 }).chain((k) => changedText([parts[k] ?? '']).map((part) => replaced(k, part))),
    },
  );
}

describe('roster and identity', () => {
  it('a roster is refused, or it is one and has one text', () => {
    fc.assert(
      fc.property(changedJsonText([roster.serialize()]), (text) => {
        const read = readOrRefused(() => Roster.parse(text), isRefused);
        if (read === null) return;
        const { file, hash, n, t } = read.value;
        expect(Roster.parse(read.value.serialize()).hash).toBe(hash);
        expect(hash === roster.hash).toBe(JSON.stringify(file) === JSON.stringify(roster.file));
        expect([t >= 2, t <= n, n === file.nodes.length]).toEqual([true, true, true]);
      }),
      runs(150),
    );
  });

  it('an identity is refused without a word of what is in it, or it is one', () => {
    fc.assert(
      fc.property(changedJsonText([identityText('node-1')]), (text) => {
        try {
          expect(Identity.parse(text).publicIdentity).toBeDefined();
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          for (const secret of secrets) expect(error.message).not.toContain(secret);
        }
      }),
      runs(150),
    );
  });

  it('a value of SEAL_KEY is not repeated', () => {
    const key = 'c0ffee'.repeat(10);
    fc.assert(
      fc.property(changedText([key, `key:${key}`, `none:${key}`]), (text) => {
        expect(SealKeySourceSchema.safeParse(text).error?.message ?? '').not.toContain('c0ffee');
      }),
      runs(150),
    );
  });
});

const message_sha256 = 'cd'.repeat(32);
const times = { time: '2026-01-02T03:04:05.678Z', expires: '2026-01-02T04:04:05.678Z' };
const statements: readonly (readonly [string, StatementKind<unknown>, Json])[] = [
  ['request', kinds.SIGNING_REQUEST, { id: 'req_1_a', message_sha256, ...times }],
  ['closing', kinds.CLOSING, { request_id: 'req_1_a', reason: 'cancelled' }],
  ['naming', kinds.NAMING, { request_id: 'req_1_a', presignature_id: 'presig_gen_node-1_ab' }],
  ['presignature request', kinds.PRESIGNATURE_REQUEST, { id: 'presig_gen_node-1_ab', participants: [0, 1] }],
  ['partial signature', kinds.PARTIAL_SIGNATURE, { request_id: 'req_1_a', message_sha256, presignature_id: 'p', sigma: '0'.repeat(64) }],
  ['refusal', kinds.REFUSAL, { request_id: 'req_1_a', origin_sha256: null, code: 'policy_refused' }],
  ['node statement', kinds.NODE_STATEMENT, { started: 1, incarnation: 'a', sequence: 2, topic: 'pool', content: { pool: {} } }],
];

describe.each(statements)('a statement of kind %s', (_name, kind, claims) => {
  it('cannot be made to say anything else by who has no key', async () => {
    const honest = await sign(first, roster, kind, claims);
    await fc.assert(
      fc.asyncProperty(changedCompact(honest), async (text) => {
        readOrRefused(() => signerOf(text), isRefused);
        const read = await readOrRefusedLater(() => verify(roster, kind, text), isRefused);
        if (read !== null) expect(read.value).toEqual({ signer: 'node-1', claims });
      }),
      runs(100),
    );
  });

  it('of a member that cheats is refused, or says what its kind has', async () => {
    const payload: Json = { roster: roster.hash, claims };
    const cheat = fc.tuple(changedJsonText([JSON.stringify(payload)]), changedJson([{ typ: kind.typ, kid: 'node-1' }]));
    await fc.assert(
      fc.asyncProperty(cheat, fc.boolean(), async ([text, header], honestHeader) => {
        const jws = await signAnything(first, text, honestHeader ? { typ: kind.typ } : asHeader(header)).catch(() => null);
        if (jws === null) return;
        const read = await readOrRefusedLater(() => verify(roster, kind, jws), isRefused);
        if (read === null) return;
        expect(read.value.signer).toBe('node-1');
        expect(kind.claims.parse(read.value.claims)).toEqual(read.value.claims);
      }),
      runs(100),
    );
  });

  it('of a stranger, of another kind or of another cluster is refused', async () => {
    await expect(verify(roster, kind, await sign(stranger, roster, kind, claims))).rejects.toThrow(Refused);
    const elsewhere = new Roster({ ...roster.file, cluster: 'cd'.repeat(16) });
    await expect(verify(roster, kind, await sign(first, elsewhere, kind, claims))).rejects.toThrow(Refused);
    await expect(verify(roster, { ...kind, typ: `${kind.typ}s` }, await sign(first, roster, kind, claims))).rejects.toThrow(Refused);
  });
});

/** What `jose` lets be signed at all. */
function asHeader(json: Json): Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
}

describe('envelopes', () => {
  const place: Omit<Place, 'from'> = {
    namespace: 'messages',
    session: 'req_1_a',
    incarnation: 'run-1',
    setting: 'ab'.repeat(32),
    to: 'node-2',
    round: 3,
  };
  const found = { namespace: 'messages', session: 'req_1_a', from: 'node-1', setting: 'ab'.repeat(32), to: 'node-2', round: 3 } as const;
  const plaintext = '{"Round2":{"sigma":1}}';

  it.each(['node-2', '*'])('to %s cannot be changed by who has no key', async (to) => {
    const honest = await seal(first, roster, { ...place, to }, plaintext);
    await fc.assert(
      fc.asyncProperty(changedCompact(honest), async (text) => {
        await readOrRefusedLater(() => check(roster, { ...found, to }, text), isRefused);
        const read = await readOrRefusedLater(() => open(second, roster, { ...found, to }, text), isRefused);
        if (read !== null) expect(read.value).toMatchObject({ plaintext, place: { ...place, to, from: 'node-1' } });
      }),
      runs(100),
    );
  });

  it('of a member that cheats are refused, or are of that member and that place', async () => {
    const samples = await Promise.all(['node-2', '*'].map((to) => seal(first, roster, { ...place, to }, plaintext)));
    const payloads = samples.map((text) => Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());
    await fc.assert(
      fc.asyncProperty(changedJsonText(payloads), fc.constantFrom('node-2', '*'), async (payload, to) => {
        const envelope = await signAnything(first, payload, { typ: 'threshold-signing-message' });
        const read = await readOrRefusedLater(() => open(second, roster, { ...found, to }, envelope), isRefused);
        if (read === null) return;
        expect(read.value.place).toMatchObject({ ...found, to });
        const disclosed = await openDisclosed(roster, envelope, read.value.disclosure);
        expect(disclosed).toEqual(read.value);
      }),
      runs(60),
    );
  });

  it('with another ciphertext inside are refused, whatever is changed in it', async () => {
    const honest = await seal(first, roster, place, plaintext);
    const payload = JSON.parse(Buffer.from(honest.split('.')[1] ?? '', 'base64url').toString()) as {
      roster: string;
      claims: { place: Json; body: { ciphertext: string; digest: string } };
    };
    await fc.assert(
      fc.asyncProperty(changedCompact(payload.claims.body.ciphertext), async (ciphertext) => {
        const body = { ...payload.claims.body, ciphertext };
        const envelope = await signAnything(first, JSON.stringify({ ...payload, claims: { ...payload.claims, body } }), {
          typ: 'threshold-signing-message',
        });
        const read = await readOrRefusedLater(() => open(second, roster, found, envelope), isRefused);
        if (read !== null) expect(read.value.plaintext).toBe(plaintext);
      }),
      runs(80),
    );
  });

  it('are for one place: any other is refused', async () => {
    const honest = await seal(first, roster, place, plaintext);
    const elsewhere = fc.record({
      setting: fc.constantFrom('ab'.repeat(32), 'ef'.repeat(32)),
      namespace: fc.constantFrom('messages' as const, 'presignature-messages' as const),
      session: fc.constantFrom('req_1_a', 'req_1_b', ''),
      from: fc.constantFrom('node-1', 'node-2', 'gateway'),
      to: fc.constantFrom('node-2', 'node-1', '*'),
      round: fc.constantFrom(3, 2, 4, -1, NaN),
    });
    await fc.assert(
      fc.asyncProperty(elsewhere, async (other) => {
        const read = await readOrRefusedLater(() => open(second, roster, other, honest), isRefused);
        expect(read !== null).toBe(Object.entries(found).every(([field, value]) => value === other[field as keyof typeof found]));
      }),
      runs(60),
    );
  });

  it('open for their recipient alone', async () => {
    const honest = await seal(first, roster, place, plaintext);
    expect(await open(second, roster, found, honest)).toMatchObject({ plaintext });
    for (const other of [first, gateway, stranger]) await expect(open(other, roster, found, honest)).rejects.toThrow(Refused);
  });
});

describe('sealed files', () => {
  const label = { purpose: 'key-share', owner: 'node-1' } as const;
  const secret = 'the share of node-1, which nobody may see';

  it('are refused without a word of what is in them, or are what was sealed', async () => {
    const sealKey = await keyOf('11');
    const honest = await sealText(sealKey, label, secret);
    const other = await sealText(await keyOf('22'), label, secret);
    const inner = JSON.parse(honest) as { jwe: string };
    const whole = (jwe: string): string => JSON.stringify({ ...inner, sha256: createHash('sha256').update(jwe).digest('hex'), jwe });
    // Of a stranger who makes the checksum right again.
    const files = fc.oneof(changedJsonText([honest, other]), changedCompact(inner.jwe).map(whole));
    await fc.assert(
      fc.asyncProperty(files, async (file) => {
        expect(typeof isSealed(file)).toBe('boolean');
        expect(() => labelOf(file)).not.toThrow();
        const read = await readOrRefusedLater(() => openText(sealKey, label, file), isRefused);
        if (read !== null) expect(read.value).toBe(secret);
      }),
      runs(120),
    );
  });

  it('are not taken for another file', async () => {
    const sealKey = await keyOf('11');
    const file = await sealText(sealKey, label, secret);
    for (const other of [
      { ...label, owner: 'node-2' },
      { ...label, purpose: 'aux-info' },
    ] as const)
      await expect(openText(sealKey, other, file)).rejects.toThrow(Refused);
  });
});

/** @param byte hexadecimal */
async function keyOf(byte: string): Promise<SealKey> {
  const folder = await mkdtemp(join(tmpdir(), 'sealing-fuzz-'));
  try {
    const path = join(folder, 'key');
    await writeFile(path, byte.repeat(32));
    return await SealKey.open({ kind: 'key-file', path });
  } finally {
    await rm(folder, { recursive: true });
  }
}
