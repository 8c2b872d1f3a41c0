import { expect, it, jest } from '@jest/globals';
import { RequestRecordSchema } from 'message-board/contract';
import { systemClock } from 'service/clock';
import { Seals } from '../../src/mail/seals.js';
import { SigningTask, wake } from '../../src/signing/signing_task.js';
import { memoryLog } from '../util/cluster.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';

it('a task takes news of its request, and never another message or another asker', () => {
  const { roster, identities } = members(4, 3);
  const first = RequestRecordSchema.parse({ id: 'req_1', message: 'pay alice', origin: 'o', status: 'pending', revision: '1', created_at: new Date(0).toISOString(), updated_at: new Date(0).toISOString() });
  const task = new SigningTask({ seals: new Seals(roster, present(identities[0])), n: 4, clock: systemClock, logger: memoryLog().logger }, first);
  for (const other of [{ ...first, message: 'pay mallory' }, { ...first, origin: 'p' }, { ...first, origin: undefined }, { ...first, id: 'req_2' }]) {
    expect(task.isAbout(other)).toBe(false);
    task.request = { ...other, revision: '2' };
    expect(task.request).toBe(first);
  }
  const news = { ...first, revision: '2', presignature_id: 'p' };
  task.request = news;
  expect(task.request).toBe(news);
});

it('news wakes all tasks, but of those that wait for a presignature no more than two batches, the oldest', () => {
  const { roster, identities } = members(4, 3);
  const record = RequestRecordSchema.parse({ id: 'req_1', message: 'pay alice', status: 'pending', revision: '1', created_at: new Date(0).toISOString(), updated_at: new Date(0).toISOString() });
  const tasks = Array.from({ length: 24 }, () => new SigningTask({ seals: new Seals(roster, present(identities[0])), n: 4, clock: systemClock, logger: memoryLog().logger }, record));
  const notices = tasks.map((task, k) => {
    task.isWaiting = k !== 2 && k !== 23;
    return jest.spyOn(task.wakeup, 'notify');
  });
  wake(tasks);
  expect(notices.flatMap(({ mock }, k) => (mock.calls.length > 0 ? [k] : []))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 23]);
});
