import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compactVerify, CompactSign } from 'jose';
import { z } from 'zod';
import { CLOSING, NAMING, NODE_STATEMENT, PARTIAL_SIGNATURE, PRESIGNATURE_REQUEST, REFUSAL, SIGNING_REQUEST } from '../src/kinds.js';
import { Refused } from '../src/errors.js';
import { sign, signerOf, unverifiedClaims, verify, type StatementKind } from '../src/statement.js';
import { decode, encode, file, gateway, impostor, node1, node2, otherRoster, refusal, roster, withParts } from './support.js';

const KIND: StatementKind<{ text: string }> = { typ: 'test', claims: z.strictObject({ text: z.string() }) };
const OTHER: StatementKind<{ text: string }> = { ...KIND, typ: 'test-2' };
const claims = { text: 'Grüße 🙂' };

/** Signs whatever header and payload, as a member who does not keep to the rules. */
function signedAnyhow(header: Record<string, unknown>, payload: string | Uint8Array, identity = node2): Promise<string> {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return new CompactSign(bytes).setProtectedHeader({ alg: 'EdDSA', typ: KIND.typ, kid: 'node-2', ...header }).sign(identity.signingKey);
}
const payload = JSON.stringify({ roster: roster.hash, claims });
const refused = (jws: string, kind = KIND): Promise<string> => refusal(() => verify(roster, kind, jws));

describe('a statement', () => {
  it('says who has stated what', async () => {
    for (const identity of [node1, node2, gateway]) {
      const jws = await sign(identity, roster, KIND, claims);
      expect(await verify(roster, KIND, jws)).toEqual({ signer: identity.name, claims });
      expect(signerOf(jws)).toBe(identity.name);
    }
  });

  it('shows its claims unverified', async () => {
    const [header = '', body = ''] = (await sign(node2, roster, KIND, claims)).split('.');
    expect(unverifiedClaims(`${header}.${body}.AAAA`)).toEqual(claims);
    for (const bad of ['', 'a', 'a.b.c', `${header}.${Buffer.from('{"claims":1}').toString('base64url')}.AAAA`]) {
      expect(() => unverifiedClaims(bad)).toThrow(Refused);
    }
  });

  it('is a JWS in compact form', async () => {
    const [header = '', body = '', signature = ''] = (await sign(node2, roster, KIND, claims)).split('.');
    expect(decode(header)).toEqual({ alg: 'EdDSA', typ: 'test', kid: 'node-2' });
    expect(decode(body)).toEqual({ roster: roster.hash, claims });
    expect(Buffer.from(signature, 'base64url')).toHaveLength(64);
  });

  it('is refused in another cluster, of the same members', async () => {
    expect(await refused(await sign(node2, otherRoster, KIND, claims))).toBe('it was signed for another roster');
  });

  it('is refused as another kind of statement', async () => {
    expect(await refused(await sign(node2, roster, OTHER, claims))).toBe('it is not a test');
    expect(await refusal(async () => verify(roster, OTHER, await sign(node2, roster, KIND, claims)))).toBe('it is not a test-2');
  });

  it('is refused of one who only says who he is', async () => {
    expect(await refused(await sign(impostor, roster, KIND, claims))).toBe('the signature of node-2 is not valid');
    expect(await refused(await signedAnyhow({ kid: 'node-1' }, payload))).toBe('the signature of node-1 is not valid');
    expect(await refused(await signedAnyhow({ kid: 'node-9' }, payload))).toBe('node-9 is not in the roster');
    expect(await refused(await signedAnyhow({ kid: '__proto__' }, payload))).toMatch(/header of the signature: kid: /);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no algorithm', { alg: 'none' }],
    ['another algorithm', { alg: 'HS256' }],
    ['a name of the same algorithm', { alg: 'Ed25519' }],
    ['a parameter more', { alg: 'EdDSA', crit: ['exp'] }],
    ['a key of its own', { alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: file.gateway.signing_key } }],
    ['no kind', { alg: 'EdDSA', typ: undefined }],
  ])('is refused with %s in its header', async (_what, header) => {
    const jws = await sign(node2, roster, KIND, claims);
    const altered = withParts(jws, ([old, body, signature]) => [encode({ ...decode(old), ...header }), body, signature]);
    expect(await refused(altered)).toMatch(/^header of the signature: /);
  });

  it('is refused without a signature, or with a hash under the public key', async () => {
    const none = [encode({ alg: 'none', typ: 'test', kid: 'node-2' }), encode({ roster: roster.hash, claims }), ''].join('.');
    expect(await refused(none)).toMatch(/^header of the signature: alg: /);
    const start = [encode({ alg: 'EdDSA', typ: 'test', kid: 'node-2' }), encode({ roster: roster.hash, claims })].join('.');
    expect(await refused(`${start}.`)).toMatch(/not valid/);
    const mac = createHmac('sha512', Buffer.from(file.nodes[1]?.signing_key ?? '', 'base64url')).update(start).digest('base64url');
    expect(await refused(`${start}.${mac}`)).toMatch(/not valid/);
  });

  it('is refused with the signature, payload or header of another', async () => {
    const [one, two] = [await sign(node2, roster, KIND, claims), await sign(node2, roster, KIND, { text: 'another' })];
    const parts = two.split('.');
    for (const place of [1, 2]) {
      const mixed = withParts(one, (old) => old.map((part, k) => (k === place ? parts[k] ?? '' : part)));
      expect(await refused(mixed)).toMatch(/not valid/);
    }
    const three = (await sign(node1, roster, KIND, claims)).split('.');
    const withHeader = withParts(one, ([, body, signature]) => [three[0] ?? '', body, signature]);
    expect(await refused(withHeader)).toBe('the signature of node-1 is not valid');
  });

  it('has one text only: another spelling of the same bytes is refused', async () => {
    const jws = await sign(node2, roster, KIND, claims);
    // 64 bytes are 86 digits, of which the last has four bits to spare.
    const spare = withParts(jws, ([header, body, signature]) => {
      const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      return [header, body, signature.slice(0, -1) + (digits[digits.indexOf(signature.slice(-1)) + 1] ?? '')];
    });
    expect(Buffer.from(spare.split('.')[2] ?? '', 'base64url')).toEqual(Buffer.from(jws.split('.')[2] ?? '', 'base64url'));
    const otherAlphabet = jws.replaceAll('-', '+').replaceAll('_', '/') + '=';
    for (const other of [spare, `${jws}==`, `${jws}\n`, ` ${jws}`, otherAlphabet]) {
      expect(await refused(other)).toBe('it is not in base64url as its signer has written it');
    }
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['no JSON', 'text', /^test: is not JSON/],
    ['no roster', JSON.stringify({ claims }), /^test: roster: /],
    ['a field more', JSON.stringify({ roster: roster.hash, claims, more: 1 }), /^test: Unrecognized key/],
    ['wrong claims', JSON.stringify({ roster: roster.hash, claims: { text: 1 } }), /^test: text: /],
    ['claims too many', JSON.stringify({ roster: roster.hash, claims: { ...claims, more: 1 } }), /^test: .*Unrecognized key/],
    ['no claims', JSON.stringify({ roster: roster.hash }), /^test: /],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/],
  ])('is refused although its signer has signed %s', async (_what, content, message) => {
    expect(await refused(await signedAnyhow({}, content))).toMatch(message);
  });

  it('can be checked with any library of the standard', async () => {
    const { payload, protectedHeader } = await compactVerify(await sign(node2, roster, KIND, claims), roster.signingKeyOf('node-2'));
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: KIND.typ, kid: 'node-2' });
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ roster: roster.hash, claims });
  });

  it('is refused when any character of it is changed or missing', async () => {
    const jws = await sign(node2, roster, KIND, claims);
    const character = fc.constantFrom('A', 'b', '9', '-', '_', '.', ' ', '=', '');
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: jws.length - 1 }), character, async (at, put) => {
        const altered = jws.slice(0, at) + put + jws.slice(at + 1);
        if (altered !== jws) await refused(altered);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused, and nothing else happens, for any text', async () => {
    const part = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json().map((json) => Buffer.from(json).toString('base64url')));
    const isRefused = fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => { await refused(parts.join('.')); });
    await fc.assert(isRefused, { numRuns: 300 });
  });
});

