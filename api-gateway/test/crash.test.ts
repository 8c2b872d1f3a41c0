/** A gateway process that is killed between each two steps of accepting and ending a request: what it has promised holds. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestBoard } from 'testkit/board';
import { until } from 'testkit/eventually';
import { spawnProgram } from 'testkit/program';
import { members } from 'testkit/roster';
import { newSigner } from 'testkit/signer';
import { GatewayClient } from '../src/client.js';

const PROGRAM = fileURLToPath(new URL('crashing_gateway.ts', import.meta.url));
const { roster, gateway: identity } = members(4, 3, 'plain');
const signer = newSigner();
const KEY = { idempotencyKey: 'payment-1' };

let folder: string;
let board: TestBoard;
let nodes: ReturnType<TestBoard['client']>;
const clients: GatewayClient[] = [];
const programs: ReturnType<typeof spawnProgram>[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-crash-'));
  board = await TestBoard.start();
  nodes = board.client();
  await nodes.postPublicKey(signer.publicKey);
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const { child, exit } of programs.splice(0)) {
    child.kill('SIGKILL');
    await exit;
  }
  await board.close();
  await rm(folder, { recursive: true });
});

/** @param step at which it kills itself */
async function gateway(step: string) {
  const program = spawnProgram(PROGRAM, {}, [step, folder, board.url, roster.serialize(), identity.serialize()]);
  programs.push(program);
  const listening = () => program.events().find(({ event }) => event === 'listening');
  await until(() => {
    if (program.child.exitCode !== null) throw new Error(program.output.stderr);
    return listening() !== undefined;
  });
  const client = new GatewayClient(`http://127.0.0.1:${String(listening()?.['port'])}`, { tries: 1 });
  clients.push(client);
  return { client, killed: async () => (await program.exit, program.child.signalCode) };
}

/** As the nodes do: all that is pending is signed, once. @returns how many requests that are */
async function finishAll(): Promise<number> {
  const records = await nodes.listRequests({ status: 'pending' });
  for (const { id, message } of records) await nodes.updateRequest(id, { signature: signer.sign(message) });
  return records.length;
}

it.each<[step: string, onBoard: number, unfinished: number]>([
  ['before the disk', 0, 0],
  ['before the board', 0, 1],
  ['before the answer', 1, 1],
])('killed %s: the client that tries again gets one request, which is completed once', async (step, onBoard, unfinished) => {
  const first = await gateway(step);
  await expect(first.client.sign('pay 1', KEY)).rejects.toMatchObject({ name: 'TransportError' });
  expect(await first.killed()).toBe('SIGKILL');
  expect(await nodes.listRequests()).toHaveLength(onBoard);

  const second = await gateway('never');
  expect(await second.client.health()).toMatchObject({ unfinished });
  const answer = await second.client.sign('pay 1', KEY);
  expect(answer.status).toBe('pending');
  await until(async () => (await nodes.listRequests({ status: 'pending' })).length === 1);
  expect(await finishAll()).toBe(1);
  const done = { request_id: answer.request_id, status: 'completed', signature: signer.sign('pay 1'), ...signer.forms('pay 1') };
  expect(await second.client.sign('pay 1', { ...KEY, wait: 30_000 })).toEqual(done);
  expect(await second.client.list()).toEqual([done]);
  expect((await nodes.listRequests()).map(({ id }) => id)).toEqual([answer.request_id]);
});

it.each(['before the outcome is on the disk', 'before the outcome is told'])('killed %s: the outcome is the same one', async (step) => {
  const first = await gateway(step);
  const { request_id: id } = await first.client.sign('pay 1', KEY);
  expect(await finishAll()).toBe(1);
  await expect(first.client.status(id, 'pay 1')).rejects.toMatchObject({ name: 'TransportError' });
  expect(await first.killed()).toBe('SIGKILL');

  const second = await gateway('never');
  const done = { request_id: id, status: 'completed', signature: signer.sign('pay 1'), ...signer.forms('pay 1') };
  expect(await second.client.status(id, 'pay 1')).toEqual(done);
  expect(await nodes.listRequests()).toHaveLength(1);
});
