import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { presign } from 'cggmp24';
import { generateShares, outputs, seededRng, simulate, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { FULL_PAGE, PresignatureRequestSchema, type PresignatureRequest } from 'message-board/contract';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { systemClock, type Clock } from 'service/clock';
import { systemRandom } from 'service/random';
import { ExecutionJournal } from '../../src/storage/execution_journal.js';
import { SessionTimeout } from '../../src/base/errors.js';
import { PoolDemand } from '../../src/presigning/pool_demand.js';
import { PresignatureMaker } from '../../src/presigning/presignature.js';
import type { PresigningDeps } from '../../src/presigning/presigning_deps.js';
import { PLAIN_ACCUSER } from '../../src/evidence/accuser.js';
import { Seals } from '../../src/mail/seals.js';
import { eventually, memoryLog } from '../util/cluster.js';
import { inFolder } from 'testkit/folder';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { FakePresence } from '../util/transport.js';

const { roster, identities } = members(4, 3);
const ID = `presig_gen_node-2_${'ab'.repeat(16)}`;

const participants = [0, 1, 2];

/** The leader, node-2, asks for it, unless another one signs, or another one is signed for. */
async function asked(signer = 1, claims: object = {}) {
  const at = new Date().toISOString();
  const origin = await sign(present(identities[signer]), roster, PRESIGNATURE_REQUEST, { id: ID, participants, ...claims });
  const times = { created_at: at, updated_at: at };
  return PresignatureRequestSchema.parse({ id: ID, request_id: ID, participants, origin, status: 'pending', ...times });
}

/** Of node-1, whose sessions end as the test says. The board asks for one presignature again and again. */
async function makerOf({ journal, result, heldMs = () => 0, clock = systemClock, request, list }: {
  readonly journal: PresigningDeps['journal'];
  readonly result: () => Promise<string>;
  readonly heldMs?: () => number;
  readonly clock?: Clock;
  readonly request?: PresignatureRequest;
  readonly list?: PresigningDeps['client']['listPresignatureRequests'];
}) {
  const about = request ?? (await asked());
  const { logger, lines } = memoryLog();
  const idle = (): Promise<never[]> => new Promise((resolve) => setTimeout(resolve, 20, []));
  const client = {
    listPresignatureRequests: list ?? (async () => [...(await idle()), about]),
    updatePresignatureRequest: idle,
    listPresignatureMessages: idle,
    postPresignatureMessage: idle,
    onRestart: () => () => undefined,
  };
  const run = () => ({ receive: () => undefined, abort: () => undefined, result: result() });
  const runner = { run, get heldMs() { return heldMs(); } };
  const presence = new FakePresence();
  const deps = {
    client: client as unknown as PresigningDeps['client'],
    index: 0,
    n: 4,
    t: 3,
    seals: new Seals(roster, present(identities[0])),
    incarnation: 'own',
    peers: presence,
    presence,
    accuser: PLAIN_ACCUSER,
    culprits: { has: () => false },
    audit: { note: () => undefined },
    journal,
    runner: runner as unknown as PresigningDeps['runner'],
    keyShare: { materialDigest: 'a'.repeat(64) },
    demand: new PoolDemand({ target: 2, max: 4 }, systemClock),
    clock,
    random: systemRandom,
    logger,
    config: { poolTarget: 2, poolMax: 4, workers: 1, poolLeaderTimeoutMs: 600_000 },
  } satisfies PresigningDeps;
  const ending = new AbortController();
  const silent: (readonly number[])[] = [];
  const onSilent = (parties: readonly number[]): void => void silent.push(parties);
  const maker = new PresignatureMaker({ ...deps, onAdded: () => undefined, onSilent });
  return { maker, silent, presence, lines, ending, demand: deps.demand, running: () => maker.run(ending.signal) };
}

it('a presignature is begun once, however often the board asks for it, also after a restart', () =>
  inFolder(async (folder) => {
    let runs = 0;
    for (const life of [1, 2]) {
      const journal = await ExecutionJournal.open(join(folder, 'journal'));
      const { lines, ending, running } = await makerOf({ journal, result: () => Promise.reject(new Error(`run ${++runs}`)) });
      const ended = running();
      await eventually('it is asked for again', () =>
        lines.some(({ event, reason }) => event === 'presignature_refused' && reason === 'it was begun before'),
      );
      ending.abort();
      await ended;
      await journal.close();
      expect([life, runs]).toEqual([life, 1]);
    }
  }));

it.each([
  ['of those whose messages did not come', new SessionTimeout('round1b', ['node-3']), [[2]]],
  ['of nobody, when it fails for another reason', new Error('another reason'), []],
])('when a making fails, it is told %s', async (_of, failure, expected) => {
  let isFirst = true;
  const claim = (): Promise<boolean> => Promise.resolve(isFirst && !(isFirst = false));
  const { lines, silent, ending, running } = await makerOf({ journal: { claim }, result: () => Promise.reject(failure) });
  const ended = running();
  await eventually('it has failed', () => lines.some(({ event }) => event === 'presignature_failed'));
  ending.abort();
  await ended;
  expect(silent).toEqual(expected);
});

it.each<[reason: string, request: () => Promise<PresignatureRequest>]>([
  ['it is not signed', async () => ({ ...(await asked()), origin: undefined })],
  ['it is signed by node-3', () => asked(2)],
  ['another one was signed', () => asked(1, { id: `${ID.slice(0, -1)}c` })],
  ['another one was signed', () => asked(1, { participants: [1, 2, 3] })],
  ['it is not well formed', async () => ({ ...(await asked()), id: 'presig' })],
])('a presignature for which its leader has not signed is not made: %s', async (reason, request) => {
  const begun: string[] = [];
  const claim = (id: string): Promise<boolean> => Promise.resolve(begun.push(id) > 0);
  const wrong = await makerOf({ journal: { claim }, result: () => Promise.reject(new Error('it is made')), request: await request() });
  const running = wrong.running();
  await eventually('it is refused', () => wrong.lines.some(({ event }) => event === 'presignature_refused'));
  wrong.ending.abort();
  await running;
  expect([wrong.lines.flatMap((line) => (line.event === 'presignature_refused' ? [line.reason] : [])), begun]).toEqual([[reason], []]);
});

it('a node that asks in vain has one line in the log for each minute, with how many it is not said of', async () => {
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now };
  let claims = 0;
  const journal = { claim: () => Promise.resolve(++claims < 0) };
  const { lines, ending, running } = await makerOf({ journal, result: () => Promise.reject(new Error('none')), clock });
  const ended = running();
  const refused = () => lines.flatMap(({ event, unlogged }) => (event === 'presignature_refused' ? [unlogged] : []));
  await eventually('it is refused a few times', () => claims >= 5);
  now = 59_999;
  await eventually('it is refused ten times at least', () => claims >= 10);
  expect(refused()).toEqual([0]);
  now = 60_000;
  await eventually('it is logged again', () => refused().length === 2);
  expect(refused()[1]).toBeGreaterThanOrEqual(9);
  ending.abort();
  await ended;
});

