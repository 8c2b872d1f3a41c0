/** A node whose protocols send something else than they should, in each round: the others name it, and go on without it. */
import { describe, expect, it } from '@jest/globals';
import { fieldsOf, plausible } from 'cggmp24/testing';
import { replaceAt, type Json } from 'testkit/json';
import { nodeId } from '../../src/base/utils.js';
import type { StartThread } from '../../src/workers/worker_pool.js';
import { AttackedCluster } from '../util/attacked_cluster.js';
import { saying } from '../util/cheat.js';
import { eventually } from '../util/cluster.js';
import { present } from 'testkit/present';

const CHEAT = 2;
const HONEST = [0, 1];

/** A copy in which one field is another one. */
function another(path: string): (body: Json) => Json {
  return (body) => replaceAt(body, path, plausible(present(fieldsOf(body).find((field) => field.path === path))));
}

const rows: readonly (readonly [variant: string, what: string, alter: (body: Json) => Json, code: string])[] = [
  ['Round1a', 'no message at all', () => 7, 'malformed_message'],
  ['Round1b', 'a wrong commitment', another('/psi0/commitment/d'), 'invalid_encryption_proof'],
  ['Round2', 'another ciphertext', another('/D'), 'invalid_affine_proof'],
  ['Round3', 'a wrong proof', another('/psi_prime/proof/z'), 'invalid_exponent_proof'],
  ['Round4', 'a wrong partial signature', another('/partial_sig/sigma'), 'invalid_partial_signature'],
];

/** What the honest nodes have called whom. */
function named(cluster: AttackedCluster): string[] {
  return [
    ...new Set(
      cluster.log.lines.flatMap((line) =>
        line.event === 'culprit' && line.node !== nodeId(CHEAT) ? [`${String(line.culprit)} ${String(line.code)}`] : [],
      ),
    ),
  ];
}

describe.each(rows)('%s: %s', (variant, _what, alter, code) => {
  it('names its sender and nobody else, and signs without it', async () => {
    const cheating = (name: string, body: Json): Json | undefined => (name === variant ? alter(body) : undefined);
    const threadsOf = (index: number, start: StartThread): StartThread => (index === CHEAT ? saying(cheating, start) : start);
    const cluster = await AttackedCluster.start({
      seed: 'none',
      parties: 3,
      threshold: 2,
      withKey: true,
      threadsOf,
      settings: { POOL_TARGET: '0', POOL_MAX: '0' },
    });
    try {
      await eventually('the nodes sign', () => [0, 1, 2].every((index) => cluster.has('signing_loop_started', index)));
      for (let k = 0; named(cluster).length === 0 && k < 40; k++) await cluster.signed(await cluster.ask(`request ${k}`));
      expect(named(cluster)).toEqual([`${nodeId(CHEAT)} ${code}`]);
      const before = cluster.log.lines.length;
      // The other honest node may not have seen it cheat: it is told, and leaves it out only if it has.
      for (let k = 0; k < 3; k++) await cluster.signed(await cluster.ask(`without it ${k}`));
      const signed = cluster.log.lines
        .slice(before)
        .filter(({ event, node }) => event === 'signature_generated' && HONEST.some((index) => node === nodeId(index)));
      expect(new Set(signed.map(({ signers }) => signers))).toEqual(new Set(['1-2']));
    } finally {
      await cluster.stop();
    }
  });
});