describe('the kinds of statement', () => {
  const hash = 'a'.repeat(64);
  const time = '2026-01-02T03:04:05.678Z';
  const expires = '2026-01-02T04:04:05.678Z';
  it.each<[string, StatementKind<unknown>, Record<string, unknown>, Record<string, unknown>[]]>([
    [
      'a signing request', SIGNING_REQUEST, { id: 'req_1', message_sha256: hash, time, expires },
      [
        { id: '' }, { message_sha256: hash.toUpperCase() }, { message_sha256: 'a' }, { time: 'yesterday' }, { time: 5 },
        { expires: undefined }, { expires: 'tomorrow' }, { more: 1 },
      ],
    ],
    [
      'a closing', CLOSING, { request_id: 'req_1', reason: 'cancelled' },
      [{ request_id: '' }, { reason: 'because' }, { reason: undefined }, { more: 1 }],
    ],
    ['a naming', NAMING, { request_id: 'req_1', presignature_id: 'p' }, [{ request_id: 1 }, { presignature_id: '' }, { more: 1 }]],
    [
      'a presignature request', PRESIGNATURE_REQUEST, { id: 'p', participants: [0, 2] },
      [{ participants: [-1] }, { participants: [256] }, { participants: ['0'] }, { id: '' }],
    ],
    [
      'a partial signature', PARTIAL_SIGNATURE, { request_id: 'r', message_sha256: hash, presignature_id: 'p', sigma: hash },
      [{ message_sha256: 'a' }, { sigma: 'a' }, { sigma: hash.toUpperCase() }, { request_id: '' }],
    ],
    [
      'a refusal', REFUSAL, { request_id: 'r', origin_sha256: hash, code: 'policy_refused' },
      [{ code: 'Because!' }, { code: '' }, { code: 'a'.repeat(65) }, { origin_sha256: 'a' }, { origin_sha256: undefined }],
    ],
    [
      'a statement of a node about itself',
      NODE_STATEMENT,
      { started: 1, incarnation: 'a', sequence: 0, topic: 'pool', content: { any: [] } },
      [{ started: -1 }, { incarnation: 'a b' }, { sequence: 1.5 }, { topic: 't'.repeat(65) }, { content: 'ready' }],
    ],
  ])('%s has its claims checked', async (_what, kind, good, bad) => {
    expect((await verify(roster, kind, await sign(node1, roster, kind, good))).claims).toEqual(good);
    for (const wrong of bad) {
      const signed = await sign(node1, roster, kind, { ...good, ...wrong });
      expect(await refusal(() => verify(roster, kind, signed))).toContain(kind.typ);
    }
  });

  it('have names of their own', () => {
    const kinds = [SIGNING_REQUEST, CLOSING, NAMING, PRESIGNATURE_REQUEST, PARTIAL_SIGNATURE, REFUSAL, NODE_STATEMENT];
    const names = kinds.map(({ typ }) => typ);
    expect(new Set(names).size).toBe(names.length);
  });
});
