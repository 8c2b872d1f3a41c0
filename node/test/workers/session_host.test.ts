import { describe, expect, it } from '@jest/globals';
import { serializeKeyShare } from 'cggmp24';
import { generateShares, seededRng, SMALL_FOR_TESTS } from 'cggmp24/testing';
import type { FromThread } from '../../src/workers/jobs.js';
import { SessionHost } from '../../src/workers/session_host.js';

function hostOf(posted: FromThread[], cpuMs = (): number => 0): SessionHost {
  const post = (message: FromThread): void => { posted.push(message); };
  return new SessionHost({ params: SMALL_FOR_TESTS, cpuMs, post, drain: () => undefined });
}

function hostWithShare(index = 0): { host: SessionHost; posted: FromThread[] } {
  const posted: FromThread[] = [];
  const host = hostOf(posted);
  const share = generateShares({ parties: 2, threshold: 2, params: SMALL_FOR_TESTS, rng: seededRng('session host') })[index];
  if (share !== undefined) host.handle({ kind: 'load_key_share', text: serializeKeyShare(share) });
  return { host, posted };
}

const signers = [0, 1];

/** Two nodes that make presignatures, and the messages between them. */
class Pair {
  readonly hosts = [hostWithShare(0), hostWithShare(1)];
  readonly #read = [0, 0];

  presign(...ids: readonly number[]): void {
    for (const id of ids) {
      const job = { kind: 'presign', executionId: `presig_gen_${id}`, signers } as const;
      for (const { host } of this.hosts) host.handle({ kind: 'start', id, job });
    }
  }

