/** A stranger floods board and gateway: members go on as if it was not there. Small primes: only the path of a request is measured. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from 'testkit/eventually';
import { Flood } from 'testkit/flood';
import { ProcessCluster } from 'testkit/process_cluster';

const REQUESTS = 40;
const BETWEEN_MS = 250;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let cluster: ProcessCluster;
beforeAll(async () => {
  const settings = { UNSIGNED_REQUESTS: 'keep', POOL_TARGET: '60', POOL_MAX: '60' };
  cluster = await ProcessCluster.start(settings, { nodes: 4, threshold: 3, primes: 'small' });
  await eventually('there are presignatures', async () => (await cluster.pooled()) >= 90, 300_000);
}, 320_000);
afterAll(() => cluster.stop());

/** Highest resident memory so far, MiB. */
function peakOf(name: string): number {
  const status = readFileSync(`/proc/${cluster.pids.get(name) ?? 0}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Signs one message after the other. @returns the times, the shortest first, and what was signed */
async function signMany(label: string): Promise<{ times: number[]; ids: string[] }> {
  const times: number[] = [];
  const ids: string[] = [];
  for (let k = 0; k < REQUESTS; k += 1) {
    const start = performance.now();
    const { request_id, status } = await cluster.gateway.sign(`${label} ${k}`, { wait: 30_000 });
    times.push(performance.now() - start);
    expect(status).toBe('completed');
    ids.push(request_id);
    await pause(BETWEEN_MS);
  }
  return { times: times.sort((a, b) => a - b), ids };
}

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? NaN;

describe('a flood of 2,000 calls a second, and 1,000 connections that read nothing', () => {
  it('ends no signature, leaves the board under 512 MiB, and all that is finished', async () => {
    await signMany('to warm up');
    const before = await signMany('undisturbed');
    const flood = Flood.start({ urls: cluster.urls, perSecond: 2_000, kept: 20, silent: 1_000 });
    await pause(3_000);
    const during = await signMany('flooded');
    const counts = await flood.stop();
    const [undisturbed, flooded] = [median(before.times), median(during.times)];
    const peaks = [peakOf('message-board'), peakOf('api-gateway')];
    // A figure for people: how long it takes depends on what else the machine does.
    const times = `${undisturbed.toFixed(0)} and ${flooded.toFixed(0)} ms`;
    process.stdout.write(`median ${times}, peaks ${peaks.join(' and ')} MiB, ${JSON.stringify(counts)}\n`);
    expect(counts.answered).toBeGreaterThan(1_000);
    expect(Math.max(...peaks)).toBeLessThan(512);
    for (const id of [...before.ids, ...during.ids]) expect(await cluster.board.getRequest(id)).toMatchObject({ status: 'completed' });
  }, 300_000);
});
