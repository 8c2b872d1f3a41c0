import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { PresignatureRequestSchema } from 'message-board/contract';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { ExecutionJournal } from '../../src/storage/execution_journal.js';
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

it('a presignature is begun once, however often the board asks for it, also after a restart', () =>
  inFolder(async (folder) => {
    const participants = [0, 1, 2];
    const at = new Date().toISOString();
    const origin = await sign(present(identities[1]), roster, PRESIGNATURE_REQUEST, { id: ID, participants });
    const request = PresignatureRequestSchema.parse({
      id: ID,
      request_id: ID,
      participants,
      origin,
      status: 'pending',
      created_at: at,
      updated_at: at,
      age_ms: 0,
    });
    let runs = 0;
    const job = () => ({ receive: () => undefined, abort: () => undefined, result: Promise.reject(new Error(`run ${++runs}`)) });
    for (const life of [1, 2]) {
      const { logger, lines } = memoryLog();
      const journal = await ExecutionJournal.open(join(folder, 'journal'));
      const idle = (): Promise<never[]> => new Promise((resolve) => setTimeout(resolve, 20, []));
      const asking = async () => [...(await idle()), request];
      const client = {
        listPresignatureRequests: asking,
        updatePresignatureRequest: idle,
        listPresignatureMessages: idle,
        postPresignatureMessage: idle,
        onRestart: () => () => undefined,
      };
      const presence = new FakePresence();
      const deps: PresigningDeps = {
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
        runner: { run: job },
        keyShare: { materialDigest: 'a'.repeat(64) },
        demand: new PoolDemand({ target: 2, max: 4 }, systemClock),
        clock: systemClock,
        random: systemRandom,
        logger,
        config: { poolTarget: 2, poolMax: 4, workers: 1, fullSigningTimeoutMs: 1_000, poolLeaderTimeoutMs: 600_000 },
      };
      const ending = new AbortController();
      const running = new PresignatureMaker({ ...deps, isBusy: () => true, onAdded: () => undefined }).run(ending.signal);
      await eventually('it is asked for again', () =>
        lines.some(({ event, reason }) => event === 'presignature_refused' && reason === 'it was begun before'),
      );
      ending.abort();
      await running;
      await journal.close();
      expect([life, runs]).toEqual([life, 1]);
    }
  }));
