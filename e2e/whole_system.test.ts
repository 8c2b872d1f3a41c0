import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as secp256k1 from '@noble/secp256k1';
import { sha256 } from '@noble/hashes/sha2.js';
import type { SigningStatus } from 'api-gateway/contract';
import { eventually } from 'testkit/eventually';
import { ProcessCluster } from 'testkit/process_cluster';

const MINUTE = 60_000;
let cluster: ProcessCluster;
let publicKey: Uint8Array;

secp256k1.hashes.sha256 = sha256;

/** Checked by a verifier that shares no code with ours. */
function isSigned(answer: SigningStatus | undefined, message: string): boolean {
  if (answer?.status !== 'completed' || answer.signature === undefined) return false;
  const { r, s } = JSON.parse(answer.signature) as { r: string; s: string };
  return secp256k1.verify(Buffer.from(r + s, 'hex'), Buffer.from(message), publicKey, { lowS: true });
}

async function signs(message: string, ms: number): Promise<boolean> {
  const { request_id } = await cluster.gateway.sign(message);
  return isSigned(await cluster.gateway.finished(request_id, message, ms), message);
}

beforeAll(async () => {
  cluster = await ProcessCluster.start({ POOL_TARGET: '8', POOL_MAX: '12' });
  await eventually('the gateway is ready', () => cluster.isReady(), 5 * MINUTE);
  publicKey = Buffer.from(await cluster.gateway.publicKey(), 'hex');
  await eventually('the pool is filled', async () => (await cluster.pooled()) >= 3 * 8, 5 * MINUTE);
}, 10 * MINUTE);
afterAll(async () => {
  await cluster.stop();
}, MINUTE);

describe('a cluster of processes at full size', () => {
  it('signs in one call with a presignature', async () => {
    const answer = await cluster.gateway.sign('Hello, threshold signing!', { wait: 20_000 });
    expect(isSigned(answer, 'Hello, threshold signing!')).toBe(true);
    const logs = await cluster.files.nodeLogs();
    expect(logs.find(({ event, request_id }) => event === 'signature_generated' && request_id === answer.request_id)?.path).toBe('fast');
  });

  it('signs ten at once', async () => {
    const done = await Promise.all(Array.from({ length: 10 }, (_, k) => signs(`ten, ${k}`, 2 * MINUTE)));
    expect(done).toEqual(done.map(() => true));
  }, 3 * MINUTE);

  it.each([1, 2, 3, 4])('signs while node-%s is killed, and takes it back with its old share', async (number) => {
    const file = join(cluster.files.dataOf(number), `key_share_node-${number}.json`);
    const share = await readFile(file, 'utf8');
    await cluster.kill(`node-${number}`);
    const signed = [signs(`at once without ${number}`, MINUTE), signs(`and another without ${number}`, MINUTE)];
    expect(await Promise.all(signed)).toEqual([true, true]);
    cluster.startNode(number);
    const starts = async (): Promise<unknown[]> =>
      (await cluster.files.nodeLogs()).filter(({ node_id, msg }) => node_id === `node-${number}` && msg === 'Main signing loop started');
    await eventually('it is ready again', async () => (await starts()).length >= 2, MINUTE);
    expect(await readFile(file, 'utf8')).toBe(share);
    expect(Buffer.from(await cluster.gateway.publicKey(), 'hex')).toEqual(publicKey);
  }, 4 * MINUTE);

  it('keeps a request pending for a stated reason while two are stopped, and completes it when one is back', async () => {
    await cluster.kill('node-1', 'SIGTERM');
    await cluster.kill('node-3', 'SIGTERM');
    const { request_id } = await cluster.gateway.sign('too few');
    const status = () => cluster.gateway.status(request_id, 'too few');
    const isReason = async () => (await status())?.reason === 'not_enough_signers: node-1, node-3';
    await eventually('the reason is given', isReason, MINUTE);
    expect((await status())?.status).toBe('pending');
    cluster.startNode(1);
    expect(isSigned(await cluster.gateway.finished(request_id, 'too few', 2 * MINUTE), 'too few')).toBe(true);
    cluster.startNode(3);
  }, 5 * MINUTE);

  it('loses no request when the board is killed', async () => {
    await cluster.kill('node-2');
    await cluster.kill('node-4');
    const message = 'posted before the board died';
    const { request_id } = await cluster.gateway.sign(message);
    await cluster.kill('message-board');
    cluster.startBoard();
    cluster.startNode(2);
    cluster.startNode(4);
    expect(isSigned(await cluster.gateway.finished(request_id, message, 2 * MINUTE), message)).toBe(true);
    expect(Buffer.from(await cluster.gateway.publicKey(), 'hex')).toEqual(publicKey);
  }, 5 * MINUTE);

  it('completes thirty at once, most of which wait their turn, and names no presignature twice', async () => {
    const done = await Promise.all(Array.from({ length: 30 }, (_, k) => signs(`thirty, ${k}`, 9 * MINUTE)));
    expect(done.filter(Boolean)).toHaveLength(30);
    const used = (await cluster.files.nodeLogs()).filter(({ event }) => event === 'presignature_used');
    const perNode = used.map(({ node_id, presignature_id }) => `${String(node_id)} ${String(presignature_id)}`);
    expect(new Set(perNode).size).toBe(perNode.length);
    const requests = new Map(used.map(({ presignature_id, request_id }) => [presignature_id, request_id]));
    expect(used.filter(({ presignature_id, request_id }) => requests.get(presignature_id) !== request_id)).toEqual([]);
  }, 10 * MINUTE);

  it('writes no secret to any log, and none in clear to a disk', async () => {
    const logs = (await cluster.files.allLogs()).toLowerCase();
    expect(logs).toContain(Buffer.from(publicKey).toString('hex'));
    for (const number of [1, 2, 3, 4]) {
      const core = (await cluster.files.secretOf(number, 'key-share')) as { x: string };
      const aux = (await cluster.files.secretOf(number, 'aux-info')) as { p: { value: string }; q: { value: string } };
      const disk = (await cluster.files.diskOf(number)).toLowerCase();
      for (const secret of [core.x, aux.p.value, aux.q.value]) {
        expect(logs.includes(secret)).toBe(false);
        expect(disk.includes(secret)).toBe(false);
        expect(logs.includes(BigInt(`0x${secret}`).toString())).toBe(false);
      }
    }
  });
});
