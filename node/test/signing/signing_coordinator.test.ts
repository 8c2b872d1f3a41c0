import { expect, it } from '@jest/globals';
import { RequestRecordSchema, type RequestRecord } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { sleep } from 'service/clock';
import { runSigning } from '../../src/signing/signing_coordinator.js';
import { passUntil, passUntilSettled } from '../util/passing.js';
import { SigningWorld } from '../util/signing_world.js';

const at = new Date(0).toISOString();
const fields = { message: 'm', status: 'pending', created_at: at, updated_at: at, age_ms: 0 };
const all = [1, 2, 3, 4, 5].map((k) => RequestRecordSchema.parse({ ...fields, id: `req_1_${k}`, revision: `r${k}` }));

it('what the board keeps back as news is found among the pending requests, on whatever page it is', async () => {
  const read: RequestRecord[][] = [];
  const world = new SigningWorld({
    listPresignatureRequests: () => Promise.resolve([]),
    // It says nothing new, and shows pending requests two by two.
    listRequests: async ({ status, changedAfter, signal } = {}) => {
      if (status === undefined) {
        await sleep(world.clock, 1_000, signal);
        return [];
      }
      const page = all.filter(({ revision }) => revision > (changedAfter ?? '0').replace('0', '')).slice(0, 2);
      read.push(page);
      return page;
    },
  });
  const decided = new Set<string>();
  Object.assign(world.config, { poolTarget: 0 });
  Object.assign(world.deps, {
    authorize: ({ id }: RequestRecord) => {
      decided.add(id);
      return Promise.reject(new Refused('the test wants no more'));
    },
  });
  const life = new AbortController();
  const running = runSigning(world.deps, life.signal);
  await passUntil(world.clock, () => decided.size === all.length || world.clock.monotonic() > 15_000);
  life.abort();
  await passUntilSettled(world.clock, running);
  expect([...decided]).toEqual(all.map(({ id }) => id));
  expect(read.map((page) => page.length)).toEqual([2, 2, 1, 0]);
});
