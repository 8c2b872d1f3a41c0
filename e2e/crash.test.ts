/** Nodes at full size that are killed in the middle of signing: no presignature is used for two messages. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seededRng } from 'cggmp24/testing';
import { loadRoster } from 'sealing/member';
import { eventually } from 'testkit/eventually';
import { misuses, partialSignatures } from 'testkit/presignature_misuse';
import { ProcessCluster } from 'testkit/process_cluster';

/** With small parameters `soak.sh kill` does the same for longer. */
const KILLS = 8;
const SEED = process.env.FUZZ_SEED ?? '1';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ POOL_TARGET: '12', POOL_MAX: '16', PEER_DEAD_AFTER_MS: '3000', FAST_SIGNING_TIMEOUT_MS: '3000' });
  await eventually('there are presignatures', async () => (await cluster.pooled()) >= 9, 300_000);
}, 320_000);
afterAll(() => cluster.stop());

describe('a cluster at full size', () => {
  it(`loses a node ${KILLS} times, whatever it is doing, and uses no presignature twice`, async () => {
    const bytes = seededRng(`full-size crash ${SEED}`);
    const draw = (below: number): number => Buffer.from(bytes(4)).readUInt32BE() % below;
    const asked = new Map<string, string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const message = `message ${kill}`;
      asked.set((await cluster.gateway.sign(message)).request_id, message);
      await pause(draw(kill % 2 === 0 ? 100 : 2_000));
      const number = 1 + draw(4);
      await cluster.kill(`node-${number}`);
      cluster.startNode(number);
      // With no presignature left there is nothing to be caught in the middle of.
      await eventually('there are presignatures', async () => (await cluster.pooled()) >= 3, 8_000).catch(() => undefined);
    }
    for (const [id, message] of asked) expect((await cluster.gateway.finished(id, message, 300_000))?.status).toBe('completed');
    // Whoever was killed is not called a cheat for it.
    expect(await cluster.gateway.health()).toMatchObject({ culprits: [] });
    const entries = await Promise.all([...asked.keys()].map((id) => cluster.board.listPartialSignatures(id, {})));
    const partials = await partialSignatures(entries.flat().map(({ payload }) => payload), await loadRoster(cluster.files.rosterFile));
    expect(partials.length).toBeGreaterThan(0);
    expect(misuses(partials, asked)).toEqual([]);
  }, 900_000);
});
