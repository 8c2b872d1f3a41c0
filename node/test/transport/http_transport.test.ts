import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseCoreKeyShare } from 'cggmp24';
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { BoardClient } from 'message-board/client';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import type { Accusation } from '../../src/evidence/accusation.js';
import { SessionTimeout } from '../../src/base/errors.js';
import { runOverBoard, type TransportDeps } from '../../src/transport/http_transport.js';
import { Seals } from '../../src/mail/seals.js';
import { nodeId } from '../../src/base/utils.js';
import type { ProtocolRunner } from '../../src/workers/jobs.js';
import { TestBoard } from 'testkit/board';
import { until } from 'testkit/eventually';
import { memoryLog } from '../util/cluster.js';
import { poolInThread } from '../util/in_thread.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { FakePresence, keygenSession, RecordingAccuser, type KeygenSession } from '../util/transport.js';

let board: TestBoard;
let client: BoardClient;
let presence: FakePresence;
let log: ReturnType<typeof memoryLog>;
let accusations: Accusation[];
const pool = poolInThread(SMALL_FOR_TESTS);
afterAll(() => pool.close());
beforeEach(async () => {
  board = await TestBoard.start();
  client = board.client();
  presence = new FakePresence();
  log = memoryLog();
  accusations = [];
});
afterEach(async () => {
  await board.close();
});

/** Of node k's parties in a cluster of n, over this test's board. */
function depsOf(n: number, self: number, { roster, identities } = members(n, 2)): TransportDeps {
  return {
    client, clock: systemClock, random: systemRandom, logger: log.logger,
    peers: presence, runner: pool, accuser: new RecordingAccuser(accusations), audit: { note: () => undefined },
    seals: new Seals(roster, present(identities[self])), incarnation: 'own', n,
  };
}

const run = (n: number, session: KeygenSession, other: Partial<TransportDeps> = {}): Promise<string> =>
  runOverBoard({ ...depsOf(n, session.self), ...other }, session);

/** Resolves when a session of this node has begun to wait: its first message is there. */
async function waits(self: number): Promise<void> {
  while ((await client.listMessages('keygen', 'node-65535')).every(({ from_node }) => from_node !== nodeId(self)));
}

/** Runs jobs as the pool does, and notes for whom a session waits: protocol indices. */
function watchingRunner(): { runner: ProtocolRunner; waitsFor: () => readonly number[] } {
  let waitsFor: readonly number[] = [];
  const run: ProtocolRunner['run'] = (job, events) =>
    pool.run(job, {
      ...events,
      onWaiting: (round, missing) => {
        events.onWaiting?.(round, missing);
        waitsFor = missing;
      },
    });
  return { runner: { run }, waitsFor: () => waitsFor };
}

/** Posts late. */
class SlowClient extends BoardClient {
  override async postMessage(...args: Parameters<BoardClient['postMessage']>): ReturnType<BoardClient['postMessage']> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return super.postMessage(...args);
  }
}

