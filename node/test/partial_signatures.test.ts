import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodePoint, presign, Presignature, verify, type KeyShare } from 'cggmp24';
import { generateShares, outputs, seededRng, simulate, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { Running } from 'message-board/serve';
import type { NodeContext } from '../src/context.js';
import type { StoredPresignature } from '../src/presignature_pool.js';
import { exchangePartialSignatures } from '../src/partial_signatures.js';
import { nodeId } from '../src/utils.js';
import { memoryLog, startBoard } from './util/cluster.js';

const rng = seededRng('partial signatures');
const never = new AbortController().signal;
let board: Running;
let client: BoardClient;
let shares: KeyShare[];

beforeAll(async () => {
  board = await startBoard();
  client = new BoardClient(`http://127.0.0.1:${board.port}`);
  shares = generateShares({ parties: 3, threshold: 2, params: SMALL_FOR_TESTS, rng });
});
afterAll(async () => {
  await client.close();
  await board.close();
});

/** A presignature of the parties 0 and 2, as each holds it. */
function presignatures(id: string): [StoredPresignature, StoredPresignature] {
  const executionId = rng(8);
  const signers = [0, 2];
  const halves = outputs(simulate(shares.filter(({ core }) => signers.includes(core.index)).map((share) => presign({ executionId, share, signers, rng }))));
  const [first, second] = halves.map((presignature) => ({ id, participants: signers, presignature }));
  if (first === undefined || second === undefined) throw new Error('two halves');
  return [first, second];
}

/** The part of a node's context that the fast path uses. */
function contextOf(index: number, logger = memoryLog().logger): NodeContext {
  const sharedPublicKey = shares[0]?.core.sharedPublicKey;
  return { index, n: 3, t: 2, client, logger, config: { fastSigningTimeoutMs: 1500 }, keyShare: { sharedPublicKey } } as unknown as NodeContext;
}

const isSignature = (outcome: Awaited<ReturnType<typeof exchangePartialSignatures>>, { message }: RequestRecord): boolean =>
  outcome.kind === 'signed' && shares[0] !== undefined && verify(outcome.signature, encodePoint(shares[0].core.sharedPublicKey, true), Buffer.from(message));

const forged = (presignature_id: string): string => JSON.stringify({ sigma: { curve: 'secp256k1', scalar: '11'.repeat(32) }, presignature_id });

describe('the exchange of partial signatures', () => {
  it('gives all participants the same valid signature', async () => {
    const request = await client.createRequest({ message: 'both' });
    const [a, b] = presignatures('presig_gen_both');
    const outcomes = await Promise.all([exchangePartialSignatures(contextOf(0), request, a, never), exchangePartialSignatures(contextOf(2), request, b, never)]);
    expect(outcomes.map((outcome) => isSignature(outcome, request))).toEqual([true, true]);
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it('ignores forged parts under any name, says whose name they bear, and keeps the place open for the true one', async () => {
    const request = await client.createRequest({ message: 'forged' });
    const [a, b] = presignatures('presig_gen_forged');
    for (const index of [0, 1, 2]) await client.postPartialSignature({ request_id: request.id, from_node: nodeId(index), payload: forged('presig_gen_forged') });
    const { logger, lines } = memoryLog();
    const outcomes = await Promise.all([exchangePartialSignatures(contextOf(0, logger), request, a, never), exchangePartialSignatures(contextOf(2), request, b, never)]);
    expect(outcomes.map((outcome) => isSignature(outcome, request))).toEqual([true, true]);
    expect(lines.filter(({ event }) => event === 'partial_signature_ignored').flatMap(({ from }) => from as string[]).sort()).toEqual(['node-1', 'node-3']);
  });

  it('does not count junk, nor parts of another presignature', async () => {
    const request = await client.createRequest({ message: 'junk' });
    const [a] = presignatures('presig_gen_junk');
    for (const payload of ['{', '{}', 'null', forged('presig_gen_other'), forged('presig_gen_junk').replace('11', 'zz')]) {
      await client.postPartialSignature({ request_id: request.id, from_node: nodeId(2), payload });
    }
    expect(await exchangePartialSignatures(contextOf(0), request, a, never)).toEqual({ kind: 'silent', missing: [2] });
  });

  it('names the silent ones when the deadline passes', async () => {
    const request = await client.createRequest({ message: 'silent' });
    const [a] = presignatures('presig_gen_silent');
    expect(await exchangePartialSignatures(contextOf(0), request, a, never)).toEqual({ kind: 'silent', missing: [2] });
  });

  it('refuses to spend a presignature a second time, and posts nothing', async () => {
    const request = await client.createRequest({ message: 'twice' });
    const [a] = presignatures('presig_gen_twice');
    a.presignature.issuePartialSignature(Buffer.from('another message'));
    await expect(exchangePartialSignatures(contextOf(0), request, a, never)).rejects.toThrow('used already');
    expect(await client.listPartialSignatures(request.id)).toEqual([]);
  });

  it('spends a presignature that was handed over once, at one side alone', () => {
    const [a] = presignatures('presig_gen_moved');
    const moved = Presignature.takeOver(a.presignature.handOver());
    expect(() => a.presignature.issuePartialSignature(Buffer.from('m'))).toThrow('used already');
    expect(moved.issuePartialSignature(Buffer.from('m')).sigma).toBeGreaterThan(0n);
  });
});
