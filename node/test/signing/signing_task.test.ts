import { expect, it, jest } from '@jest/globals';
import { RequestRecordSchema } from 'message-board/contract';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import { SEALED_CLUSTER } from '../../src/signing/cluster_kind.js';
import { SigningTask, wake } from '../../src/signing/signing_task.js';
import { accepted, waiting } from '../../src/signing/task_state.js';
import { memoryLog } from '../util/cluster.js';

const { roster } = members(4, 3);
const deps = {
  roster,
  n: 4,
  cluster: SEALED_CLUSTER,
  clock: new VirtualClock(),
  logger: memoryLog().logger,
};
const at = new Date(0).toISOString();
const first = RequestRecordSchema.parse({
  id: 'req_1',
  message: 'pay alice',
  origin: 'o',
  status: 'pending',
  revision: '1',
  created_at: at,
  updated_at: at,
  age_ms: 0,
});

it('a task takes news of its request, and never another message or another asker', () => {
  const task = new SigningTask(deps, first);
  for (const other of [
    { ...first, message: 'pay mallory' },
    { ...first, origin: 'p' },
    { ...first, origin: undefined },
    { ...first, id: 'req_2' },
  ]) {
    expect(task.isAbout(other)).toBe(false);
    task.request = { ...other, revision: '2' };
    expect(task.request).toBe(first);
  }
  const news = { ...first, revision: '2', presignature_id: 'p' };
  task.request = news;
  expect(task.request).toBe(news);
});

it('the age of a request is the one that came with the least delay, by either clock and in one life of the board', async () => {
  const clock = new VirtualClock();
  const task = new SigningTask({ ...deps, clock }, { ...first, age_ms: 100 });
  const began = clock.monotonic();
  const acceptedAfter = async (ms: number, change: object): Promise<number> => {
    await clock.advance(ms);
    task.request = { ...first, ...change };
    return task.acceptedAt - began;
  };
  expect(task.acceptedAt - began).toBe(-100);
  // This answer was under way for a second.
  expect(await acceptedAfter(2_000, { age_ms: 1_100 })).toBe(-80);
  expect(await acceptedAfter(1_000, { age_ms: 3_095 })).toBe(-95);
  expect(await acceptedAfter(1_000, { age_ms: 10, created_at: new Date(1).toISOString() })).toBe(3_990);
});

it('news wakes all tasks, but of those that wait for a presignature no more than two batches, the oldest', () => {
  const tasks = Array.from({ length: 24 }, () => new SigningTask(deps, first));
  const notices = tasks.map((task, k) => {
    task.move('deciding', () => waiting(accepted(undefined, 0), k !== 2 && k !== 23));
    return jest.spyOn(task.wakeup, 'notify');
  });
  wake(tasks);
  expect(notices.flatMap(({ mock }, k) => (mock.calls.length > 0 ? [k] : []))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 23]);
});

it('a step that comes too late changes nothing', () => {
  const task = new SigningTask(deps, first);
  task.move('deciding', () => accepted(undefined, 0));
  task.move('deciding', () => accepted('later', 0));
  expect([task.state.kind, task.assigned]).toEqual(['waiting', undefined]);
});
