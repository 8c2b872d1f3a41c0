/** A cheat in key generation and in aux info: each field of each message, over the real transport, and what its evidence proves. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auxInfo, keygen, serializePrimes, type AbortCode, type SecurityParams, type Session } from 'cggmp24';
import { fieldsOf, fixturePrimes, plausible, simulate, SMALL_FOR_TESTS } from 'cggmp24/testing';
import type { BoardClient } from 'message-board/client';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { replaceAt, type Json } from 'testkit/json';
import { SealedAccuser } from '../../src/evidence/accuser.js';
import { Culprits } from '../../src/evidence/culprits.js';
import { convictions } from '../../src/evidence/evidence.js';
import { EvidenceFolder } from '../../src/evidence/evidence_folder.js';
import { runOverBoard } from '../../src/transport/http_transport.js';
import type { SessionJob } from '../../src/workers/jobs.js';
import { Seals } from '../../src/mail/seals.js';
import { nodeId } from '../../src/base/utils.js';
import type { StartThread } from '../../src/workers/worker_pool.js';
import { TestBoard } from 'testkit/board';
import { agreeing, saying, type Alter } from '../util/cheat.js';
import { memoryLog } from '../util/cluster.js';
import { inThread, poolInThread } from '../util/in_thread.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { FakePresence } from '../util/transport.js';

/** Fewer repetitions of Pi^mod and Pi^prm: what is refused is another value, never one that was guessed. */
const params: SecurityParams = { ...SMALL_FOR_TESTS, m: 12 };
const PARTIES = 3;
const CHEAT = 2;
const HONEST = [0, 1];
const everyone = [0, 1, 2];
const all = members(PARTIES, 2);

type Protocol = 'keygen' | 'aux_info';
const jobs: Readonly<Record<Protocol, (index: number, executionId: string) => SessionJob>> = {
  keygen: (index, executionId) => ({ kind: 'keygen', executionId, index, parties: PARTIES, threshold: 2 }),
  aux_info: (index, executionId) => {
    const primes = serializePrimes(fixturePrimes(index, params));
    return { kind: 'aux_info', executionId, index, parties: PARTIES, primes, insecurePrmFirstWordOnly: false };
  },
};

/** What the cheat sends in an honest run: one body of each message. */
function honestBodies<T>(session: (index: number) => Session<T>): Map<string, Json> {
  const bodies = new Map<string, Json>();
  simulate(everyone.map(session), {
    tamper: (delivery) => {
      const [[variant, body] = ['', null]] = Object.entries(JSON.parse(delivery.payload) as Record<string, Json>);
      if (delivery.from === CHEAT) bodies.set(variant, body);
      return [delivery];
    },
  });
  return bodies;
}

const executionId = new TextEncoder().encode('honest');
const bodies: Readonly<Record<Protocol, Map<string, Json>>> = {
  keygen: honestBodies((index) => keygen({ executionId, index, parties: PARTIES, threshold: 2 })),
  aux_info: honestBodies((index) => auxInfo({ executionId, index, parties: PARTIES, primes: fixturePrimes(index, params) })),
};

let board: TestBoard;
let client: BoardClient;
let folder: string;
let runs = 0;
beforeAll(async () => {
  board = await TestBoard.start();
  client = board.client();
  folder = await mkdtemp(join(tmpdir(), 'cheating-setup-'));
});
afterAll(async () => {
  await board.close();
  await rm(folder, { recursive: true });
});

interface Ending {
  /** Whom the honest nodes call what. */
  readonly named: string[];
  /** What their evidence proves to somebody who has the roster alone. */
  readonly proven: string[];
  readonly ends: string[];
}

