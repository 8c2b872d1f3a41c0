import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BoardClient } from '../src/client/client.js';
import { newSigner } from 'testkit/signer';
import { runningBoard } from './support.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean();
});

/** A board that answers what the test says, and remembers what it was asked. */
async function fakeBoard(answer: (asked: number, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    request.resume().on('end', () => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      answer(asked.length, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new BoardClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs: 200, tries: 3 });
  cleanup.push(() => {
    server.closeAllConnections();
    server.close();
    return client.close();
  });
  return { asked, client };
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

describe('against the board', () => {
  it('has a method for each route', async () => {
    const board = await runningBoard();
    cleanup.push(board.stop);
    const { client } = board;
    const signer = newSigner();
    expect(await client.getPublicKey()).toBeUndefined();
    await client.postPublicKey(signer.publicKey);
    expect(await client.getPublicKey()).toBe(signer.publicKey);
    const record = await client.createRequest({ id: 'req_1', message: 'ş😀', origin: 'gateway' });
    expect(await client.listRequests({ status: 'pending' })).toEqual([record]);
    expect(await client.listRequests({ changedAfter: '0' })).toEqual([record]);
    expect(await client.getRequest('req_1')).toEqual(record);
    expect(await client.getRequest('req_2')).toBeUndefined();
    expect(await client.updateRequest('req_1', { presignature_id: 'p1' })).toMatchObject({ presignature_id: 'p1' });
    const message = { request_id: 'req_1', from_node: 'node-1', to_node: '*', round: 1, payload: 'x' };
    const sent = await client.postMessage(message);
    expect(await client.listMessages('req_1', 'node-2')).toEqual([sent]);
    expect(await client.listMessages('req_1', 'node-2', { after: sent.id })).toEqual([]);
    const presig = await client.postPresignatureMessage({ ...message, to_node: 'node-2' });
    expect(await client.listPresignatureMessages('req_1', 'node-2')).toEqual([presig]);
    const asked = await client.createPresignatureRequest({ request_id: 'p1', participants: [0, 1, 2] });
    expect(await client.listPresignatureRequests({ status: 'pending' })).toEqual([asked]);
    expect(await client.updatePresignatureRequest('p1', 'completed')).toMatchObject({ status: 'completed' });
    const partial = await client.postPartialSignature({ request_id: 'req_1', from_node: 'node-1', payload: 'x' });
    expect(await client.listPartialSignatures('req_1')).toEqual([partial]);
    expect(await client.updateRequest('req_1', { signature: signer.sign('ş😀') })).toMatchObject({ status: 'completed' });
    expect(await client.health()).toMatchObject({ status: 'ok', public_key: true, entries: 3 });
  });

  it('throws what the board refuses, with its status and code', async () => {
    const board = await runningBoard();
    cleanup.push(board.stop);
    const name = 'ServiceError';
    const unknown = board.client.updateRequest('req_9', { status: 'pending' });
    await expect(unknown).rejects.toMatchObject({ name, status: 404, code: 'unknown_request' });
    const malformed = board.client.createRequest({ message: '' });
    await expect(malformed).rejects.toMatchObject({ name, status: 400, code: 'invalid_request' });
    await board.client.postPublicKey(newSigner().publicKey);
    await expect(board.client.postPublicKey(newSigner().publicKey)).rejects.toMatchObject({ status: 409, code: 'public_key_conflict' });
  });
});

describe('when the board is ill', () => {
  it('tries again after 503 and after a cut connection', async () => {
    const { asked, client } = await fakeBoard((times, response) => {
      if (times === 1) json(response, 503, { error: { code: 'closing', message: 'x' } });
      else if (times === 2) response.destroy();
      else json(response, 200, []);
    });
    expect(await client.listRequests()).toEqual([]);
    expect(asked).toEqual(['GET /requests', 'GET /requests', 'GET /requests']);
  });

  it('gives up after the tries it has', async () => {
    const { asked, client } = await fakeBoard((_times, response) => {
      json(response, 503, { error: { code: 'closing', message: 'x' } });
    });
    await expect(client.listRequests()).rejects.toMatchObject({ status: 503, code: 'closing' });
    expect(asked).toHaveLength(3);
  });

  it.each([400, 404, 409, 413, 415, 429, 500])('does not try again after %d', async (status) => {
    const { asked, client } = await fakeBoard((_times, response) => {
      json(response, status, { error: { code: 'no', message: 'no' } });
    });
    await expect(client.listRequests()).rejects.toMatchObject({ name: 'ServiceError', status, code: 'no' });
    expect(asked).toHaveLength(1);
  });

  it('does not post a request without an id twice', async () => {
    const { asked, client } = await fakeBoard((_times, response) => {
      response.destroy();
    });
    await expect(client.createRequest({ message: 'm' })).rejects.toMatchObject({ name: 'TransportError' });
    expect(asked).toHaveLength(1);
    await expect(client.createRequest({ id: 'req_1', message: 'm' })).rejects.toMatchObject({ name: 'TransportError' });
    expect(asked).toHaveLength(4);
  });

  it('gives up on silence, and allows for the waiting it asked for', async () => {
    const { asked, client } = await fakeBoard((_times, response) => {
      setTimeout(() => {
        if (!response.destroyed) json(response, 200, []);
      }, 400);
    });
    const message: unknown = expect.stringContaining('no answer in 200 ms');
    await expect(client.listRequests()).rejects.toMatchObject({ name: 'TransportError', message });
    expect(asked).toHaveLength(3);
    expect(await client.listRequests({ wait: 1000 })).toEqual([]);
  });

  it.each([
    ['no JSON', '<html>'],
    ['another shape', '{"requests":[]}'],
    [
      'a wrong field',
      '[{"id":"req_1","message":"m","status":"sleeping","revision":"1",'
        + '"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","age_ms":0}]',
    ],
  ])('refuses %s, once', async (_name, text) => {
    const { asked, client } = await fakeBoard((_times, response) => {
      response.writeHead(200).end(text);
    });
    await expect(client.listRequests()).rejects.toMatchObject({ name: 'TransportError', retryable: false });
    expect(asked).toHaveLength(1);
  });

  it.each([201, 302])('refuses status %d', async (status) => {
    const { client } = await fakeBoard((_times, response) => {
      json(response, status, []);
    });
    await expect(client.listRequests()).rejects.toMatchObject({ name: 'TransportError', retryable: false });
  });

  it('makes a ServiceError of an error page', async () => {
    const { client } = await fakeBoard((_times, response) => {
      response.writeHead(404).end('<html>');
    });
    await expect(client.listRequests()).rejects.toMatchObject({ name: 'ServiceError', status: 404, code: 'http_404' });
  });

  it('reads records of a newer board', async () => {
    const { client } = await fakeBoard((_times, response) => {
      json(response, 200, { public_key: `02${'ab'.repeat(32)}`, algorithm: 'ecdsa' });
    });
    expect(await client.getPublicKey()).toBe(`02${'ab'.repeat(32)}`);
  });

  it('stops between two tries when it is told to', async () => {
    const leave = new AbortController();
    const { asked, client } = await fakeBoard((_times, response) => {
      json(response, 503, { error: { code: 'closing', message: 'x' } });
      setImmediate(() => {
        leave.abort(new Error('left'));
      });
    });
    await expect(client.listRequests({ signal: leave.signal })).rejects.toThrow('left');
    expect(asked).toHaveLength(1);
    await expect(client.listRequests({ signal: leave.signal })).rejects.toThrow('left');
    expect(asked).toHaveLength(1);
  });

  it('says so when nothing listens', async () => {
    const { client } = await fakeBoard(() => undefined);
    const closed = new BoardClient('http://127.0.0.1:1', { tries: 2 });
    cleanup.push(() => closed.close());
    const message: unknown = expect.stringContaining('ECONNREFUSED');
    await expect(closed.health()).rejects.toMatchObject({ name: 'TransportError', retryable: true, message });
    await client.close();
    await expect(client.health()).rejects.toMatchObject({ name: 'TransportError' });
  });

  it('refuses what is not a URL', () => {
    expect(() => new BoardClient('board:8080x/')).toThrow(/invalid url/i);
    expect(() => new BoardClient('nothing')).toThrow(/invalid url/i);
  });
});
