/** What a cluster signs besides text with SHA-256, and that nobody gets a digest signed with a presignature that is known. */
import { createECDH, createHash, ECDH } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recoverPublicKey } from '@noble/secp256k1';
import { signatureForms } from 'cggmp24';
import { parseSignature, type Payload, type RequestRecord } from 'message-board/contract';
import { NAMING } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { systemClock } from 'service/clock';
import { present } from 'testkit/present';
import { originOf } from 'testkit/roster';
import { signedBytes } from 'testkit/signer';
import { parsePolicy } from '../../src/approval/policy.js';
import { eventually, SigningCluster } from '../util/cluster.js';

const digest = (byte: string): Payload => ({ message: byte.repeat(32), kind: 'digest' });

let cluster: SigningCluster;
/** What a corrupt board adds to the records of these requests. */
const added = new Map<string, Partial<RequestRecord>>();
beforeAll(async () => {
  cluster = await SigningCluster.start({
    checking: true,
    policyOf: () => parsePolicy('{"version":1,"payloads":["message","bytes","digest"]}', systemClock),
    show: (record) => ({ ...record, ...added.get(record.id) }),
    settings: { POOL_TARGET: '8', POOL_MAX: '12', FAST_SIGNING_TIMEOUT_MS: '60000', PEER_DEAD_AFTER_MS: '60000' },
  });
  await eventually('the pool is filled', () => cluster.pooled() >= 3 * 8);
});
afterAll(async () => {
  await cluster.stop();
});

/** Presignatures that node-1 offers. */
const offered = (): string[] => Object.values(cluster.status(0)?.offers ?? {}).flat();
const used = new Set<string>();
/** One of them that no request of this file was to be signed with. */
async function fresh(): Promise<string> {
  const next = (): string | undefined => offered().find((id) => !used.has(id));
  await eventually('node-1 offers another one', () => next() !== undefined);
  const id = next() ?? '';
  used.add(id);
  return id;
}
const events = (event: string, fields: Record<string, unknown>): unknown[] =>
  cluster.log.lines.filter((line) => line.event === event && Object.entries(fields).every(([name, value]) => line[name] === value));

/** Recovers the key with libraries that neither sign nor verify here: @noble/secp256k1, and OpenSSL's hashes. */
function recovered(record: RequestRecord): string {
  const signed = signedBytes(record);
  const { compact, recoveryId } = signatureForms(parseSignature(record.signature ?? ''), Buffer.from(cluster.publicKey, 'hex'), signed);
  const key = recoverPublicKey(Buffer.from(recoveryId.toString(16).padStart(2, '0') + compact, 'hex'), signed, { prehash: false });
  return Buffer.from(key).toString('hex');
}

/** The address of a public key, in hexadecimal: the last 20 bytes of Keccak-256 of its two coordinates. */
function ethereumAddress(key: string): string {
  const point = ECDH.convertKey(key, 'secp256k1', 'hex', 'hex', 'uncompressed') as string;
  return createHash('keccak-256').update(Buffer.from(point.slice(2), 'hex')).digest('hex').slice(24);
}

describe('bytes, and other hashes than SHA-256', () => {
  it.each([
    ['bytes', { message: '00ff'.repeat(100), kind: 'bytes' }],
    ['sha256d of bytes, as of a Bitcoin transaction', { message: '0100000000', kind: 'bytes', hash: 'sha256d' }],
    ['keccak256 of bytes, as of an Ethereum transaction', { message: 'f86c', kind: 'bytes', hash: 'keccak256' }],
    ['sha256d of a text', { message: 'é', hash: 'sha256d' }],
    ['keccak256 of a text', { message: 'é', hash: 'keccak256' }],
  ] as const)('%s is signed with a presignature, and so that other libraries agree', async (_what, payload) => {
    const id = await fresh();
    const record = await cluster.finished((await cluster.request(payload, undefined, id)).id);
    expect(record).toMatchObject({ ...payload, status: 'completed', presignature_id: id });
    expect(cluster.pathOf(record.id)).toBe('fast');
    expect(recovered(record)).toBe(cluster.publicKey);
    expect(ethereumAddress(recovered(record))).toBe(ethereumAddress(cluster.publicKey));
  });

  it('the address is that of Ethereum', () => {
    const owner = createECDH('secp256k1');
    owner.setPrivateKey('4646464646464646464646464646464646464646464646464646464646464646', 'hex');
    // The sender of the transaction in EIP-155.
    expect(ethereumAddress(owner.getPublicKey('hex', 'compressed'))).toBe('9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f');
  });

  it('are signed in full too', async () => {
    const { id } = await cluster.request({ message: 'f86c', kind: 'bytes', hash: 'keccak256' }, undefined, 'presig_gen_node-1_lost');
    const record = await cluster.finished(id);
    expect(cluster.pathOf(id)).toBe('full');
    expect(recovered(record)).toBe(cluster.publicKey);
  });
});

