/** A node whose protocols send something else than they should, in each round: the others name it, and go on without it. */
import { describe, expect, it } from '@jest/globals';
import { GROUP_ORDER } from 'cggmp24';
import type { FromThread } from '../src/jobs.js';
import { nodeId } from '../src/utils.js';
import type { StartThread } from '../src/worker_pool.js';
import { AttackedCluster } from './util/attacked_cluster.js';
import { eventually } from './util/cluster.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
const CHEAT = 2;
const HONEST = [0, 1];

/** Sends another message of one round than the protocol says. */
function cheating(variant: string, alter: (body: Json) => Json): (start: StartThread) => StartThread {
  const altered = (message: FromThread): FromThread => {
    if (message.kind !== 'send') return message;
    const body = (JSON.parse(message.message.payload) as Record<string, Json>)[variant];
    return body === undefined ? message : { ...message, message: { ...message.message, payload: JSON.stringify({ [variant]: alter(body) }) } };
  };
  return (start) => (onMessage, onExit) =>
    start((message) => {
      onMessage(altered(message));
    }, onExit);
}

/** A copy in which the number at a path is one more. */
function oneMore(path: string): (body: Json) => Json {
  return (body) => {
    const copy = structuredClone(body);
    const [last = '', ...before] = path.split('/').reverse();
    const holder = before.reverse().reduce<Json>((node, key) => (node as Record<string, Json>)[key] ?? null, copy) as Record<string, Json>;
    const number = holder[last] as { value?: string; scalar?: string };
    holder[last] =
      number.scalar === undefined
        ? { radix: 16, value: (BigInt(`0x${number.value ?? ''}`) + 1n).toString(16) }
        : { curve: 'secp256k1', scalar: ((BigInt(`0x${number.scalar}`) + 1n) % GROUP_ORDER).toString(16).padStart(64, '0') };
    return copy;
  };
}

const rows: readonly (readonly [variant: string, what: string, alter: (body: Json) => Json, code: string])[] = [
  ['Round1a', 'no message at all', () => 7, 'malformed_message'],
  ['Round1b', 'a wrong commitment', oneMore('psi0/commitment/d'), 'invalid_encryption_proof'],
  ['Round2', 'another ciphertext', oneMore('D'), 'invalid_affine_proof'],
  ['Round3', 'a wrong proof', oneMore('psi_prime/proof/z'), 'invalid_exponent_proof'],
  ['Round4', 'a wrong partial signature', oneMore('partial_sig/sigma'), 'invalid_partial_signature'],
];

/** What the honest nodes have called whom. */
function named(cluster: AttackedCluster): string[] {
  return [...new Set(cluster.log.lines.flatMap((line) => (line.event === 'culprit' && line.node !== nodeId(CHEAT) ? [`${String(line.culprit)} ${String(line.code)}`] : [])))];
}

describe.each(rows)('%s: %s', (variant, _what, alter, code) => {
  it('names its sender and nobody else, and signs without it', async () => {
    const tamper = cheating(variant, alter);
    const threadsOf = (index: number, start: StartThread): StartThread => (index === CHEAT ? tamper(start) : start);
    const cluster = await AttackedCluster.start({ seed: 'none', parties: 3, threshold: 2, withKey: true, threadsOf, settings: { POOL_TARGET: '0', POOL_MAX: '0' } });
    try {
      await eventually('the nodes sign', () => [0, 1, 2].every((index) => cluster.has('signing_loop_started', index)));
      for (let k = 0; named(cluster).length === 0 && k < 40; k++) await cluster.signed(await cluster.ask(`request ${k}`), 60_000);
      expect(named(cluster)).toEqual([`${nodeId(CHEAT)} ${code}`]);
      const before = cluster.log.lines.length;
      // The other honest node may not have seen it cheat: it is told, and leaves it out only if it has.
      for (let k = 0; k < 3; k++) await cluster.signed(await cluster.ask(`without it ${k}`), 60_000);
      const signed = cluster.log.lines.slice(before).filter(({ event, node }) => event === 'signature_generated' && HONEST.some((index) => node === nodeId(index)));
      expect(new Set(signed.map(({ signers }) => signers))).toEqual(new Set(['1-2']));
    } finally {
      await cluster.stop();
    }
  }, 150_000);
});
