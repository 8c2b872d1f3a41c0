/**
 * Whole nodes, of which one cheats while they make their key. The node that has seen it stops and says what to do. The others say
 * why they wait.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { fieldsOf, plausible, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { replaceAt } from 'testkit/json';
import { convictions } from '../../src/evidence/evidence.js';
import { nodeId } from '../../src/base/utils.js';
import type { StartThread } from '../../src/workers/worker_pool.js';
import { AttackedCluster } from '../util/attacked_cluster.js';
import { saying, type Alter } from '../util/cheat.js';
import { eventually } from '../util/cluster.js';
import { present } from 'testkit/present';

const CHEAT = 2;

/** Another value of one field, for the first node alone. */
function lieToFirst(variant: string, path: string): Alter {
  const lie: Alter = (_name, body) => {
    const field = fieldsOf(body).find((each) => each.path === path);
    return replaceAt(body, path, plausible(present(field)));
  };
  return (name, body, to) => (name === variant && to === 0 ? lie(name, body, to) : undefined);
}

async function expectRefusal(cluster: AttackedCluster, phase: string, code: string): Promise<void> {
  const lines = (event: string, index: number) =>
    cluster.log.lines.filter((line) => line.event === event && line.node === nodeId(index));
  const refused = () => lines('setup_refused', 0).find((line) => line.phase === phase);
  await eventually(`${phase} is refused`, () => refused() !== undefined);
  const msg = expect.stringMatching(`^${phase}: node-3 has cheated \\(${code}\\), .*verify-evidence.*move them away`);
  expect(refused()).toMatchObject({ culprits: ['node-3'], msg });
  const told = `Waiting for node-1; node-1 says that node-3 cheated`;
  await eventually('the other one is told', () => lines('waiting_for_nodes', 1).some((line) => line.phase === phase && line.msg === told));
  expect(lines(`${phase}_started`, 0)).toHaveLength(1);
  const folder = join(cluster.dataOf(0), 'evidence');
  const [name = 'none', ...more] = await readdir(folder);
  expect(more).toEqual([]);
  const evidence = await readFile(join(folder, name), 'utf8');
  expect(await convictions(cluster.members.roster, SMALL_FOR_TESTS, evidence)).toMatchObject([{ member: 'node-3', code }]);
}

/** As the operator of the first node does when the third has been mended. */
async function forgive(cluster: AttackedCluster): Promise<void> {
  await cluster.stopNode(0);
  await rm(join(cluster.dataOf(0), 'evidence'), { recursive: true });
  cluster.startNode(0);
}

it('begins no further attempt with a cheat; without it, and without the evidence, the nodes go on where they were', async () => {
  let lie = lieToFirst('Round2Uni', '/sigma');
  const cheating = (start: StartThread): StartThread => saying((...said) => lie(...said), start);
  const threadsOf = (index: number, start: StartThread): StartThread => (index === CHEAT ? cheating(start) : start);
  const settings = { POOL_TARGET: '0', POOL_MAX: '0' };
  const cluster = await AttackedCluster.start({ seed: 'none', parties: 3, threshold: 2, withKey: false, threadsOf, settings });
  try {
    await expectRefusal(cluster, 'keygen', 'invalid_share');
    lie = lieToFirst('Round3', '/fac_proof/proof/z1');
    await forgive(cluster);
    await expectRefusal(cluster, 'aux_info', 'invalid_factor_proof');
    lie = () => undefined;
    await forgive(cluster);
    await eventually('the nodes sign', () => [0, 1, 2].every((index) => cluster.has('signing_loop_started', index)));
    await cluster.signed(await cluster.ask('set up at last'));
    const culprits = cluster.log.lines.filter(({ event }) => event === 'culprit');
    const named = culprits.map(({ node, culprit }) => `${String(node)}: ${String(culprit)}`);
    expect(new Set(named)).toEqual(new Set(['node-1: node-3']));
  } finally {
    await cluster.stop();
  }
});
