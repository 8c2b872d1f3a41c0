/** Nodes that are killed in the middle of signing with presignatures, restored from backups, and cloned. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { seededRng } from 'cggmp24/testing';
import { z } from 'zod';
import { nodeId } from '../src/base/utils.js';
import { CrashCluster } from './util/crash_cluster.js';

/** CRASH_RUNS: how many processes are killed. */
const { CRASH_RUNS } = z.object({ CRASH_RUNS: z.coerce.number().int().min(1).default(12) }).parse(process.env);
const SEED = process.env.FUZZ_SEED ?? '1';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let cluster: CrashCluster;
beforeEach(async () => {
  cluster = await CrashCluster.start();
  await poolFilled(3);
});
afterEach(async () => {
  await cluster.stop();
});

async function poolFilled(least: number): Promise<void> {
  for (const end = performance.now() + 60_000; (await cluster.pooled()) < least && performance.now() < end; ) await pause(50);
}

/** A busy machine starts the clone late. */
async function cloneSeen(): Promise<void> {
  for (const end = performance.now() + 60_000; cluster.count('clone_detected') === 0 && performance.now() < end; ) await pause(50);
}

describe('no presignature is used for two messages', () => {
  it(`whoever of the nodes is killed when, and whatever backup it comes back from, ${CRASH_RUNS} times`, async () => {
    const bytes = seededRng(`crash ${SEED}`);
    const draw = (below: number): number => Buffer.from(bytes(4)).readUInt32BE() % below;
    const backups = await Promise.all(cluster.indices.map((index) => cluster.copy(cluster.dataOf(index), `backup-${index}`)));
    for (let kill = 0; kill < CRASH_RUNS; kill++) {
      // Without a presignature there is nothing to be caught in the middle of.
      await poolFilled(1);
      await Promise.all([0, 1].map((k) => cluster.ask(`message ${kill}.${k}`)));
      await pause(draw(kill % 2 === 0 ? 60 : 400));
      const victim = draw(cluster.indices.length);
      await cluster.kill(nodeId(victim));
      const backup = backups[victim];
      if (backup !== undefined && draw(4) === 0) await cluster.restore(victim, backup);
      else if (draw(4) === 0) backups[victim] = await cluster.copy(cluster.dataOf(victim), `backup-${victim}`);
      if (draw(3) === 0) await pause(draw(500));
      cluster.startNode(victim);
    }
    await cluster.allSigned(120_000);
    const partials = await cluster.partialSignatures();
    expect(partials.length).toBeGreaterThan(0);
    expect(await cluster.misuses()).toEqual([]);
    expect(cluster.count('culprit')).toBe(0);
    const used = new Set(partials.map(({ presignature }) => presignature)).size;
    const taken = cluster.count('presignature_used');
    process.stdout.write(`${CRASH_RUNS} kills: ${cluster.asked.size} requests signed, ${used} presignatures used, ${taken} times taken\n`);
  }, 60_000 + CRASH_RUNS * 10_000);

  it('when a node runs twice from one folder and its copy: the earlier one stops', async () => {
    const clone = await cluster.copy(cluster.dataOf(0), 'clone');
    cluster.startNode(0, 'clone', clone);
    for (let k = 0; k < 10; k++) {
      await cluster.ask(`message ${k}`);
      await pause(200);
    }
    await cluster.allSigned(90_000);
    await cloneSeen();
    expect(cluster.count('clone_detected', nodeId(0))).toBe(1);
    expect(cluster.count('clone_detected', 'clone')).toBe(0);
    expect(await cluster.misuses()).toEqual([]);
    expect(cluster.count('culprit')).toBe(0);
  });
});
