import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseCoreKeyShare } from 'cggmp24';
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { BoardClient } from 'message-board/client';
import type { NodeStatus } from 'message-board/contract';
import { pino } from 'pino';
import { ProtocolAborted, SessionTimeout } from '../src/errors.js';
import { runOverBoard, type BoardSession, type TransportDeps } from '../src/http_transport.js';
import type { JobEvents, Job } from '../src/jobs.js';
import type { PeerView, PresenceView } from '../src/presence.js';
import { nodeId } from '../src/utils.js';
import { WorkerPool } from '../src/worker_pool.js';
import { TestBoard } from './util/board.js';
import { eventually } from './util/cluster.js';
import { inThread } from './util/in_thread.js';

const IDLE = { ready: false, next: 0, running: null, completed: null, committed: null };

/** Peers as the test says they are. */
class FakePresence implements PresenceView {
  readonly incarnation = 'own';
  readonly status: NodeStatus = { incarnation: 'own', public_key: null, stage: 'ready', keygen: IDLE, aux_info: IDLE, pool: {}, attempts: [], culprits: [] };
  readonly #peers = new Map<number, PeerView>();
  readonly #callbacks = new Set<() => void>();

  update(): void {
    // nobody reads it
  }

  set(index: number, incarnation: string, { live = true, ageMs = 0 } = {}): void {
    this.#peers.set(index, { index, nodeId: nodeId(index), live, ageMs, status: { ...this.status, incarnation } });
    for (const callback of [...this.#callbacks]) callback();
  }

  get listeners(): number {
    return this.#callbacks.size;
  }

  peers(): PeerView[] {
    return [...this.#peers.values()];
  }

  isLive(index: number): boolean {
    return this.#peers.get(index)?.live ?? false;
  }

  ageMs(index: number): number {
    return this.#peers.get(index)?.ageMs ?? Infinity;
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }
}

let board: TestBoard;
let client: BoardClient;
let presence: FakePresence;
const pool = new WorkerPool(1, inThread(SMALL_FOR_TESTS), pino({ level: 'silent' }));
afterAll(() => pool.close());
beforeEach(async () => {
  board = await TestBoard.start();
  client = board.client();
  presence = new FakePresence();
});
afterEach(async () => {
  await board.close();
});

const deps = (n: number): TransportDeps => ({ client, presence, runner: pool, config: { n, rustInterop: false } });
const never = new AbortController().signal;
type KeygenSession = BoardSession<Extract<Job, { kind: 'keygen' }>>;

/** Resolves when a session of this node has begun to wait: its first message is there. */
async function waits(self: number): Promise<void> {
  while ((await client.listMessages('keygen', 'node-65535')).every(({ from_node }) => from_node !== nodeId(self)));
}

/** Posts late. */
class SlowClient extends BoardClient {
  override async postMessage(...args: Parameters<BoardClient['postMessage']>): ReturnType<BoardClient['postMessage']> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return super.postMessage(...args);
  }
}

/** Key generation by these parties of a cluster, as the board knows it. */
function keygenSession(self: number, participants: readonly number[], more: Partial<KeygenSession> = {}): KeygenSession {
  const job = { kind: 'keygen', executionId: 'k', index: participants.indexOf(self), parties: participants.length, threshold: 2 } as const;
  return { namespace: 'messages', requestId: 'keygen', participants, self, job, silenceMs: 20_000, signal: never, ...more };
}

describe('a session over the board', () => {
  it('generates a key among any participants, whatever strangers post', async () => {
    const participants = [1, 2, 4];
    for (const from_node of ['node-1', 'node-4', 'node-9']) await client.postMessage({ request_id: 'keygen', from_node, to_node: '*', round: 1, payload: 'rubbish' });
    const texts = await Promise.all(participants.map((self) => runOverBoard(deps(5), keygenSession(self, participants))));
    const shares = texts.map(parseCoreKeyShare);
    expect(shares.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(shares.map(({ sharedPublicKey }) => sharedPublicKey.toHex())).size).toBe(1);
    expect(presence.listeners).toBe(0);
  });

  it('addresses messages by node, and has presignature messages in their own list', async () => {
    await Promise.all([0, 1].map((self) => runOverBoard(deps(2), keygenSession(self, [0, 1], { namespace: 'presignature-messages' }))));
    const messages = await client.listPresignatureMessages('keygen', 'node-1');
    expect(new Set(messages.map(({ to_node }) => to_node))).toEqual(new Set(['*', 'node-1']));
    expect(messages.filter(({ to_node }) => to_node === 'node-1').map(({ from_node }) => from_node)).toEqual(['node-2']);
    expect(await client.listMessages('keygen', 'node-1')).toEqual([]);
  });

  it('survives a board that forgets everything half-way', async () => {
    const first = runOverBoard(deps(2), keygenSession(0, [0, 1]));
    while ((await client.listMessages('keygen', 'node-2')).length === 0);
    await board.restart();
    const texts = await Promise.all([first, runOverBoard(deps(2), keygenSession(1, [0, 1]))]);
    expect(new Set(texts.map((text) => parseCoreKeyShare(text).sharedPublicKey.toHex())).size).toBe(1);
  });

  it('survives a board that is away for a while', async () => {
    await board.stop();
    const running = Promise.all([0, 1].map((self) => runOverBoard(deps(2), keygenSession(self, [0, 1]))));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await board.restart();
    expect(await running).toHaveLength(2);
  });

  it('ends when the others are silent, naming them and the round', async () => {
    const failure = await runOverBoard(deps(3), keygenSession(0, [0, 1, 2], { silenceMs: 200 })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionTimeout);
    expect(failure).toMatchObject({ round: 'Round1', missing: ['node-2', 'node-3'] });
  });

  it('has posted all its messages when it ends: they may be what the others wait for', async () => {
    const slow = new SlowClient(board.url);
    await Promise.all([runOverBoard({ ...deps(2), client: slow }, keygenSession(0, [0, 1])), runOverBoard(deps(2), keygenSession(1, [0, 1]))]);
    await slow.close();
  });

  it('ends when one that it waits for dies', async () => {
    presence.set(1, 'a');
    const running = runOverBoard(deps(2), keygenSession(0, [0, 1], { silenceMs: 600_000 })).catch((error: unknown) => error);
    await waits(0);
    presence.set(1, 'a', { live: false, ageMs: 4_000 });
    expect(await running).toMatchObject({ name: 'SessionTimeout', missing: ['node-2'] });
  }, 20_000);

  it('does not end when another dies whose message is there', async () => {
    const dying = new AbortController();
    const third = runOverBoard(deps(3), keygenSession(2, [0, 1, 2], { signal: dying.signal })).catch(() => undefined);
    await waits(2);
    dying.abort(new Error('killed'));
    await third;
    for (const index of [1, 2]) presence.set(index, 'a');
    const running = runOverBoard(deps(3), keygenSession(0, [0, 1, 2])).catch((error: unknown) => error);
    await waits(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    presence.set(2, 'a', { live: false, ageMs: 4_000 });
    const stopping = new AbortController();
    const second = runOverBoard(deps(3), keygenSession(1, [0, 1, 2], { signal: stopping.signal })).catch(() => undefined);
    expect(await running).toMatchObject({ name: 'SessionTimeout', round: 'ReliabilityCheck', missing: ['node-3'] });
    stopping.abort(new Error('enough'));
    await second;
  });

  it('gives a late heartbeat as much time as it is told', async () => {
    presence.set(1, 'a');
    const running = runOverBoard(deps(2), keygenSession(0, [0, 1], { goneAfterMs: 10_000 })).catch((error: unknown) => error);
    await waits(0);
    presence.set(1, 'a', { live: false, ageMs: 9_000 });
    presence.set(1, 'a');
    expect(await Promise.all([running, runOverBoard(deps(2), keygenSession(1, [0, 1]))])).toEqual([expect.any(String), expect.any(String)]);
  });

  it('ends when one that it waits for is in another life', async () => {
    presence.set(1, 'a');
    const running = runOverBoard(deps(2), keygenSession(0, [0, 1], { silenceMs: 600_000 })).catch((error: unknown) => error);
    await waits(0);
    presence.set(1, 'b');
    expect(await running).toMatchObject({ name: 'SessionTimeout', missing: ['node-2'] });
  }, 20_000);

  it('does not mind the death of one that it never saw alive, or does not wait for', async () => {
    presence.set(1, 'a', { live: false, ageMs: 9_999 });
    presence.set(2, 'a');
    const running = [0, 1].map((self) => runOverBoard(deps(3), keygenSession(self, [0, 1])));
    presence.set(2, 'a', { live: false });
    expect(await Promise.all(running)).toHaveLength(2);
  });

  it('blames a participant, by its index in the cluster, for a malformed message', async () => {
    await client.postMessage({ request_id: 'keygen', from_node: 'node-3', to_node: '*', round: 1, payload: '{"Round1":7}' });
    const failure = await runOverBoard(deps(3), keygenSession(0, [0, 2])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ProtocolAborted);
    expect(failure).toMatchObject({ code: 'malformed_message', blame: [{ party: 2 }] });
  });

  it('blames nobody for a contradiction: anyone may have posted one of the two', async () => {
    const payload = (executionId: string): Promise<string> => {
      return new Promise((resolve) => {
        const onSend: JobEvents['onSend'] = (message) => {
          resolve(message.payload);
        };
        pool.run({ kind: 'keygen', executionId, index: 1, parties: 2, threshold: 2 }, { onSend });
      });
    };
    for (const text of [await payload('a'), await payload('b')]) {
      await client.postMessage({ request_id: 'keygen', from_node: 'node-2', to_node: '*', round: 1, payload: text });
    }
    const failure = await runOverBoard(deps(2), keygenSession(0, [0, 1])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ProtocolAborted);
    expect(failure).toMatchObject({ code: 'contradicting_messages', blame: [] });
  });

  it('ends with the reason of its signal, and leaves nothing behind', async () => {
    const stopping = new AbortController();
    const running = runOverBoard(deps(2), keygenSession(0, [0, 1], { signal: stopping.signal })).catch((error: unknown) => error);
    await eventually('it listens', () => presence.listeners > 0);
    const reason = new Error('enough');
    stopping.abort(reason);
    expect(await running).toBe(reason);
    expect(presence.listeners).toBe(0);
    await expect(runOverBoard(deps(2), keygenSession(0, [0, 1], { signal: stopping.signal }))).rejects.toBe(reason);
  });

  it('ends when the board refuses what it posts', async () => {
    const failure = await runOverBoard(deps(2), keygenSession(0, [0, 1], { requestId: 'no such id!' })).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'ServiceError', status: 400 });
  });
});