describe('a session over the board', () => {
  it('generates a key among any participants, whatever strangers post', async () => {
    const participants = [1, 2, 4];
    for (const from_node of ['node-1', 'node-4', 'node-9']) {
      await client.postMessage({ request_id: 'keygen', from_node, to_node: '*', round: 1, payload: 'rubbish' });
    }
    const texts = await Promise.all(participants.map((self) => run(5, keygenSession(self, participants))));
    const shares = texts.map(parseCoreKeyShare);
    expect(shares.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(shares.map(({ sharedPublicKey }) => sharedPublicKey.toHex())).size).toBe(1);
    expect(presence.listeners).toBe(0);
  });

  it('addresses messages by node, and has presignature messages in their own list', async () => {
    await Promise.all([0, 1].map((self) => run(2, keygenSession(self, [0, 1], { namespace: 'presignature-messages' }))));
    const messages = await client.listPresignatureMessages('keygen', 'node-1');
    expect(new Set(messages.map(({ to_node }) => to_node))).toEqual(new Set(['*', 'node-1']));
    expect(messages.filter(({ to_node }) => to_node === 'node-1').map(({ from_node }) => from_node)).toEqual(['node-2']);
    expect(await client.listMessages('keygen', 'node-1')).toEqual([]);
  });

  it('survives a board that forgets everything half-way', async () => {
    const first = run(2, keygenSession(0, [0, 1]));
    while ((await client.listMessages('keygen', 'node-2')).length === 0);
    await board.restart();
    const texts = await Promise.all([first, run(2, keygenSession(1, [0, 1]))]);
    expect(new Set(texts.map((text) => parseCoreKeyShare(text).sharedPublicKey.toHex())).size).toBe(1);
  });

  it('survives a board that is away for a while', async () => {
    await board.stop();
    const running = Promise.all([0, 1].map((self) => run(2, keygenSession(self, [0, 1]))));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await board.restart();
    expect(await running).toHaveLength(2);
  });

  it('ends when the others are silent, naming them and the round', async () => {
    const failure = await run(3, keygenSession(0, [0, 1, 2], { silenceMs: 200 })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionTimeout);
    expect(failure).toMatchObject({ round: 'Round1', missing: ['node-2', 'node-3'] });
  });

  it('has posted all its messages when it ends: they may be what the others wait for', async () => {
    const slow = new SlowClient(board.url);
    await Promise.all([run(2, keygenSession(0, [0, 1]), { client: slow }), run(2, keygenSession(1, [0, 1]))]);
    await slow.close();
  });

  it('ends when one that it waits for dies', async () => {
    presence.set(1, 'a');
    const running = run(2, keygenSession(0, [0, 1], { silenceMs: 600_000 })).catch((error: unknown) => error);
    await waits(0);
    presence.set(1, 'a', { live: false, ageMs: 4_000 });
    expect(await running).toMatchObject({ name: 'SessionTimeout', missing: ['node-2'] });
  });

  it('does not end when another dies whose message is there', async () => {
    const dying = new AbortController();
    const third = run(3, keygenSession(2, [0, 1, 2], { signal: dying.signal })).catch(() => undefined);
    await waits(2);
    dying.abort(new Error('killed'));
    await third;
    for (const index of [1, 2]) presence.set(index, 'a');
    const { runner, waitsFor } = watchingRunner();
    const running = run(3, keygenSession(0, [0, 1, 2]), { runner }).catch((error: unknown) => error);
    await until(() => waitsFor().join() === '1');
    presence.set(2, 'a', { live: false, ageMs: 4_000 });
    const stopping = new AbortController();
    const second = run(3, keygenSession(1, [0, 1, 2], { signal: stopping.signal })).catch(() => undefined);
    expect(await running).toMatchObject({ name: 'SessionTimeout', round: 'ReliabilityCheck', missing: ['node-3'] });
    stopping.abort(new Error('enough'));
    await second;
  });

  it('gives a late heartbeat as much time as it is told', async () => {
    presence.set(1, 'a');
    const running = run(2, keygenSession(0, [0, 1], { goneAfterMs: 10_000 })).catch((error: unknown) => error);
    await waits(0);
    presence.set(1, 'a', { live: false, ageMs: 9_000 });
    presence.set(1, 'a');
    expect(await Promise.all([running, run(2, keygenSession(1, [0, 1]))])).toEqual([expect.any(String), expect.any(String)]);
  });

  it('ends when one that it waits for is in another life', async () => {
    presence.set(1, 'a');
    const running = run(2, keygenSession(0, [0, 1], { silenceMs: 600_000 })).catch((error: unknown) => error);
    await waits(0);
    presence.set(1, 'b');
    expect(await running).toMatchObject({ name: 'SessionTimeout', missing: ['node-2'] });
  });

  it('does not mind the death of one that it never saw alive, or does not wait for', async () => {
    presence.set(1, 'a', { live: false, ageMs: 9_999 });
    presence.set(2, 'a');
    const running = [0, 1].map((self) => run(3, keygenSession(self, [0, 1])));
    presence.set(2, 'a', { live: false });
    expect(await Promise.all(running)).toHaveLength(2);
  });

  it('ends with the reason of its signal, and leaves nothing behind', async () => {
    const stopping = new AbortController();
    const running = run(2, keygenSession(0, [0, 1], { signal: stopping.signal })).catch((error: unknown) => error);
    await until(() => presence.listeners > 0);
    const reason = new Error('enough');
    stopping.abort(reason);
    expect(await running).toBe(reason);
    expect(presence.listeners).toBe(0);
    await expect(run(2, keygenSession(0, [0, 1], { signal: stopping.signal }))).rejects.toBe(reason);
  });

  it('ends when a message may not leave any more, and does not post it', async () => {
    const mayPost = (): void => {
      throw new Error('it has expired');
    };
    await expect(run(2, keygenSession(0, [0, 1], { mayPost }))).rejects.toThrow('it has expired');
    expect(await client.listMessages('keygen', 'node-2')).toEqual([]);
  });

  it('ends when the board refuses what it posts', async () => {
    const failure = await run(2, keygenSession(0, [0, 1], { requestId: 'no such id!' })).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'ServiceError', status: 400 });
  });
});
