/** What a session still holds when it is over. Seen by the garbage collector. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { check, InvalidArgument, ProtocolBug } from '../../src/base/errors.js';
import { ProtocolAborted, type AbortCode } from '../../src/aborts.js';
import { broadcast, receive, verifyPeers, type Protocol, type Round } from '../../src/runtime/protocol.js';
import { run } from '../../src/runtime/run.js';
import { Session } from '../../src/runtime/session.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Is it gone once nothing but the test's own weak reference is left? */
async function isGone(ref: WeakRef<object>): Promise<boolean> {
  for (let k = 0; k < 10; k++) {
    await nextTurn();
    collectGarbage();
    if (ref.deref() === undefined) return true;
  }
  return false;
}

class Gamma {
  constructor(readonly value: number) {}
}

const round: Round<{ value: number }> = { variant: 'Round', number: 1, delivery: 'broadcast', body: z.object({ value: z.int() }) };
type Ending = 'cheated' | 'bug' | 'unsendable' | 'done';

/** Keeps a secret in its variables, in a closure, and on the stack of what it throws. */
function* computing(gamma: Gamma, ending: Ending): Protocol<number> {
  yield* broadcast(round, { value: ending === 'unsendable' ? 0.5 : 1 });
  const values = yield* receive(round);
  const verify = (j: number): void => {
    if (ending === 'bug') throw new ProtocolBug('a defect', { cause: new TypeError(`of ${typeof gamma.value}`) });
    check('value = gamma', ending === 'done' || values.of(j).value === gamma.value);
  };
  yield* verifyPeers<AbortCode>([1], [{ code: 'invalid_share', round, verify }]);
  return 7;
}

const message = (payload: unknown) => ({ sender: 1, broadcast: true, payload: JSON.stringify(payload) });

/** A session and a weak reference to its secret. */
function begin(ending: Ending): { session: Session<number>; secret: WeakRef<Gamma> } {
  const gamma = new Gamma(42);
  const session = new Session({ protocol: computing(gamma, ending), rounds: [round], index: 0, parties: 2 });
  return { session, secret: new WeakRef(gamma) };
}

/** What the call throws; null when it returns. */
function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return null;
}

/** Proceeds until it waits, is done, or throws. */
function proceed(session: Session<number>): void {
  while (!['waiting', 'done'].includes(session.proceed().kind));
}

describe('a session that is over holds no secret', () => {
  it.each<[Ending, unknown]>([
    ['cheated', ProtocolAborted],
    ['bug', ProtocolBug],
    ['unsendable', Error],
  ])('%s: nor does the error that it keeps', async (ending, type) => {
    const { session, secret } = begin(ending);
    const error = thrown(() => {
      proceed(session);
      session.receive(message({ Round: { value: 5 } }));
      proceed(session);
    });
    expect(error).toBeInstanceOf(type);
    expect(await isGone(secret)).toBe(true);
    expect(thrown(() => session.proceed())).toBe(error);
  });

  it('refused a message', async () => {
    const { session, secret } = begin('done');
    proceed(session);
    const error = thrown(() => { session.receive(message({})); });
    expect(error).toBeInstanceOf(ProtocolAborted);
    expect(await isGone(secret)).toBe(true);
    expect(thrown(() => session.proceed())).toBe(error);
  });

  it('done: only its output', async () => {
    const { session, secret } = begin('done');
    proceed(session);
    session.receive(message({ Round: { value: 5 } }));
    proceed(session);
    expect(await isGone(secret)).toBe(true);
    session.close();
    expect(session.proceed()).toEqual({ kind: 'done', output: 7 });
  });

  it('closed while it waits', async () => {
    const { session, secret } = begin('done');
    proceed(session);
    expect(await isGone(secret)).toBe(false);
    session.close();
    expect(await isGone(secret)).toBe(true);
    for (const call of [() => session.proceed(), () => { session.receive(message({ Round: { value: 5 } })); }]) {
      expect(thrown(call)).toEqual(new InvalidArgument('session', 'was closed'));
    }
    expect(() => { session.close(); }).not.toThrow();
  });

  it('closed after it has failed: the error stays', () => {
    const { session } = begin('done');
    const error = thrown(() => { session.receive(message({})); });
    session.close();
    expect(thrown(() => session.proceed())).toBe(error);
  });

  it('left by run, whose transport fails', async () => {
    const { session, secret } = begin('done');
    const transport = { send: () => undefined, next: () => Promise.reject(new Error('broken')) };
    await expect(run(session, transport)).rejects.toThrow('broken');
    expect(await isGone(secret)).toBe(true);
    expect(thrown(() => session.proceed())).toEqual(new InvalidArgument('session', 'was closed'));
  });
});
