import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { ProtocolAborted } from '../../src/aborts.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { broadcast, pause, peersOf, receive, sendTo, verifyPeers, type Protocol, type Round } from '../../src/runtime/protocol.js';
import { run, type Transport } from '../../src/runtime/run.js';
import type { IncomingMessage } from '../../src/runtime/message.js';
import { Session } from '../../src/runtime/session.js';
import { keygen } from '../../src/sessions.js';

const first: Round<number> = { variant: 'First', number: 1, delivery: 'broadcast', body: z.number() };
const second: Round<number> = { variant: 'Second', number: 2, delivery: 'p2p', body: z.number() };

/** Every effect: broadcast, wait, pause, send to one, settle. */
function* summing(index: number, parties: number): Protocol<number> {
  const peers = peersOf(index, parties);
  yield* broadcast(first, index);
  const theirs = yield* receive(first);
  yield* pause('half way');
  for (const j of peers) yield* sendTo(j, second, index);
  const again = yield* receive(second);
  const verify = (j: number, onClaim: (claim: { label: string; value: number }) => void): void => {
    onClaim({ label: 'the same twice', value: theirs.of(j) - again.of(j) });
  };
  const failed = (all: readonly { label: string; value: number }[]) => new Set(all.filter(({ value }) => value !== 0));
  const same = { code: 'not_the_same', round: second, verify } as const;
  yield* verifyPeers<'not_the_same', { label: string; value: number }>(peers, [same], { failed });
  return peers.reduce((sum, j) => sum + again.of(j), index);
}

const summer = (index: number, parties = 3): Session<number> =>
  new Session({ protocol: summing(index, parties), rounds: [first, second], index, parties });

/** A network that delivers everything twice, and in the reverse order of sending where it can. */
class Network {
  readonly #inboxes: { readonly queue: IncomingMessage[]; wake: () => void }[];

  constructor(parties: number) {
    this.#inboxes = Array.from({ length: parties }, () => ({ queue: [], wake: () => undefined }));
  }

  transport(sender: number, change: (message: IncomingMessage) => IncomingMessage = (message) => message): Transport {
    return {
      send: async ({ to, payload }) => {
        await Promise.resolve();
        for (const [party, { queue, wake }] of this.#inboxes.entries()) {
          if (party === sender || (to !== 'all' && to !== party)) continue;
          const message = change({ sender, broadcast: to === 'all', payload });
          queue.unshift(message, message);
          wake();
        }
      },
      next: (signal) =>
        new Promise((resolve, reject) => {
          const inbox = this.#inboxes[sender];
          if (inbox === undefined) throw new Error('no such party');
          const take = (): void => {
            const message = inbox.queue.shift();
            if (message !== undefined) resolve(message);
          };
          inbox.wake = take;
          signal?.addEventListener('abort', () => { reject(signal.reason as Error); });
          take();
        }),
    };
  }
}

const parties = [0, 1, 2];

describe('run', () => {
  it('handles every step, and returns what the session comes to', async () => {
    const network = new Network(3);
    const told: string[] = [];
    const outputs = await Promise.all(
      parties.map((index) => run(summer(index), network.transport(index), { onProgress: (progress) => told.push(progress) })),
    );
    expect(outputs).toEqual([3, 3, 3]);
    expect(told).toContain('half way');
  });

  it('runs a key generation', async () => {
    const network = new Network(3);
    const executionId = utf8ToBytes('run');
    const cores = await Promise.all(
      parties.map((index) => run(keygen({ executionId, index, parties: 3, threshold: 2 }), network.transport(index))),
    );
    const [key, ...others] = cores.map(({ sharedPublicKey }) => sharedPublicKey.toHex());
    expect(others).toEqual([key, key]);
  });

  it('lets others have their turn while it computes', async () => {
    function* endless(): Protocol<never> {
      for (;;) yield* pause('working');
    }
    const session = new Session({ protocol: endless(), rounds: [], index: 0, parties: 2 });
    const controller = new AbortController();
    setTimeout(() => { controller.abort(new Error('enough')); }, 0);
    await expect(run(session, new Network(2).transport(0), { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('lets others have their turn between claims that it settles', async () => {
    function* endless(): Protocol<never> {
      for (;;) yield { kind: 'settle', batch: { claims: [], failed: () => new Set() } };
    }
    const session = new Session({ protocol: endless(), rounds: [], index: 0, parties: 2 });
    const controller = new AbortController();
    setTimeout(() => { controller.abort(new Error('enough')); }, 0);
    await expect(run(session, new Network(2).transport(0), { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('fails when a peer cheats, naming it', async () => {
    const network = new Network(3);
    const cheat = (message: IncomingMessage): IncomingMessage => (message.broadcast ? message : { ...message, payload: '{"Second":7}' });
    const running = parties.map((index) => run(summer(index), network.transport(index, index === 1 ? cheat : undefined)));
    const [zero, , two] = await Promise.allSettled(running);
    const reason = { code: 'not_the_same', blame: [{ party: 1, reason: 'the same twice' }] };
    for (const result of [zero, two]) {
      expect(result).toMatchObject({ status: 'rejected', reason });
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(ProtocolAborted);
    }
  });

  it('fails with what the transport throws, when sending or receiving', async () => {
    const transport = new Network(2).transport(0);
    const broken = (): Promise<never> => Promise.reject(new Error('broken'));
    await expect(run(summer(0, 2), { ...transport, send: broken })).rejects.toThrow('broken');
    await expect(run(summer(0, 2), { ...transport, next: broken })).rejects.toThrow('broken');
  });

  it('ends when its signal does, also while it waits, and sends nothing when that was before it began', async () => {
    const controller = new AbortController();
    const waiting = run(summer(0, 2), new Network(2).transport(0), { signal: controller.signal });
    setTimeout(() => { controller.abort(new Error('stopped')); }, 10);
    await expect(waiting).rejects.toThrow('stopped');
    const send = (): never => {
      throw new Error('was sent');
    };
    const late = run(summer(0, 2), { ...new Network(2).transport(0), send }, { signal: controller.signal });
    await expect(late).rejects.toThrow('stopped');
  });

  it('says InvalidArgument to what is no transport, no session, or no message', async () => {
    const transport = new Network(2).transport(0);
    const calls = [
      run({} as never, transport),
      run(summer(0, 2), {} as never),
      run(summer(0, 2), { send: () => undefined } as never),
      run(summer(0, 2), transport, { signal: {} as never }),
      run(summer(0, 2), transport, { onProgress: 'loudly' as never }),
      run(summer(0, 2), { ...transport, next: () => Promise.resolve({ sender: 1, payload: '' } as never) }),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status === 'rejected' && result.reason).toBeInstanceOf(InvalidArgument);
    }
  });
});
