import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { RequestRecordSchema, type RequestRecord } from 'message-board/contract';
import type { Identity } from 'sealing/identity';
import { NAMING, SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';
import { authorizeAnybody, authorizeSigned } from '../../src/approval/authorization.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';

const { roster, gateway, identities } = members(4, 3);
const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const HOUR_MS = 3_600_000;
const MESSAGE = 'Ödeme: 10 ₿';

interface Asking {
  readonly id?: string;
  readonly message?: string;
  /** What is signed, where it is something else. */
  readonly signed?: { readonly id?: string; readonly message?: string };
  readonly agoMs?: number;
  readonly by?: Identity;
  readonly of?: Roster;
}

async function asked({
  id = 'req_1_a',
  message = MESSAGE,
  signed = {},
  agoMs = 0,
  by = gateway,
  of = roster,
}: Asking = {}): Promise<RequestRecord> {
  const message_sha256 = createHash('sha256')
    .update(signed.message ?? message)
    .digest('hex');
  const times = { time: new Date(NOW - agoMs).toISOString(), expires: new Date(NOW - agoMs + HOUR_MS).toISOString() };
  const origin = await sign(by, of, SIGNING_REQUEST, { id: signed.id ?? id, message_sha256, ...times });
  return record({ id, message, origin });
}

function record(fields: Partial<RequestRecord>): RequestRecord {
  const at = new Date(NOW).toISOString();
  return RequestRecordSchema.parse({
    id: 'req_1_a',
    message: MESSAGE,
    status: 'pending',
    revision: '1',
    created_at: at,
    updated_at: at,
    age_ms: 0,
    ...fields,
  });
}

const check = (request: RequestRecord, of = roster) => {
  const authorize = of.sealed ? authorizeSigned({ roster: of, maxAgeMs: 24 * HOUR_MS }) : authorizeAnybody;
  return authorize(request);
};

describe('the authorization of a request', () => {
  it('is what the gateway has signed, with the member that asked and the time', async () => {
    expect(await check(await asked({ agoMs: 5_000 }))).toMatchObject({ askedBy: 'gateway', time: new Date(NOW - 5_000) });
  });

  it('says from when until when the request may be signed: until it expires, and no longer than the node allows', async () => {
    const { validity } = await check(await asked());
    expect(validity).toEqual({ begins: NOW - 24 * HOUR_MS, ends: NOW + HOUR_MS, expires: NOW + HOUR_MS });
    const authorize = authorizeSigned({ roster, maxAgeMs: 60_000 });
    expect((await authorize(await asked())).validity).toEqual({ begins: NOW - 60_000, ends: NOW + 60_000, expires: NOW + HOUR_MS });
  });

  it('refuses a request that nobody has signed', async () => {
    await expect(check(record({}))).rejects.toThrow('origin: there is none');
    for (const origin of ['x', 'a.b.c', '../..']) await expect(check(record({ origin }))).rejects.toMatchObject({ name: 'Refused' });
  });

  it('refuses another message than the one that was asked for, however little it differs', async () => {
    const { origin } = await asked();
    for (const message of [`${MESSAGE} `, MESSAGE.toLowerCase(), MESSAGE.normalize('NFD'), `${MESSAGE}\u0000`]) {
      await expect(check(record({ message, ...(origin === undefined ? {} : { origin }) }))).rejects.toThrow(
        'origin: it is for another message',
      );
    }
  });

  it('refuses another id, so that one request cannot be made into two', async () => {
    await expect(check(await asked({ id: 'req_2_a', signed: { id: 'req_1_a' } }))).rejects.toThrow('origin: it is for another id');
  });

  it('refuses what a node asks for', async () => {
    await expect(check(await asked({ by: present(identities[0]) }))).rejects.toThrow('origin: it is by node-1, not by the gateway');
  });

  it('refuses what the gateway has signed for another cluster', async () => {
    await expect(check(await asked({ of: members(5, 3).roster }))).rejects.toThrow('another roster');
  });

  it('refuses another statement of the gateway', async () => {
    const origin = await sign(gateway, roster, NAMING, { request_id: 'req_1_a', presignature_id: 'p' });
    await expect(check(record({ origin }))).rejects.toThrow('it is not a threshold-signing-request');
  });

  it('refuses a statement with a cut signature', async () => {
    const { origin = '' } = await asked();
    for (const cut of [origin.slice(0, -4), origin.slice(0, -1) + (origin.endsWith('A') ? 'Q' : 'A')])
      await expect(check(record({ origin: cut }))).rejects.toMatchObject({ name: 'Refused' });
  });

  it.each(['sealed', 'plain'] as const)(
    'refuses an id that is not a signing request’s, and an empty message, in a %s cluster',
    async (messages) => {
      const cluster = members(4, 3, messages).roster;
      await expect(check(await asked({ id: 'other_1', of: cluster }), cluster)).rejects.toThrow(
        'id: a signing request’s begins with req_'.replace('’', "'"),
      );
      await expect(check(record({ message: '' }), cluster)).rejects.toThrow('message: it must not be empty');
    },
  );

  it('cannot be had in a plain cluster, where anybody may ask', async () => {
    const plain = members(4, 3, 'plain').roster;
    expect(await check(record({}), plain)).toEqual({ askedBy: null, time: new Date(NOW), validity: null });
  });
});
