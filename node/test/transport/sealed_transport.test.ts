import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { BoardClient } from 'message-board/client';
import type { PostMessage } from 'message-board/contract';
import { check, openDisclosed, seal, type Place } from 'sealing/envelope';
import { Identity } from 'sealing/identity';
import { Roster } from 'sealing/roster';
import { identityText } from 'testkit/fixed_identity';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import type { Accusation } from '../../src/evidence/accusation.js';
import type { SessionRecord } from '../../src/mail/session_record.js';
import { ProtocolAborted } from '../../src/base/errors.js';
import { runOverBoard, type TransportDeps } from '../../src/transport/http_transport.js';
import type { JobEvents } from '../../src/workers/jobs.js';
import { PLAIN_ACCUSER } from '../../src/evidence/accuser.js';
import { PlainSeals, Seals } from '../../src/mail/seals.js';
import { TestBoard } from 'testkit/board';
import { memoryLog } from '../util/cluster.js';
import { poolInThread } from '../util/in_thread.js';
import { present } from 'testkit/present';
import { members, type Members } from 'testkit/roster';
import { settingDigest, settingOf } from '../../src/mail/session_setting.js';
import { FakePresence, keygenSession, RecordingAccuser, type KeygenSession } from '../util/transport.js';

const sealedCluster = members(3, 2);
const identityOf = (index: number): Identity => present(sealedCluster.identities[index]);
const pool = poolInThread(SMALL_FOR_TESTS);

let board: TestBoard;
let client: BoardClient;
let log: ReturnType<typeof memoryLog>;
let accusations: Accusation[];
afterAll(() => pool.close());
beforeEach(async () => {
  board = await TestBoard.start();
  client = board.client();
  log = memoryLog();
  accusations = [];
});
afterEach(async () => {
  await board.close();
});

/** How a member speaks, and what it does about cheats. */
const spoken = (roster: Roster, identity: Identity): Pick<TransportDeps, 'seals' | 'accuser'> =>
  roster.sealed
    ? { seals: new Seals(roster, identity), accuser: new RecordingAccuser(accusations) }
    : { seals: new PlainSeals(roster, identity), accuser: PLAIN_ACCUSER };

function depsOf(self: number, { roster, identities }: Members = sealedCluster): TransportDeps {
  return {
    client, clock: systemClock, random: systemRandom, logger: log.logger,
    peers: new FakePresence(), runner: pool, audit: { note: () => undefined },
    ...spoken(roster, present(identities[self])), incarnation: 'own', n: 3,
  };
}

const run = (session: KeygenSession, deps = depsOf(session.self)): Promise<string> => runOverBoard(deps, session);
const runBoth = (cluster = sealedCluster): Promise<string[]> =>
  Promise.all([0, 1].map((self) => run(keygenSession(self, [0, 1]), depsOf(self, cluster))));
const failureOf = (running: Promise<unknown>): Promise<unknown> => running.then(() => null, (error: unknown) => error);

/** What node-2 would send first, in key generation by node-1 and node-2 under this execution id. */
function firstMessage(executionId: string): Promise<string> {
  return new Promise((resolve) => {
    const onSend: JobEvents['onSend'] = (message) => {
      resolve(message.payload);
    };
    pool.run({ kind: 'keygen', executionId, index: 1, parties: 2, threshold: 2 }, { onSend });
  });
}

const settingAmong = (participants: readonly number[]): string =>
  settingDigest(settingOf(keygenSession(1, participants).job, participants, null));
const SETTING = settingAmong([0, 1]);
const PLACE: Omit<Place, 'from'> = { namespace: 'messages', session: 'keygen', incarnation: 'a.1', setting: SETTING, to: '*', round: 1 };
const ENTRY = { request_id: 'keygen', from_node: 'node-2', to_node: '*', round: 1 } as const;
const by = (signer: Identity, change: Partial<Place>, text: string, roster = sealedCluster.roster): Promise<string> =>
  seal(signer, roster, { ...PLACE, ...change }, text);
const post = (entry: Partial<PostMessage> & { readonly payload: string }): Promise<unknown> => client.postMessage({ ...ENTRY, ...entry });

