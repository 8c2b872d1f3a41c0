import { beforeEach, describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { PeerWatch, UNKNOWN_PEERS, type PeerWatchOptions } from '../../src/transport/peer_watch.js';
import { FakePresence } from '../util/transport.js';

const SILENCE_MS = 60_000;
const GONE_AFTER_MS = 10_000;
/** How often a session looks at its peers without any news of them. */
const LOOK_MS = 1_000;

let clock: VirtualClock;
let presence: FakePresence;
/** Who was given up, in which round and when: milliseconds since the start. */
let losses: { readonly round: string; readonly missing: readonly string[]; readonly atMs: number }[];
beforeEach(() => {
  clock = new VirtualClock();
  presence = new FakePresence();
  losses = [];
});

/** The watch of node-1 over a session with node-3 and node-5, whose protocol indices are 1 and 2. */
function watchOf(other: Partial<PeerWatchOptions> = {}): PeerWatch {
  const watch: PeerWatch = new PeerWatch({
    clock,
    peers: presence,
    participants: [0, 2, 4],
    silenceMs: SILENCE_MS,
    goneAfterMs: GONE_AFTER_MS,
    onLoss: ({ round, missing }) => {
      losses.push({ round, missing, atMs: clock.monotonic() });
      // As the session does, which ends.
      watch.stop();
    },
    ...other,
  });
  return watch;
}

describe('peers that are silent', () => {
  it('are given up after that time, all of them, with the round', async () => {
    const watch = watchOf({ peers: UNKNOWN_PEERS });
    watch.waitFor('Round1', [1, 2]);
    await clock.advance(SILENCE_MS - 1);
    expect(losses).toEqual([]);
    await clock.advance(1);
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3', 'node-5'], atMs: SILENCE_MS }]);
    expect(clock.pending).toBe(0);
  });

  it('are given up however often they say that they are alive', async () => {
    presence.set(2, 'a');
    const watch = watchOf();
    watch.waitFor('Round1', [1]);
    for (let passed = 0; passed < SILENCE_MS; passed += LOOK_MS) {
      presence.set(2, 'a');
      watch.check();
      await clock.advance(LOOK_MS);
    }
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3'], atMs: SILENCE_MS }]);
  });

  it('have the whole time again when one of them has spoken, and in another round', async () => {
    const watch = watchOf({ peers: UNKNOWN_PEERS });
    watch.waitFor('Round1', [1, 2]);
    await clock.advance(SILENCE_MS - 1);
    watch.waitFor('Round1', [2]);
    await clock.advance(SILENCE_MS - 1);
    watch.waitFor('Round2', [2]);
    await clock.advance(SILENCE_MS - 1);
    expect(losses).toEqual([]);
    await clock.advance(1);
    expect(losses).toEqual([{ round: 'Round2', missing: ['node-5'], atMs: 3 * SILENCE_MS - 2 }]);
  });

  it('have no more time when the session says again that it waits for them', async () => {
    const watch = watchOf({ peers: UNKNOWN_PEERS });
    watch.waitFor('Round1', [1, 2]);
    await clock.advance(SILENCE_MS - 1);
    watch.waitFor('Round1', [1, 2]);
    await clock.advance(1);
    expect(losses).toHaveLength(1);
  });

  it('are not given up while the session computes: it waits for nobody then', async () => {
    const watch = watchOf();
    watch.waitFor('Round1', [1]);
    expect(watch.round).toBe('Round1');
    watch.stop();
    expect(watch.round).toBeNull();
    expect(clock.pending).toBe(0);
    await clock.advance(2 * SILENCE_MS);
    watch.waitFor('Round1', [1]);
    await clock.advance(SILENCE_MS - 1);
    expect(losses).toEqual([]);
  });
});

describe('peers that have gone', () => {
  /** node-3 and node-5 are alive at the start, and the session waits for node-3. */
  function waiting(): PeerWatch {
    for (const index of [2, 4]) presence.set(index, 'a');
    const watch = watchOf();
    watch.waitFor('Round1', [1]);
    return watch;
  }

  it('are given up when the next look finds them gone for long enough, without any news', async () => {
    waiting();
    presence.set(2, 'a', { live: false, ageMs: GONE_AFTER_MS });
    await clock.advance(5 * LOOK_MS);
    expect(losses).toEqual([]);
    presence.set(2, 'a', { live: false, ageMs: GONE_AFTER_MS + 1 });
    await clock.advance(LOOK_MS);
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3'], atMs: 6 * LOOK_MS }]);
  });

  it('are given up at once when there is news of them', () => {
    const watch = waiting();
    presence.set(2, 'a', { live: false, ageMs: GONE_AFTER_MS + 1 });
    watch.check();
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3'], atMs: 0 }]);
  });

  it('are given up when they live again: they have forgotten the session', async () => {
    waiting();
    presence.set(2, 'b');
    await clock.advance(LOOK_MS);
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3'], atMs: LOOK_MS }]);
  });

  it('are given up at once when the session begins to wait for them only then', async () => {
    const watch = waiting();
    presence.set(4, 'b');
    await clock.advance(2 * LOOK_MS);
    expect(losses).toEqual([]);
    watch.waitFor('Round2', [1, 2]);
    expect(losses).toEqual([{ round: 'Round2', missing: ['node-5'], atMs: 2 * LOOK_MS }]);
  });

  it('are given up when they have come to life again before the session waits for them', () => {
    presence.set(2, 'a');
    const watch = watchOf();
    presence.set(2, 'b');
    watch.waitFor('Round1', [1]);
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3'], atMs: 0 }]);
  });

  it('have the time of the silent when this session has never seen them alive: they may be starting', async () => {
    presence.set(2, 'a', { live: false, ageMs: 2 * GONE_AFTER_MS });
    watchOf().waitFor('Round1', [1]);
    await clock.advance(SILENCE_MS);
    expect(losses).toEqual([{ round: 'Round1', missing: ['node-3'], atMs: SILENCE_MS }]);
  });
});
