import { beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { Agreement } from '../../src/setup/agreement.js';
import { runOnlyAttempt } from '../../src/setup/only_attempt.js';
import { initialStatus, type Phase } from '../../src/setup/phase.js';
import { SetupStopped } from '../../src/base/errors.js';
import type { PresenceView } from '../../src/cluster/presence.js';
import { IDLE, nodeStatus } from '../util/node_status.js';
import { FakePresence } from '../util/transport.js';
import { attemptNames } from '../../src/setup/attempt_names.js';

const FIRST = { boardId: 'keygen', executionId: 'threshold_keygen_initial_2024___' };
const never = new AbortController().signal;

describe('the names of attempts', () => {
  const names = attemptNames(FIRST, 4);

  it('are fixed for the first, and distinct for all others', () => {
    expect([names.boardId(0), names.executionId(0)]).toEqual(['keygen', 'threshold_keygen_initial_2024___']);
    expect([names.boardId(7), names.executionId(7)]).toEqual(['keygen.7.1-2-3-4', 'keygen.7.1-2-3-4']);
  });

  it.each([
    ['threshold_keygen_initial_2024___', 0],
    ['keygen.7.1-2-3-4', 7],
    ['keygen.12.1-2-3-4', 12],
    ['keygen.7.1-2-3', null],
    ['keygen.07.1-2-3-4', null],
    ['keygen.0.1-2-3-4', null],
    ['auxgen.7.1-2-3-4', null],
    ['keygen', null],
    ['req_1_ab.7.1-2-3-4', null],
  ])('are read back: %s', (id, attempt) => {
    expect(names.attemptOf(id)).toBe(attempt);
  });
});

/** A disk and a protocol whose result is the attempt's name. */
class FakePhase {
  claimed = new Set<string>();
  pending: { attempt: number; text: string } | null = null;
  final: string | null = null;
  obstacle: string | null = null;
  runs: number[] = [];

  get journal() {
    return {
      ids: () => this.claimed.values(),
      claim: (id: string) => {
        const fresh = !this.claimed.has(id);
        this.claimed.add(id);
        return Promise.resolve(fresh);
      },
    };
  }

  get phase(): Phase {
    const { executionId, attemptOf } = attemptNames(FIRST, 3);
    return {
      name: 'keygen',
      executionId,
      attemptOf,
      digestOf: (text) => `digest of ${text}`,
      prepare: () => Promise.resolve(),
      obstacle: () => Promise.resolve(this.obstacle),
      run: (attempt) => {
        this.runs.push(attempt);
        return Promise.resolve(`result ${attempt}`);
      },
      store: {
        load: () => Promise.resolve(this.final),
        loadPending: () => Promise.resolve(this.pending),
        savePending: (attempt, text) => {
          this.pending = { attempt, text };
          return Promise.resolve();
        },
        commit: () => {
          this.final = this.pending?.text ?? null;
          this.pending = null;
          return Promise.resolve();
        },
        discardPending: () => {
          this.pending = null;
          return Promise.resolve();
        },
      },
    };
  }
}

let fake: FakePhase;
beforeEach(() => {
  fake = new FakePhase();
});

describe('what a node has when it starts', () => {
  it('is nothing, at first', async () => {
    expect(await initialStatus(fake.phase, fake.journal)).toEqual(IDLE);
  });

  it('is past every attempt that it has begun', async () => {
    fake.claimed = new Set(['keygen.4.1-2-3', 'threshold_keygen_initial_2024___', 'auxgen.9.1-2-3', 'req_1_a']);
    expect(await initialStatus(fake.phase, fake.journal)).toMatchObject({ next: 5, running: null });
  });

  it('is the result that is not yet for good', async () => {
    fake.claimed = new Set(['keygen.4.1-2-3']);
    fake.pending = { attempt: 4, text: 'result' };
    const completed = { attempt: 4, digest: 'digest of result' };
    expect(await initialStatus(fake.phase, fake.journal)).toMatchObject({ next: 5, completed, committed: null });
  });

  it('is the result for good, whatever a crash has left beside it', async () => {
    fake.final = 'result';
    fake.pending = { attempt: 4, text: 'result' };
    expect(await initialStatus(fake.phase, fake.journal)).toMatchObject({ completed: null, committed: 'digest of result' });
    expect(fake.pending).toBeNull();
  });
});

it('an attempt that the journal has is not run, whatever else was remembered', async () => {
  fake.claimed = new Set(['threshold_keygen_initial_2024___']);
  let status = nodeStatus({ incarnation: 'x', stage: 'starting', keygen: { ...IDLE, ready: true } });
  const presence = {
    get status() {
      return status;
    },
    update: (patch: object) => {
      status = { ...status, ...patch };
    },
    peers: () => [],
    onChange: () => () => undefined,
  } as unknown as PresenceView;
  const system = { clock: systemClock, logger: pino({ level: 'silent' }) };
  const parts = { presence, journal: fake.journal, culprits: { list: () => [] }, onProblem: () => undefined };
  const agreement = new Agreement(fake.phase, { ...system, ...parts });
  await agreement.step(never);
  expect(fake.runs).toEqual([]);
  expect(status.keygen).toMatchObject({ next: 1, running: null });
});

describe('the only attempt among Rust nodes', () => {
  it('is run once, and its result kept', async () => {
    expect(await runOnlyAttempt(fake.phase, { journal: fake.journal, presence: new FakePresence() }, never)).toBe('result 0');
    expect(await runOnlyAttempt(fake.phase, { journal: fake.journal, presence: new FakePresence() }, never)).toBe('result 0');
    expect(fake.runs).toEqual([0]);
    expect([...fake.claimed]).toEqual(['threshold_keygen_initial_2024___']);
  });

  it('is refused when it was begun before', async () => {
    fake.claimed.add('threshold_keygen_initial_2024___');
    await expect(runOnlyAttempt(fake.phase, { journal: fake.journal, presence: new FakePresence() }, never)).rejects.toThrow(SetupStopped);
    expect(fake.runs).toEqual([]);
  });

  it('is refused when the board has a public key', async () => {
    fake.obstacle = 'the board has a public key';
    const running = runOnlyAttempt(fake.phase, { journal: fake.journal, presence: new FakePresence() }, never);
    await expect(running).rejects.toThrow('the board has a public key');
    expect([fake.runs, [...fake.claimed]]).toEqual([[], []]);
  });

  it('is kept though the node died before it was kept for good', async () => {
    fake.claimed.add('threshold_keygen_initial_2024___');
    fake.pending = { attempt: 0, text: 'result 0' };
    expect(await runOnlyAttempt(fake.phase, { journal: fake.journal, presence: new FakePresence() }, never)).toBe('result 0');
    expect(fake.runs).toEqual([]);
  });
});