describe('a sealed session', () => {
  it('posts what is for one node so that nobody else can read it, and everything signed', async () => {
    await runBoth();
    const messages = [...(await client.listMessages('keygen', 'node-1')), ...(await client.listMessages('keygen', 'node-2'))];
    expect(messages.length).toBeGreaterThan(6);
    for (const { from_node: from, to_node: to, round, payload } of messages) {
      const { body } = await check(sealedCluster.roster, { namespace: 'messages', session: 'keygen', from, to, round }, payload);
      expect('ciphertext' in body).toBe(to !== '*');
    }
    expect(log.lines.filter(({ event }) => event === 'envelope_refused')).toEqual([]);
  });

  it('seals a message once: what is posted again after a restart of the board is the same', async () => {
    const posted = new Map<string, Set<string>>();
    class Watching extends BoardClient {
      override postMessage(message: PostMessage, signal?: AbortSignal): ReturnType<BoardClient['postMessage']> {
        const place = `${message.to_node} ${message.round}`;
        posted.set(place, (posted.get(place) ?? new Set()).add(message.payload));
        return super.postMessage(message, signal);
      }
    }
    const watching = new Watching(board.url);
    const first = run(keygenSession(0, [0, 1]), { ...depsOf(0), client: watching });
    while ((await client.listMessages('keygen', 'node-2')).length === 0);
    await board.restart();
    await Promise.all([first, run(keygenSession(1, [0, 1]))]);
    await watching.close();
    expect(posted.size).toBeGreaterThan(3);
    expect([...posted.values()].map(({ size }) => size)).toEqual([...posted.values()].map(() => 1));
  });

  it('posts in the order of the protocol, however long sealing takes', async () => {
    class Slow extends Seals {
      override async seal(...args: Parameters<Seals['seal']>): ReturnType<Seals['seal']> {
        if (args[0].to === '*') await new Promise((resolve) => setTimeout(resolve, 100));
        return super.seal(...args);
      }
    }
    const slow = { ...depsOf(0), seals: new Slow(sealedCluster.roster, identityOf(0)) };
    await Promise.all([run(keygenSession(0, [0, 1]), slow), run(keygenSession(1, [0, 1]))]);
    const posted = (await client.listMessages('keygen', 'node-2')).filter(({ from_node }) => from_node === 'node-1');
    expect(posted.map(({ round, to_node }) => [round, to_node])).toEqual([
      [1, '*'],
      [2, '*'],
      [3, '*'],
      [3, 'node-2'],
      [4, '*'],
    ]);
  });

  const stranger = Identity.parse(identityText('node-2', 'of another cluster'));
  const otherRoster = new Roster({ ...sealedCluster.roster.file, cluster: 'f'.repeat(32) });
  const text = '{"Round1":7}';
  const signed = (index: number, change: Partial<Place> = {}) => async () => ({ payload: await by(identityOf(index), change, text) });
  const forOne = (index: number, change: Partial<Place> = {}) => async () => ({ to_node: 'node-1', ...(await signed(index, change)()) });
  it.each<[string, RegExp, () => Promise<Partial<PostMessage> & { payload: string }>]>([
    ['forged', /signature of node-2 is not valid/, async () => ({ payload: await by(stranger, {}, text) })],
    ['of another member in its name', /it was signed for node-3/, signed(2)],
    ['of another session', /session: it was signed for other/, signed(1, { session: 'other' })],
    ['of the other list', /namespace: it was signed for presignature-messages/, signed(1, { namespace: 'presignature-messages' })],
    ['of another round', /round: it was signed for 2/, signed(1, { round: 2 })],
    ['of another roster', /another roster/, async () => ({ payload: await by(identityOf(1), {}, text, otherRoster) })],
    ['our own, reflected', /it was signed for node-1/, signed(0)],
    ['for another recipient', /to: it was signed for node-3/, forOne(1, { to: 'node-3' })],
    ['for one, shown to all', /to: it was signed for node-1/, signed(1, { to: 'node-1' })],
    ['for all, shown to one', /to: it was signed for \*/, forOne(1)],
    ['in clear', /not in base64url/, () => firstMessage('k').then((payload) => ({ payload }))],
    ['cut', /not (valid|in base64url)/, async () => ({ payload: (await by(identityOf(1), {}, text)).slice(0, -20) })],
  ])('ignores a message that is %s: the honest one that follows counts', async (_, reason, wrong) => {
    await post(await wrong());
    await post({ payload: 'another that is wrong' });
    expect(await runBoth()).toHaveLength(2);
    const refused = log.lines.filter(({ event, from }) => event === 'envelope_refused' && from === 'node-2');
    expect(refused).toEqual([expect.objectContaining({ session: 'keygen', reason: expect.stringMatching(reason) })]);
    expect(accusations).toEqual([]);
  });

  it('ignores what comes under its own name', async () => {
    await post({ from_node: 'node-1', to_node: 'node-1', payload: await by(identityOf(0), { to: 'node-1' }, text) });
    expect(await runBoth()).toHaveLength(2);
  });

  it('ends when a participant speaks in another life, without a culprit', async () => {
    await post({ payload: await by(identityOf(1), {}, await firstMessage('k')) });
    await post({ payload: await by(identityOf(1), { incarnation: 'b.1' }, await firstMessage('another')) });
    expect(await failureOf(run(keygenSession(0, [0, 1])))).toMatchObject({ name: 'SessionTimeout', missing: ['node-2'] });
    expect(accusations).toEqual([]);
  });

  it('two runs under one id by the same node are two lives: nothing in one contradicts the other', async () => {
    const stopping = new AbortController();
    const first = failureOf(run(keygenSession(1, [0, 1], { signal: stopping.signal })));
    while ((await client.listMessages('keygen', 'node-1')).length === 0);
    stopping.abort(new Error('once more'));
    await first;
    const failures = await Promise.all([0, 1].map((self) => failureOf(run(keygenSession(self, [0, 1], { silenceMs: 1_000 })))));
    expect(failures[0]).toMatchObject({ name: 'SessionTimeout', missing: ['node-2'] });
    expect(accusations).toEqual([]);
  });
});