describe('a digest', () => {
  /** It is signed, in full, and nobody has used a half for it. */
  async function expectInFull(id: string): Promise<RequestRecord> {
    const record = await cluster.finished(id);
    expect(cluster.isSigned(record)).toBe(true);
    expect(recovered(record)).toBe(cluster.publicKey);
    expect(cluster.pathOf(id)).toBe('full');
    expect(events('presignature_used', { request_id: id })).toEqual([]);
    expect(await cluster.client.listPartialSignatures(id)).toEqual([]);
    return record;
  }

  it('is signed in full, though presignatures are free', async () => {
    expect(offered().length).toBeGreaterThan(0);
    const record = await expectInFull((await cluster.request(digest('a1'))).id);
    expect(record).not.toHaveProperty('presignature_id');
  });

  it('is signed with no presignature that a corrupt gateway proposes and a corrupt board shows', async () => {
    const target = await fresh();
    const id = 'req_1_chosen_by_gateway';
    const origin = await originOf(cluster.members, id, digest('a2'), 0, target);
    added.set(id, { presignature_id: target });
    await cluster.client.createRequest({ id, ...digest('a2'), origin });
    await expectInFull(id);
    expect(events('presignature_used', { presignature_id: target })).toEqual([]);
  });

  it('is signed with no presignature that one of its makers assigns, and a corrupt board shows', async () => {
    const target = await fresh();
    const id = 'req_1_chosen_by_maker';
    const { roster, identities } = cluster.members;
    const naming = await sign(present(identities[0]), roster, NAMING, { request_id: id, presignature_id: target });
    added.set(id, { presignature_id: target, naming });
    await cluster.request(digest('a3'), id);
    await expectInFull(id);
    expect(events('presignature_used', { presignature_id: target })).toEqual([]);
  });

  it('gets no presignature from an honest board', async () => {
    const target = await fresh();
    await expect(cluster.request(digest('a4'), 'req_1_refused', target)).rejects.toMatchObject({
      status: 400, message: expect.stringContaining('presignature_id: cannot be given with a digest'),
    });
    const { roster, identities } = cluster.members;
    const { id } = await cluster.request(digest('a4'));
    const naming = await sign(present(identities[0]), roster, NAMING, { request_id: id, presignature_id: target });
    const update = cluster.client.updateRequest(id, { presignature_id: target, naming });
    await expect(update).rejects.toMatchObject({ status: 409, code: expect.stringMatching(/^(signed_in_full|status_conflict)$/) });
    await expectInFull(id);
  });

  it('is not signed as bytes, nor bytes as a digest, whatever the board makes of it', async () => {
    const id = 'req_1_other_kind';
    added.set(id, { kind: 'digest', hash: undefined });
    await cluster.request({ message: 'a5'.repeat(32), kind: 'bytes' }, id);
    await eventually('all refuse what the board shows', () => new Set(events('request_refused', { request_id: id })).size >= 4);
    expect(events('request_refused', { request_id: id, code: 'unauthorized' })).toHaveLength(4);
    expect(cluster.pathOf(id)).toBeUndefined();
  });
});