  /** Both work until they wait; then what they have sent arrives. */
  turn(arrives: (sent: FromThread & { kind: 'send' }) => boolean = () => true): void {
    for (const { host } of this.hosts) host.run();
    for (const [from, { posted }] of this.hosts.entries()) {
      for (const message of posted.slice(this.#read[from])) {
        if (message.kind !== 'send' || !arrives(message)) continue;
        const { to, payload } = message.message;
        this.hosts[1 - from]?.host.handle({ kind: 'message', id: message.id, message: { sender: from, broadcast: to === 'all', payload } });
      }
      this.#read[from] = posted.length;
    }
  }

  haveMade(count: number): boolean {
    return this.hosts.every(({ posted }) => posted.filter(({ kind }) => kind === 'done').length === count);
  }
}

describe('sessions in one thread', () => {
  it('let a signing go first, though presignatures began earlier', () => {
    const { host, posted } = hostWithShare();
    host.handle({ kind: 'start', id: 1, job: { kind: 'presign', executionId: 'presig_gen_a', signers } });
    host.handle({ kind: 'start', id: 2, job: { kind: 'presign', executionId: 'presig_gen_b', signers } });
    host.handle({ kind: 'start', id: 3, job: { kind: 'sign', executionId: 'req_1_a', signers, message: 'm', identification: true } });
    host.run();
    expect([...new Set(posted.map(({ id }) => id))]).toEqual([3, 1, 2]);
    expect(posted.filter(({ kind }) => kind === 'waiting').map(({ id }) => id)).toEqual([3, 1, 2]);
  });

  it('say with how many messages they wait', () => {
    const pair = new Pair();
    pair.presign(1);
    for (let turn = 0; turn < 20 && !pair.haveMade(1); turn++) pair.turn();
    const received = pair.hosts.map(({ posted }) => posted.flatMap((message) => (message.kind === 'waiting' ? [message.received] : [])));
    // Round 1 has two messages of each, the others have one.
    expect(received).toEqual([[0, 2, 3, 4], [0, 2, 3, 4]]);
  });

  it('leave presignatures alone while they are held, and go on with them afterwards', () => {
    const { host, posted } = hostWithShare();
    host.handle({ kind: 'hold_presignatures', held: true });
    host.handle({ kind: 'start', id: 1, job: { kind: 'presign', executionId: 'presig_gen_a', signers } });
    host.handle({ kind: 'start', id: 2, job: { kind: 'sign', executionId: 'req_1_a', signers, message: 'm', identification: true } });
    host.run();
    expect([...new Set(posted.map(({ id }) => id))]).toEqual([2]);
    host.handle({ kind: 'hold_presignatures', held: false });
    host.run();
    expect(posted.filter(({ kind }) => kind !== 'spent').at(-1)).toMatchObject({ id: 1, kind: 'waiting' });
  });

  it('make presignatures side by side: what each has to settle waits for the others, and none for one that is silent', () => {
    const nodes = new Pair();
    const ids = [1, 2, 3, 4];
    nodes.presign(...ids);
    // Of the fourth no message of round 2 arrives.
    for (let k = 0; k < 20 && !nodes.haveMade(3); k++) nodes.turn(({ id, message }) => !(id === 4 && message.round > 2));
    for (const { posted } of nodes.hosts) {
      expect(posted.flatMap(({ id, kind }) => (kind === 'done' ? [id] : []))).toEqual([1, 2, 3]);
      const isCheck = (message: FromThread, variant: string): boolean =>
        message.kind === 'progress' && message.progress.startsWith(`${variant}: checking`);
      const checks = (variant: string): number[] => posted.flatMap((message, at) => (isCheck(message, variant) ? [at] : []));
      for (const [variant, checked] of [['Round1b', ids], ['Round2', [1, 2, 3]]] as const) {
        const last = Math.max(...checks(variant));
        const between = posted.slice(Math.min(...checks(variant)), last);
        expect(new Set([...between, posted[last]].map((message) => message?.id))).toEqual(new Set(checked));
        expect(between.map(({ kind }) => kind).filter((kind) => kind === 'send' || kind === 'done')).toEqual([]);
      }
    }
  });

  it('finish the presignatures that began first: those that come when they have settled something go after them', () => {
    const nodes = new Pair();
    nodes.presign(1, 2);
    while (!nodes.hosts.every(({ posted }) => posted.some((message) => message.kind === 'send' && message.message.round > 2))) nodes.turn();
    const before = nodes.hosts.map(({ posted }) => posted.length);
    nodes.presign(3, 4);
    nodes.turn();
    for (const [k, { posted }] of nodes.hosts.entries()) {
      expect([...new Set(posted.slice(before[k]).map(({ id }) => id))]).toEqual([1, 2, 3, 4]);
    }
    for (let k = 0; k < 20 && !nodes.haveMade(4); k++) nodes.turn();
    expect(nodes.haveMade(4)).toBe(true);
  });

  it('tell what each step of a presignature has cost, and nothing of a signing', () => {
    const posted: FromThread[] = [];
    let clock = 0;
    const host = hostOf(posted, () => (clock += 5));
    const [share] = generateShares({ parties: 2, threshold: 2, params: SMALL_FOR_TESTS, rng: seededRng('session host') });
    if (share !== undefined) host.handle({ kind: 'load_key_share', text: serializeKeyShare(share) });
    host.handle({ kind: 'start', id: 1, job: { kind: 'presign', executionId: 'presig_gen_a', signers } });
    host.handle({ kind: 'start', id: 2, job: { kind: 'sign', executionId: 'req_1_a', signers, message: 'm', identification: true } });
    host.run();
    const spent = posted.flatMap((message) => (message.kind === 'spent' ? [message] : []));
    expect(spent.length).toBe(posted.filter(({ id, kind }) => id === 1 && kind !== 'spent').length);
    expect(new Set(spent.map(({ id, cpuMs }) => `${id} ${cpuMs}`))).toEqual(new Set(['1 5']));
  });

  it('fail one by one: a job that needs a key share does not stop the others', () => {
    const posted: FromThread[] = [];
    const host = hostOf(posted);
    host.handle({ kind: 'start', id: 1, job: { kind: 'presign', executionId: 'presig_gen_a', signers } });
    host.handle({ kind: 'start', id: 2, job: { kind: 'keygen', executionId: 'keygen', index: 0, parties: 2, threshold: 2 } });
    host.run();
    expect(posted.find(({ id }) => id === 1)?.kind).toBe('failed');
    expect(posted.filter(({ id }) => id === 2).at(-1)?.kind).toBe('waiting');
  });
});