/** What a third party sees of a record: the messages in which a member has said something, opened. */
async function opened({ received }: SessionRecord): Promise<{ from: string; to: string; plaintext: string }[]> {
  return Promise.all(
    received.map(async ({ text, disclosure }) => {
      const { place, plaintext } = await openDisclosed(sealedCluster.roster, text, disclosure);
      return { from: place.from, to: place.to, plaintext };
    }),
  );
}

const sessionRecord = ([accusation, ...more]: readonly Accusation[]): SessionRecord => {
  if (accusation?.record.kind !== 'session' || more.length > 0) throw new Error('one accusation, from a session');
  return accusation.record;
};

describe('a sealed session with one that cheats', () => {
  it('has a culprit for a contradiction, and the two messages for everybody to check', async () => {
    const texts = [await firstMessage('a'), await firstMessage('b')];
    for (const payload of texts) await post({ payload: await by(identityOf(1), {}, payload) });
    const failure = await failureOf(run(keygenSession(0, [0, 1])));
    expect(failure).toBeInstanceOf(ProtocolAborted);
    expect(failure).toMatchObject({ code: 'contradicting_messages', blame: [{ party: 1 }] });
    expect(accusations).toMatchObject([{ code: 'contradicting_messages', blame: [{ party: 1 }] }]);
    const record = sessionRecord(accusations);
    const about = { protocol: 'keygen', execution_id: 'k', participants: [0, 1], key_material: null, message: null };
    expect(record).toMatchObject({ requestId: 'keygen', setting: about });
    expect((await opened(record)).map(({ plaintext }) => plaintext)).toEqual(texts);
    expect(record.sent.length).toBeGreaterThan(0);
  });

  it('has a culprit, by its index in the cluster, for a malformed message; one for us alone is disclosed', async () => {
    const malformed = '{"Round2Uni":{"sigma":7}}';
    const payload = await by(identityOf(2), { to: 'node-1', round: 3, setting: settingAmong([0, 2]) }, malformed);
    await post({ from_node: 'node-3', to_node: 'node-1', round: 3, payload });
    expect(await failureOf(run(keygenSession(0, [0, 2])))).toMatchObject({ code: 'malformed_message', blame: [{ party: 2 }] });
    expect(accusations).toMatchObject([{ code: 'malformed_message', blame: [{ party: 2 }] }]);
    expect(await opened(sessionRecord(accusations))).toEqual([{ from: 'node-3', to: 'node-1', plaintext: malformed }]);
  });

  it('keeps what it has sent itself to one node so that it can show it', async () => {
    class Cheating extends Seals {
      override seal(...[place, plaintext]: Parameters<Seals['seal']>): ReturnType<Seals['seal']> {
        return super.seal(place, place.round === 4 ? '{"Round3":7}' : plaintext);
      }
    }
    const cheating = { ...depsOf(1), seals: new Cheating(sealedCluster.roster, identityOf(1)) };
    const [failure] = await Promise.all([failureOf(run(keygenSession(0, [0, 1]))), failureOf(run(keygenSession(1, [0, 1]), cheating))]);
    expect(failure).toMatchObject({ code: 'malformed_message', blame: [{ party: 1 }] });
    const { sent } = sessionRecord(accusations);
    const opened = await Promise.all(sent.map(({ text, disclosure }) => openDisclosed(sealedCluster.roster, text, disclosure)));
    expect(opened.map(({ place: { from, to, round } }) => [from, to, round])).toContainEqual(['node-1', 'node-2', 3]);
  });
});

describe('a plain session', () => {
  const plain = members(3, 2, 'plain');

  it('is in clear', async () => {
    expect(await runBoth(plain)).toHaveLength(2);
    const messages = await client.listMessages('keygen', 'node-1');
    for (const { payload } of messages) expect(Object.keys(JSON.parse(payload) as object)).toHaveLength(1);
  });

  it('blames a participant for a malformed message and nobody for a contradiction: anyone may have posted one of the two', async () => {
    await post({ payload: '{"Round1":7}' });
    const failure = await failureOf(run(keygenSession(0, [0, 1]), depsOf(0, plain)));
    expect(failure).toMatchObject({ code: 'malformed_message', blame: [{ party: 1 }] });
    for (const executionId of ['a', 'b']) await post({ request_id: 'again', payload: await firstMessage(executionId) });
    const again = keygenSession(0, [0, 1], { requestId: 'again' });
    expect(await failureOf(run(again, depsOf(0, plain)))).toMatchObject({ code: 'contradicting_messages', blame: [] });
    expect(accusations).toEqual([]);
  });

  it('does not take a sealed message for one in clear', async () => {
    await post({ payload: await by(identityOf(1), {}, await firstMessage('k')) });
    expect(await failureOf(run(keygenSession(0, [0, 1]), depsOf(0, plain)))).toMatchObject({ code: 'malformed_message' });
  });
});