it('how long one takes is without what full signings took meanwhile', async () => {
  const rng = seededRng('held');
  const shares = generateShares({ parties: 2, threshold: 2, params: SMALL_FOR_TESTS, rng });
  const executionId = rng(8);
  const [half] = outputs(simulate(shares.map((share) => presign({ executionId, share, signers: [0, 1], rng }))));
  let [now, heldMs] = [1_000, 7_000];
  const result = (): Promise<string> => {
    now += 5_000;
    heldMs += 3_000;
    return Promise.resolve(present(half).handOver());
  };
  const journal = { claim: () => Promise.resolve(true) };
  const clock = { ...systemClock, monotonic: () => now };
  const { maker, ending, running, demand } = await makerOf({ journal, result, heldMs: () => heldMs, clock });
  const ended = running();
  await eventually('it is made', () => maker.pool.size > 0);
  expect(demand.refillMs).toBe(2_000);
  ending.abort();
  await ended;
});

it('a presignature whose maker is restarted while it is made never enters the pool', async () => {
  let finish: (text: string) => void = () => undefined;
  const result = (): Promise<string> => new Promise((resolve) => { finish = resolve; });
  let claims = 0;
  const journal = { claim: () => Promise.resolve(++claims === 1) };
  const { maker, presence, lines, ending, running } = await makerOf({ journal, result });
  for (const index of [1, 2]) presence.set(index, 'a');
  const ended = running();
  await eventually('it is being made', () => maker.has(ID));
  presence.set(2, 'b');
  finish('{}');
  await eventually('it is over', () => lines.some(({ event }) => event === 'presignature_failed'));
  const [failure] = lines.filter(({ event }) => event === 'presignature_failed');
  expect(maker.pool.size).toBe(0);
  expect(failure).toMatchObject({ err: { message: 'one of its makers was restarted meanwhile' } });
  ending.abort();
  await ended;
});

it('what was asked for before this start is skipped, however many pages of it there are', async () => {
  const about = await asked();
  const all = Array.from({ length: FULL_PAGE + 1 }, (_, k) => ({ ...about, id: `${ID}_${k}` }));
  const cursors: (string | undefined)[] = [];
  const list: PresigningDeps['client']['listPresignatureRequests'] = async ({ after } = {}) => {
    cursors.push(after);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const from = all.findIndex(({ id }) => id === after) + 1;
    return all.slice(from, from + FULL_PAGE);
  };
  const journal = { claim: () => Promise.resolve(false) };
  const { maker, lines, ending, running } = await makerOf({ journal, result: () => Promise.reject(new Error('none')), list });
  await maker.prepare(ending.signal);
  const ended = running();
  await eventually('it follows what comes next', () => cursors.length > 2);
  ending.abort();
  await ended;
  expect(cursors.slice(0, 3)).toEqual([undefined, all.at(-2)?.id, all.at(-1)?.id]);
  expect(lines.filter(({ event }) => event === 'presignature_refused')).toEqual([]);
});
