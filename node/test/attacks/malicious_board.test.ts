/** Clusters around a board that reads, forges, swaps, replays, reorders, drops and duplicates whatever goes through it. */
import { describe, expect, it } from '@jest/globals';
import { encodePoint, parseCoreKeyShare } from 'cggmp24';
import { z } from 'zod';
import { AttackedCluster } from '../util/attacked_cluster.js';
import { eventually } from '../util/cluster.js';
import { found, numberForms } from '../util/secrets.js';

/** FUZZ_RUNS multiplies the number of attacks; a thousand take hours. FUZZ_SEED is the first one's seed. */
const { FUZZ_RUNS, FUZZ_SEED } = z
  .object({ FUZZ_RUNS: z.coerce.number().default(1), FUZZ_SEED: z.coerce.number().default(1) })
  .parse(process.env);
const seeds = (preset: number): number[] => Array.from({ length: Math.ceil(preset * FUZZ_RUNS) }, (_, k) => FUZZ_SEED + k);
/** Of each of three intensities. */
const PHASE_MS = 2_500;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const everyone = (cluster: AttackedCluster): number[] => [...cluster.members.identities.keys()];

/** What holds whatever the board has done. */
async function expectNoHarm(cluster: AttackedCluster, publicKey: string): Promise<void> {
  expect(cluster.wrongSignatures(publicKey)).toEqual([]);
  expect(await cluster.misusedPresignatures()).toEqual([]);
  expect(cluster.sharedNonces()).toEqual([]);
  expect(cluster.accusations()).toEqual([]);
  expect(cluster.learned()).toEqual([]);
  // Of each signer of one signature at least.
  expect(cluster.secrets.nonces().length).toBeGreaterThanOrEqual(4 * 2);
  expect(cluster.log.lines.filter(({ event }) => event === 'node_ended' || event === 'clone_detected')).toEqual([]);
}

describe.each(seeds(1))('attack %i on signing', (seed) => {
  it('learns nothing, gets nothing signed, makes nobody look like a cheat, and only delays', async () => {
    const [parties, threshold] = seed % 2 === 0 ? [4, 3] : [3, 2];
    const cluster = await AttackedCluster.start({ seed: `board ${seed}`, parties, threshold, withKey: true });
    try {
      await eventually('there are presignatures', () => cluster.count('presignature_generated') >= 3 * threshold);
      for (let k = 0; k < 4; k++) await cluster.board.invent();
      for (const intensity of [0.005, 0.05, 0.4]) {
        cluster.board.intensity = intensity;
        for (let k = 0; k < 5; k++) await cluster.ask(`${seed}: message ${k} at ${intensity}`);
        await pause(PHASE_MS);
        // Little enough is tampered with then that work goes on.
        if (intensity < 0.01) await eventually('something is signed', () => cluster.board.signatures.length > 1);
      }
      cluster.board.intensity = 0;
      const honest = await Promise.all([1, 2, 3].map((k) => cluster.ask(`${seed}: honest message ${k}`)));
      for (const id of honest) await cluster.signed(id);
      expect((await cluster.partialSignatures()).length).toBeGreaterThan(0);
      expect(cluster.board.signatures.length).toBeGreaterThanOrEqual(3);
      await expectNoHarm(cluster, cluster.publicKey);
    } finally {
      await cluster.stop();
    }
    // Nothing goes on when the nodes have ended: what it did would be in no audit log.
    expect(cluster.log.lines.filter(({ event }) => event === 'audit_log_failed')).toEqual([]);
  });
});

describe.each(seeds(1))('attack %i on key generation', (seed) => {
  it('learns nothing, never makes two keys, makes nobody look like a cheat, and only delays', async () => {
    const cluster = await AttackedCluster.start({ seed: `keygen ${seed}`, parties: 3, threshold: 2, withKey: false });
    try {
      for (const intensity of [0.4, 0.05, 0.01]) {
        cluster.board.intensity = intensity;
        await pause(PHASE_MS);
      }
      cluster.board.intensity = 0;
      await eventually('the nodes sign', () => everyone(cluster).every((index) => cluster.has('signing_loop_started', index)));
      const keys = new Set(
        (await cluster.keyShareFiles()).map((text) =>
          Buffer.from(encodePoint(parseCoreKeyShare(text).sharedPublicKey, true)).toString('hex'),
        ),
      );
      expect(keys.size).toBe(1);
      const [publicKey = ''] = keys;
      await cluster.signed(await cluster.ask(`${seed}: honest message`));
      await expectNoHarm(cluster, publicKey);
    } finally {
      await cluster.stop();
    }
    // Nothing goes on when the nodes have ended: what it did would be in no audit log.
    expect(cluster.log.lines.filter(({ event }) => event === 'audit_log_failed')).toEqual([]);
  });
});

describe('what a board knows is searched', () => {
  const secret = 0x5f3c_91a2_77de_0b46_c8ff_1234_9e70_a5b1n;
  const bytes = Buffer.from(secret.toString(16), 'hex');
  const forms = new Map(numberForms(secret).map((form) => [form, 'the secret']));
  const inside = (text: string): string => JSON.stringify({ payload: `eyJhIjoxfQ.${Buffer.from(text).toString('base64url')}.c2ln` });

  it.each([
    ['hexadecimal', secret.toString(16)],
    ['upper case', `x${secret.toString(16).toUpperCase()}y`],
    ['decimal', JSON.stringify({ a: secret.toString() })],
    ['a list of bytes', JSON.stringify([...bytes])],
    ['base64', Buffer.concat([Buffer.from('some'), bytes]).toString('base64')],
    ['base64url, with something before', Buffer.concat([Buffer.from('a'), bytes, Buffer.from('b')]).toString('base64url')],
    ['raw', `..${bytes.toString('latin1')}..`],
    ['the payload of a JWS', inside(JSON.stringify({ share: secret.toString(16) }))],
    ['base64url in the payload of a JWS', inside(JSON.stringify({ share: bytes.toString('base64url') }))],
  ])('for %s', (_name, text) => {
    expect(found(['nothing', text], forms)).not.toEqual([]);
    expect(found(['nothing', text.slice(0, -12), text.slice(12)], new Map([['0123456789abcdef', 'another']]))).toEqual([]);
  });
});
