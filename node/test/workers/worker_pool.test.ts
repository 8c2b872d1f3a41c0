import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseCoreKeyShare, Presignature, serializeKeyShare, verify, type KeyShare, combine, encodePoint, GROUP_ORDER } from 'cggmp24';
import { generateShares, seededRng, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { VirtualClock } from 'testkit/virtual_clock';
import { CpuBudget } from '../../src/workers/cpu_budget.js';
import { ProtocolAborted, WorkerFailed } from '../../src/base/errors.js';
import type { FromThread, Job, JobResult, RunningJob } from '../../src/workers/jobs.js';
import { WorkerPool, workerThreads, type StartThread, type WorkerPoolOptions } from '../../src/workers/worker_pool.js';
import { inThread } from '../util/in_thread.js';
import { memoryLog } from '../util/cluster.js';
import { present } from 'testkit/present';

const COMPILED = new URL('../../dist/workers/protocol_worker.js', import.meta.url);
const silent = pino({ level: 'silent' });
const unbounded = (): CpuBudget => new CpuBudget(1e6, systemClock);
function poolOf(
  threads: number,
  startThread: StartThread,
  { clock = systemClock, budget = unbounded(), logger = silent }: Partial<WorkerPoolOptions> = {},
): WorkerPool {
  return new WorkerPool({ threads, startThread, budget, clock, logger });
}
const signers = [0, 2];
let shares: KeyShare[];
beforeAll(() => {
  shares = generateShares({ parties: 3, threshold: 2, params: SMALL_FOR_TESTS, rng: seededRng('worker pool') });
});

/** Runs one job in each pool and carries the messages between them. */
function connect<J extends Job>(pools: readonly WorkerPool[], jobOf: (position: number) => J): Promise<JobResult<J>[]> {
  const running: RunningJob<JobResult<J>>[] = pools.map((pool, sender) =>
    pool.run(jobOf(sender), {
      onSend: ({ to, payload }) => {
        for (const [position, job] of running.entries()) {
          if (position !== sender && (to === 'all' || to === position)) job.receive({ sender, broadcast: to === 'all', payload });
        }
      },
    }),
  );
  return Promise.all(running.map(({ result }) => result));
}

describe.each([
  ['real worker threads', () => workerThreads(SMALL_FOR_TESTS, COMPILED)],
  ['the thread of the tests', () => inThread(SMALL_FOR_TESTS)],
])('protocols in %s', (_name, start) => {
  let pools: WorkerPool[];
  beforeAll(() => {
    pools = signers.map((index) => {
      const pool = poolOf(2, start());
      const share = shares[index];
      if (share !== undefined) pool.loadKeyShare(serializeKeyShare(share));
      return pool;
    });
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it('generate a key', async () => {
    const texts = await connect(pools, (index) => ({ kind: 'keygen', executionId: 'k', index, parties: 2, threshold: 2 }) as const);
    const [a, b] = texts.map(parseCoreKeyShare);
    expect(a?.sharedPublicKey.equals(present(b).sharedPublicKey)).toBe(true);
    expect([a?.index, b?.index]).toEqual([0, 1]);
  });

  it('make presignatures and signatures side by side', async () => {
    const message = 'hello';
    const work = [1, 2, 3].map((k) => connect(pools, () => ({ kind: 'presign', executionId: `p${k}`, signers }) as const));
    const signing = connect(pools, () => ({ kind: 'sign', executionId: 's', signers, message, identification: true }) as const);
    const key = present(shares[0]).core.sharedPublicKey;
    for (const texts of await Promise.all(work)) {
      const halves = texts.map((text) => Presignature.takeOver(text));
      const partials = halves.map((half) => half.issuePartialSignature(Buffer.from(message)));
      const signature = combine(partials, present(halves[0]).publicData, key, Buffer.from(message));
      expect(verify(signature, encodePoint(key, true), Buffer.from(message))).toBe(true);
    }
    const [first, second] = await signing;
    expect(first).toEqual(second);
    expect(verify(present(first), encodePoint(key, true), Buffer.from(message))).toBe(true);
  });

  it('name who misbehaves', async () => {
    const pool = present(pools[0]);
    const job = pool.run({ kind: 'keygen', executionId: 'k', index: 0, parties: 2, threshold: 2 }, {});
    job.receive({ sender: 1, broadcast: true, payload: '{"Round1":{}}' });
    const failure = await job.result.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ProtocolAborted);
    expect(failure).toMatchObject({ code: 'malformed_message', round: 'Round1', blame: [{ party: 1 }] });
  });

  it('say whom they wait for', async () => {
    const pool = present(pools[0]);
    const waiting = await new Promise((resolve) => {
      const onWaiting = (round: string, missing: readonly number[]): void => {
        resolve({ round, missing });
      };
      pool.run({ kind: 'presign', executionId: 'w', signers }, { onWaiting });
    });
    expect(waiting).toMatchObject({ round: 'Round1a', missing: [1] });
  });

  it('end when they are told to, with the reason given', async () => {
    const job = present(pools[0]).run({ kind: 'presign', executionId: 'a', signers }, {});
    const reason = new Error('enough');
    job.abort(reason);
    job.abort(new Error('again'));
    await expect(job.result).rejects.toBe(reason);
  });

  it('refuse what cannot be run', async () => {
    const pool = present(pools[0]);
    await expect(pool.run({ kind: 'presign', executionId: 'a', signers: [0, 1, 2] }, {}).result).rejects.toThrow(WorkerFailed);
    await expect(pool.run({ kind: 'keygen', executionId: 'a', index: 5, parties: 2, threshold: 2 }, {}).result).rejects.toThrow(/index/);
  });

  it('find safe primes', async () => {
    const found = await present(pools[1]).run({ kind: 'safe_prime' }, {}).result;
    const p = BigInt(`0x${found}`);
    expect(p.toString(2).length).toBe(SMALL_FOR_TESTS.primeBits);
    expect(p % 12n).toBe(11n);
  });
});

describe('real worker threads', () => {
  it('run sessions while they search for primes, and stop a search that is not wanted any more', async () => {
    const keygen = (executionId: string) => (index: number) => ({ kind: 'keygen', executionId, index, parties: 2, threshold: 2 }) as const;
    const pools = [0, 1].map(() => poolOf(1, workerThreads({ ...SMALL_FOR_TESTS, primeBits: 4096 }, COMPILED)));
    // At this size a search takes minutes.
    const searches = pools.map((pool) => pool.run({ kind: 'safe_prime' }, {}));
    const texts = await connect(pools, keygen('k'));
    expect(texts).toHaveLength(2);
    for (const search of searches) search.abort(new Error('enough'));
    await expect(searches[0]?.result).rejects.toThrow('enough');
    expect(await connect(pools, keygen('l'))).toHaveLength(2);
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it('are replaced when they crash, with their key share', async () => {
    const { logger, lines } = memoryLog();
    const exits: ((error: unknown) => void)[] = [];
    const real = workerThreads(SMALL_FOR_TESTS, COMPILED);
    const start: StartThread = (onMessage, onExit) => {
      const thread = real(onMessage, onExit);
      exits.push(() => void thread.terminate());
      return thread;
    };
    const share = present(shares[0]);
    const pool = poolOf(1, start, { logger });
    pool.loadKeyShare(serializeKeyShare(share));
    const job = pool.run({ kind: 'presign', executionId: 'c', signers }, {});
    exits[0]?.(undefined);
    await expect(job.result).rejects.toThrow(WorkerFailed);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'worker_crashed', jobs: ['presign'] }));
    const round = await new Promise((resolve) => {
      pool.run({ kind: 'presign', executionId: 'd', signers }, { onWaiting: resolve });
    });
    expect(round).toBe('Round1a');
    await pool.close();
    expect(exits).toHaveLength(2);
  });

  it('end their jobs when the pool closes', async () => {
    const pool = poolOf(1, workerThreads(SMALL_FOR_TESTS, COMPILED));
    const job = pool.run({ kind: 'keygen', executionId: 'k', index: 0, parties: 2, threshold: 2 }, {});
    await pool.close();
    await expect(job.result).rejects.toThrow('closed');
    expect(() => pool.run({ kind: 'safe_prime' }, {})).toThrow(WorkerFailed);
  });

  it('import nothing that has a top-level await: Node.js 24 crashes when a thread ends during such an import', async () => {
    // `require` refuses a module that has one, here or in what it imports.
    const PROGRAM = 'try { require(process.argv[1]) } catch ({ code, message }) { code ?? message }';
    const { stdout } = await promisify(execFile)(process.execPath, ['-p', PROGRAM, fileURLToPath(COMPILED)]);
    expect(stdout).toBe('to be run as a worker thread\n');
  });

  it('say nothing secret when they fail', async () => {
    const pool = poolOf(1, workerThreads(SMALL_FOR_TESTS, COMPILED));
    const primes = JSON.stringify({ primes: ['12345', '1', '2', '3'] });
    const job = { kind: 'aux_info', executionId: 'a', index: 0, parties: 2, primes, insecurePrmFirstWordOnly: false } as const;
    const failure = await pool.run(job, {}).result.catch(String);
    expect(failure).toMatch(/WorkerFailed.*primes/);
    expect(failure).not.toContain('12345');
    expect(failure).not.toContain(GROUP_ORDER.toString(16));
    await pool.close();
  });
});

describe('jobs', () => {
  it('go to the thread with the fewest sessions; searches do not count', () => {
    const started: number[][] = [];
    const start: StartThread = () => {
      const kinds: number[] = [];
      started.push(kinds);
      return {
        post: (message) => {
          if (message.kind === 'start') kinds.push(message.id);
        },
        terminate: () => Promise.resolve(),
      };
    };
    const pool = poolOf(2, start);
    pool.run({ kind: 'safe_prime' }, {});
    pool.run({ kind: 'safe_prime' }, {});
    pool.run({ kind: 'safe_prime' }, {});
    const session = { kind: 'sign', signers, message: 'm', identification: true } as const;
    pool.run({ ...session, executionId: 'a' }, {});
    pool.run({ ...session, executionId: 'b' }, {});
    pool.run({ ...session, executionId: 'c' }, {});
    expect(started.map((ids) => ids.filter((id) => id > 3).length).sort()).toEqual([1, 2]);
    expect(started.map((ids) => ids.filter((id) => id <= 3).length).sort()).toEqual([1, 2]);
  });

  it('hold presignatures in all threads while a signing computes in one', async () => {
    const threads: { held: boolean[]; say: (message: FromThread) => void; exit: (error: unknown) => void }[] = [];
    const start: StartThread = (say, exit) => {
      const held: boolean[] = [];
      threads.push({ held, say, exit });
      return {
        post: (message) => {
          if (message.kind === 'hold_presignatures') held.push(message.held);
        },
        terminate: () => Promise.resolve(),
      };
    };
    const pool = poolOf(2, start);
    const sign = (executionId: string): RunningJob<unknown> =>
      pool.run({ kind: 'sign', executionId, signers, message: 'm', identification: true }, {});
    const seen = (): boolean[][] => threads.map(({ held }) => held.splice(0));
    pool.run({ kind: 'presign', executionId: 'p', signers }, {});
    expect(seen()).toEqual([[], []]);
    const [first, second] = [sign('a'), sign('b')];
    expect(seen()).toEqual([[true], [true]]);
    first.abort(new Error('enough'));
    expect(seen()).toEqual([[], []]);
    for (const { say } of threads) say({ kind: 'failed', id: 3, failure: { kind: 'broken', message: 'x' } });
    await expect(second.result).rejects.toThrow('x');
    expect(seen()).toEqual([[false], [false]]);
    const third = sign('c');
    expect(seen()).toEqual([[true], [true]]);
    for (const { exit } of threads.splice(0)) exit(new Error('crashed'));
    await expect(third.result).rejects.toThrow('crashed');
    sign('d');
    expect(seen()).toEqual([[true]]);
  });

  it('let presignatures go on while a signing waits for its signers, and hold them again when a message has come', async () => {
    const held: boolean[] = [];
    let say: (message: FromThread) => void = () => undefined;
    const start: StartThread = (onMessage) => {
      say = onMessage;
      return {
        post: (message) => {
          if (message.kind === 'hold_presignatures') held.push(message.held);
        },
        terminate: () => Promise.resolve(),
      };
    };
    const clock = new VirtualClock();
    const pool = poolOf(1, start, { clock });
    const seen = (): boolean[] => held.splice(0);
    const waits = (received: number): void => { say({ kind: 'waiting', id: 1, round: 'Round2', missing: [1], received }); };
    const signing = pool.run({ kind: 'sign', executionId: 'a', signers, message: 'm', identification: true }, {});
    await clock.advance(100);
    expect([seen(), pool.heldMs]).toEqual([[true], 100]);
    waits(0);
    await clock.advance(5_000);
    expect([seen(), pool.heldMs]).toEqual([[false], 100]);
    signing.receive({ sender: 1, broadcast: true, payload: '1' });
    signing.receive({ sender: 1, broadcast: true, payload: '2' });
    expect(seen()).toEqual([true]);
    // It has said so before it saw the second one.
    waits(1);
    await clock.advance(20);
    expect([seen(), pool.heldMs]).toEqual([[], 120]);
    waits(2);
    await clock.advance(20);
    expect([seen(), pool.heldMs]).toEqual([[false], 120]);
  });

  it('of one signer set run side by side, four at most, so that their proofs are verified together', () => {
    const started: number[][] = [];
    const start: StartThread = () => {
      const ids: number[] = [];
      started.push(ids);
      return {
        post: (message) => {
          if (message.kind === 'start') ids.push(message.id);
        },
        terminate: () => Promise.resolve(),
      };
    };
    const pool = poolOf(3, start);
    const presigning = (set: readonly number[], count: number): void => {
      for (let k = 0; k < count; k++) pool.run({ kind: 'presign', executionId: 'p', signers: set }, {});
    };
    presigning([0, 1], 3);
    presigning([0, 2], 2);
    presigning([0, 1], 2);
    expect(started).toEqual([[1, 2, 3, 6], [4, 5], [7]]);
  });

  it('hold presignatures when their CPU time is spent, in all threads, until there is some again; signings are not bounded', async () => {
    const held: boolean[][] = [];
    const say: ((message: FromThread) => void)[] = [];
    const start: StartThread = (onMessage) => {
      const heard: boolean[] = [];
      held.push(heard);
      say.push(onMessage);
      return {
        post: (message) => {
          if (message.kind === 'hold_presignatures') heard.push(message.held);
        },
        terminate: () => Promise.resolve(),
      };
    };
    const clock = new VirtualClock();
    const pool = poolOf(2, start, { clock, budget: new CpuBudget(0.5, clock) });
    pool.run({ kind: 'presign', executionId: 'p', signers }, {});
    say[0]?.({ id: 1, kind: 'spent', cpuMs: 400 });
    expect(held).toEqual([[], []]);
    say[1]?.({ id: 1, kind: 'spent', cpuMs: 102 });
    expect(held).toEqual([[true], [true]]);
    say[0]?.({ id: 1, kind: 'spent', cpuMs: 8 });
    await clock.advance(19);
    expect(held).toEqual([[true], [true]]);
    await clock.advance(1);
    expect(held).toEqual([[true, false], [true, false]]);
    say[1]?.({ id: 1, kind: 'spent', cpuMs: 1 });
    expect(held[1]?.at(-1)).toBe(true);
    await pool.close();
  });
});
