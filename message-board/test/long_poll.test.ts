import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newSigner } from 'testkit/signer';
import { until } from 'testkit/eventually';
import { runningBoard } from './support.js';

type Running = Awaited<ReturnType<typeof runningBoard>>;

let board: Running;
beforeEach(async () => {
  board = await runningBoard();
});
afterEach(() => board.stop());

const waiting = async (count: number): Promise<void> => until(async () => (await board.client.health()).waiting === count);
const message = (to_node: string, payload = 'x') => ({ request_id: 'keygen', from_node: 'node-1', to_node, round: 1, payload });
const LONG = 30_000;

describe('a waiting reader is woken', () => {
  it('by a new pending request', async () => {
    const reading = board.client.listRequests({ status: 'pending', wait: LONG });
    await waiting(1);
    const record = await board.client.createRequest({ message: 'm' });
    expect(await reading).toEqual([record]);
    const next = board.client.listRequests({ status: 'pending', after: record.id, wait: LONG });
    await waiting(1);
    const second = await board.client.createRequest({ message: 'm2' });
    expect(await next).toEqual([second]);
  });

  it('by a name set on a request, and by its end', async () => {
    const signer = newSigner();
    await board.client.postPublicKey(signer.publicKey);
    const { id, revision } = await board.client.createRequest({ message: 'm' });
    const reading = board.client.listRequests({ status: 'pending', changedAfter: revision, wait: LONG });
    await waiting(1);
    const named = await board.client.updateRequest(id, { presignature_id: 'p1' });
    expect(await reading).toEqual([named]);
    const all = board.client.listRequests({ changedAfter: named.revision, wait: LONG });
    const one = board.client.getRequest(id, { status: 'pending', wait: LONG });
    await waiting(2);
    const done = await board.client.updateRequest(id, { signature: signer.sign('m') });
    expect(await all).toEqual([done]);
    expect(await one).toEqual(done);
  });

  it('by messages, each name space by its own', async () => {
    const read = board.client.listMessages('keygen', 'node-2', { wait: LONG });
    const presig = board.client.listPresignatureMessages('keygen', 'node-2', { wait: LONG });
    await waiting(2);
    await board.client.postMessage(message('node-3'));
    const sent = await board.client.postMessage(message('node-2'));
    expect(await read).toEqual([sent]);
    await waiting(1);
    const second = await board.client.postPresignatureMessage(message('*'));
    expect(await presig).toEqual([second]);
    const third = board.client.listMessages('keygen', 'node-2', { after: sent.id, wait: LONG });
    await waiting(1);
    const broadcast = await board.client.postMessage(message('*', 'y'));
    expect(await third).toEqual([broadcast]);
  });

  it('by partial signatures, presignature requests and the public key', async () => {
    const partials = board.client.listPartialSignatures('req_1', { wait: LONG });
    const presigs = board.client.listPresignatureRequests({ status: 'pending', wait: LONG });
    const key = board.client.getPublicKey({ wait: LONG });
    await waiting(3);
    const partial = await board.client.postPartialSignature({ request_id: 'req_1', from_node: 'node-1', payload: 'x' });
    const presig = await board.client.createPresignatureRequest({ request_id: 'presig_gen_1', participants: [0, 1, 2] });
    const { publicKey } = newSigner();
    await board.client.postPublicKey(publicKey);
    expect(await Promise.all([partials, presigs, key])).toEqual([[partial], [presig], publicKey]);
    await waiting(0);
  });

  it('among a hundred others', async () => {
    const { id, revision } = await board.client.createRequest({ message: 'm' });
    const readers = Array.from({ length: 100 }, () => board.client.listRequests({ changedAfter: revision, wait: LONG }));
    await waiting(100);
    await board.client.updateRequest(id, { presignature_id: 'p' });
    for (const reading of readers) expect(await reading).toMatchObject([{ id, presignature_id: 'p' }]);
    await waiting(0);
  });
});

describe('a waiting reader is released', () => {
  it('with the empty answer when the time is over', async () => {
    expect(await board.client.listRequests({ status: 'pending', wait: 20 })).toEqual([]);
    expect(await board.client.getPublicKey({ wait: 20 })).toBeUndefined();
    const { id } = await board.client.createRequest({ message: 'm' });
    expect(await board.client.getRequest(id, { status: 'pending', wait: 20 })).toMatchObject({ status: 'pending' });
  });

  it('at once when there is something to answer', async () => {
    const { id } = await board.client.createRequest({ message: 'm' });
    expect(await board.client.listRequests({ wait: LONG })).toHaveLength(1);
    expect(await board.client.getRequest(id, { status: 'failed', wait: LONG })).toMatchObject({ status: 'pending' });
    expect(await board.client.getRequest('req_9', { status: 'pending', wait: LONG })).toBeUndefined();
  });

  it('when the client goes away', async () => {
    const leave = new AbortController();
    const reading = board.client.listRequests({ status: 'pending', wait: LONG, signal: leave.signal });
    await waiting(1);
    leave.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
    await waiting(0);
  });

  it('when the board closes, and what comes later is refused', async () => {
    const reading = board.client.listRequests({ status: 'pending', wait: LONG });
    const single = board.client.getPublicKey({ wait: LONG });
    await waiting(2);
    const closed = board.running.close();
    expect(await reading).toEqual([]);
    expect(await single).toBeUndefined();
    await closed;
    await expect(board.client.health()).rejects.toMatchObject({ name: 'TransportError', retryable: true });
  });
});