/** One run with the cheat. */
async function run(protocol: Protocol, cheating: (start: StartThread) => StartThread): Promise<Ending> {
  const requestId = `${protocol}.${++runs}`;
  const log = memoryLog();
  const stopping = new AbortController();
  const presence = new FakePresence();
  const saving: Promise<void>[] = [];
  const runNode = async (index: number): Promise<string> => {
    const logger = log.logger.child({ node: nodeId(index) });
    const honest = inThread(params);
    const runner = poolInThread(params, { startThread: index === CHEAT ? cheating(honest) : honest, logger });
    const ownFolder = join(folder, requestId, nodeId(index));
    const evidence = new EvidenceFolder({ folder: ownFolder, roster: all.roster, params, index, key: null, logger });
    const save: EvidenceFolder['save'] = (accusation) => {
      const saved = evidence.save(accusation);
      saving.push(saved);
      return saved;
    };
    const culprits = new Culprits({ presence, n: PARTIES, t: 2 });
    const accuser = new SealedAccuser({ culprits, evidence: { save }, logger });
    const seals = new Seals(all.roster, present(all.identities[index]));
    const parts = { client, peers: presence, runner, accuser, audit: { note: () => undefined }, seals };
    const deps = { ...parts, clock: systemClock, random: systemRandom, logger, incarnation: 'own', n: PARTIES };
    const job = jobs[protocol](index, requestId);
    const session = { namespace: 'messages', requestId, participants: everyone, self: index, job, keyMaterial: null } as const;
    try {
      return await runOverBoard(deps, { ...session, silenceMs: 5_000, signal: stopping.signal }).then(
        () => 'done',
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      );
    } finally {
      await runner.close();
    }
  };
  const cheat = runNode(CHEAT);
  const ends = await Promise.all(HONEST.map(runNode));
  stopping.abort(new Error('enough'));
  await Promise.all([cheat, ...saving]);
  const honest = (line: Record<string, unknown>): boolean => line.event === 'culprit' && line.node !== nodeId(CHEAT);
  const named = new Set(log.lines.filter(honest).map(({ culprit, code }) => `${String(culprit)} ${String(code)}`));
  return { named: [...named], proven: await proven(requestId), ends };
}

async function proven(requestId: string): Promise<string[]> {
  const names = await readdir(join(folder, requestId), { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith(nodeId(CHEAT)));
  const verdicts = await Promise.all(files.map(async (name) => {
    const found = await convictions(all.roster, params, await readFile(join(folder, requestId, name), 'utf8'));
    return found.length === 0 ? ['nothing'] : found.map(({ member, code }) => `${member} ${code}`);
  }));
  return [...new Set(verdicts.flat())];
}

function codeOf(protocol: Protocol, variant: string, path: string): AbortCode {
  if (variant === 'Round1' || variant === 'Round2' || variant === 'Round2Broad') return 'invalid_decommitment';
  if (protocol === 'keygen') return variant === 'Round2Uni' ? 'invalid_share' : 'invalid_schnorr_proof';
  return path.startsWith('/mod_proof') ? 'invalid_modulus_proof' : 'invalid_factor_proof';
}

const only = (variant: string, change: (body: Json) => Json): Alter => (name, body) => (name === variant ? change(body) : undefined);

describe.each(['keygen', 'aux_info'] as const)('a cheat in %s', (protocol) => {
  // Of repetitions the first stands for all here.
  const pathsOf = (body: Json): string[] => fieldsOf(body).map(({ path }) => path).filter((path) => !path.includes('/11'));
  const fields = [...bodies[protocol]].flatMap(([variant, body]) => pathsOf(body).map((path) => [variant, path] as const));
  const altered = fields.filter(([variant]) => variant !== 'ReliabilityCheck');

  it.each(altered)('%s%s altered is named, and proven, and nobody else is', async (variant, path) => {
    const alter = only(variant, (body) => {
      const field = fieldsOf(body).find((each) => each.path === path);
      return replaceAt(body, path, plausible(present(field)));
    });
    const verdict = [`${nodeId(CHEAT)} ${codeOf(protocol, variant, path)}`];
    expect(await run(protocol, (start) => saying(alter, agreeing(start)))).toMatchObject({ named: verdict, proven: verdict });
  });

  it.each([...bodies[protocol].keys()])('%s that is no such message is', async (variant) => {
    const verdict = [`${nodeId(CHEAT)} malformed_message`];
    expect(await run(protocol, (start) => saying(only(variant, () => 7), start))).toMatchObject({ named: verdict, proven: verdict });
  });

  it('proofs of another run are', async () => {
    const verdict = [`${nodeId(CHEAT)} ${codeOf(protocol, 'Round3', '/mod_proof')}`];
    const replay = only('Round3', () => bodies[protocol].get('Round3') ?? null);
    expect(await run(protocol, (start) => saying(replay, start))).toMatchObject({ named: verdict, proven: verdict });
  });

  it('an echo of something else is not: it may as well be about what another one has sent', async () => {
    const alter = only('ReliabilityCheck', (body) => (body as number[]).map((byte) => byte ^ 1));
    const ends = HONEST.map(() => 'inconsistent_broadcast');
    expect(await run(protocol, (start) => saying(alter, start))).toEqual({ named: [], proven: [], ends });
  });
});
