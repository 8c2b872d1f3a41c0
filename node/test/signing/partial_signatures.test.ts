import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodePoint, presign, Presignature, verify, type KeyShare } from 'cggmp24';
import { generateShares, outputs, seededRng, simulate, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { Running } from 'service/serve';
import { Identity } from 'sealing/identity';
import { PARTIAL_SIGNATURE } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import type { z } from 'zod';
import { identityText } from 'testkit/fixed_identity';
import { systemClock } from 'service/clock';
import { VirtualClock } from 'testkit/virtual_clock';
import type { AuditRecord } from '../../src/audit/audit_log.js';
import type { Accusation } from '../../src/evidence/accusation.js';
import type { StoredPresignature } from '../../src/presigning/presignature_pool.js';
import { exchangePartialSignatures, type PartialSignaturesDeps } from '../../src/signing/partial_signatures.js';
import { Seals } from '../../src/mail/seals.js';
import { memoryLog, startBoard } from '../util/cluster.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { FakePresence, RecordingAccuser } from '../util/transport.js';

const rng = seededRng('partial signatures');
const never = { signal: new AbortController().signal, checkMayIssue: () => undefined };
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
  const halves = outputs(
    simulate(shares.filter(({ core }) => signers.includes(core.index)).map((share) => presign({ executionId, share, signers, rng }))),
  );
  const [first, second] = halves.map((presignature) => ({ id, participants: signers, presignature, making: null }));
  if (first === undefined || second === undefined) throw new Error('two halves');
  return [first, second];
}

const { roster, identities } = members(3, 2);
const identityOf = (index: number): Identity => present(identities[index]);

/** All are alive. */
function everyone(): FakePresence {
  const presence = new FakePresence();
  for (const index of [0, 1, 2]) presence.set(index, 'a');
  return presence;
}

interface Signer {
  readonly logger?: PartialSignaturesDeps['logger'];
  readonly presence?: FakePresence;
  readonly client?: PartialSignaturesDeps['client'];
  readonly accused?: Accusation[];
  readonly recorded?: AuditRecord[];
  readonly timeoutMs?: number;
  readonly diskFull?: boolean;
}

/** What the fast path needs of a node. */
function depsOf(index: number, signer: Signer = {}): PartialSignaturesDeps & { readonly timeoutMs: number } {
  const { logger = memoryLog().logger, presence = everyone(), accused = [], recorded = [], timeoutMs = 600_000, diskFull = false } = signer;
  const record = (entry: AuditRecord): Promise<void> =>
    diskFull ? Promise.reject(new Error('ENOSPC')) : Promise.resolve(void recorded.push(entry));
  return {
    index,
    n: 3,
    t: 2,
    clock: systemClock,
    client: signer.client ?? client,
    logger,
    seals: new Seals(roster, identityOf(index)),
    presence,
    culprits: { has: () => false },
    accuser: new RecordingAccuser(accused),
    audit: { record },
    timeoutMs,
    keyShare: { sharedPublicKey: present(shares[0]).core.sharedPublicKey },
  };
}

const exchange = (
  deps: ReturnType<typeof depsOf>,
  request: RequestRecord,
  stored: StoredPresignature,
  signal: Parameters<typeof exchangePartialSignatures>[4],
): ReturnType<typeof exchangePartialSignatures> =>
  exchangePartialSignatures(deps, request, stored, systemClock.monotonic() + deps.timeoutMs, signal);

const isSignature = (outcome: Awaited<ReturnType<typeof exchangePartialSignatures>>, { message }: RequestRecord): boolean =>
  outcome.kind === 'signed' &&
  shares[0] !== undefined &&
  verify(outcome.signature, encodePoint(shares[0].core.sharedPublicKey, true), Buffer.from(message));

/** What a cheat would state for this request and presignature. */
function wrong(
  { id, message }: RequestRecord,
  presignature_id: string,
  change: Partial<z.infer<typeof PARTIAL_SIGNATURE.claims>> = {},
  signer = identityOf(2),
): Promise<string> {
  const message_sha256 = createHash('sha256').update(message).digest('hex');
  return sign(signer, roster, PARTIAL_SIGNATURE, { request_id: id, message_sha256, presignature_id, sigma: '11'.repeat(32), ...change });
}

describe('the exchange of partial signatures', () => {
  it('gives all participants the same valid signature', async () => {
    const request = await client.createRequest({ message: 'both' });
    const [a, b] = presignatures('presig_gen_both');
    const outcomes = await Promise.all([
      exchange(depsOf(0), request, a, never),
      exchange(depsOf(2), request, b, never),
    ]);
    expect(outcomes.map((outcome) => isSignature(outcome, request))).toEqual([true, true]);
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it('ends without another question for the signer that posts last; the first one looks a little later', async () => {
    const request = await client.createRequest({ message: 'last' });
    const [a, b] = presignatures('presig_gen_last');
    const asked: string[] = [];
    const watched = (name: string): PartialSignaturesDeps['client'] => ({
      exchangePartialSignature: (...call) => client.exchangePartialSignature(...call),
      listPartialSignatures: (...call) => {
        asked.push(name);
        return client.listPartialSignatures(...call);
      },
    });
    const first = exchange(depsOf(0, { client: watched('first') }), request, a, never);
    while ((await client.listPartialSignatures(request.id)).length === 0);
    const last = await exchange(depsOf(2, { client: watched('last') }), request, b, never);
    expect([isSignature(last, request), asked]).toEqual([true, []]);
    expect([await first, asked]).toEqual([last, ['first']]);
  });

  it('reads on at once when what others have posted fills the page that it is answered', async () => {
    const request = await client.createRequest({ message: 'a full page' });
    const [a, b] = presignatures('presig_gen_full_page');
    const other = exchange(depsOf(2), request, b, never);
    while ((await client.listPartialSignatures(request.id)).length === 0);
    const full: PartialSignaturesDeps['client'] = {
      exchangePartialSignature: async (...call) => (await client.exchangePartialSignature(...call)).slice(0, 0),
      listPartialSignatures: (...call) => client.listPartialSignatures(...call),
    };
    // Its time stands still, so it cannot wait for its turn to look.
    const outcome = await exchange({ ...depsOf(0, { client: full }), clock: new VirtualClock() }, request, a, never);
    expect([isSignature(outcome, request), await other]).toEqual([true, outcome]);
  });

  const stranger = Identity.parse(identityText('node-3', 'of another cluster'));
  it.each<[string, RegExp, (request: RequestRecord, presignatureId: string) => Promise<string>]>([
    [
      'in clear',
      /not in base64url/,
      (_, id) => Promise.resolve(JSON.stringify({ sigma: { curve: 'secp256k1', scalar: '11'.repeat(32) }, presignature_id: id })),
    ],
    ['by a stranger', /signature of node-3 is not valid/, (request, id) => wrong(request, id, {}, stranger)],
    ['by another signer', /signed by node-1/, (request, id) => wrong(request, id, {}, identityOf(0))],
    ['for another request', /another request/, (request, id) => wrong(request, id, { request_id: 'req_1_other' })],
    ['for another message', /another message/, (request, id) => wrong(request, id, { message_sha256: '0'.repeat(64) })],
    ['from another presignature', /another presignature/, (request) => wrong(request, 'presig_gen_other')],
  ])('ignores one that is %s, and the true one that follows counts', async (_, reason, make) => {
    const request = await client.createRequest({ message: 'forged' });
    const [a, b] = presignatures('presig_gen_forged');
    for (let k = 0; k < 2; k++)
      await client.postPartialSignature({ request_id: request.id, from_node: 'node-3', payload: await make(request, a.id) });
    await client.postPartialSignature({
      request_id: request.id,
      from_node: 'node-2',
      payload: 'of a node that did not make the presignature',
    });
    const { logger, lines } = memoryLog();
    const accused: Accusation[] = [];
    const outcomes = await Promise.all([
      exchange(depsOf(0, { logger, accused }), request, a, never),
      exchange(depsOf(2), request, b, never),
    ]);
    expect(outcomes.map((outcome) => isSignature(outcome, request))).toEqual([true, true]);
    expect(lines.filter(({ event }) => event === 'partial_signature_ignored')).toEqual([
      expect.objectContaining({ from: 'node-3', reason: expect.stringMatching(reason) }),
    ]);
    expect(accused).toEqual([]);
  });

  it.each([
    ['wrong', '11'.repeat(32), 'sigma_j Gamma = m Delta~_j + r S~_j'],
    ['no scalar', 'ff'.repeat(32), 'sigma < q'],
  ])('ends at once with the maker of one that is %s, whom its own statement shows', async (_, sigma, reason) => {
    const request = await client.createRequest({ message: 'wrong' });
    const [a] = presignatures('presig_gen_wrong');
    const statement = await wrong(request, a.id, { sigma });
    await client.postPartialSignature({ request_id: request.id, from_node: 'node-3', payload: statement });
    const accused: Accusation[] = [];
    expect(await exchange(depsOf(0, { accused }), request, a, never)).toEqual({ kind: 'wrong', makers: [2] });
    const record = { kind: 'partial_signature', requestId: request.id, payload: { message: 'wrong' }, making: null };
    expect(accused).toMatchObject([{ code: 'invalid_partial_signature', blame: [{ party: 2, reason }], record }]);
    const shown = accused[0]?.record;
    expect(shown?.kind === 'partial_signature' && [shown.statements.length, shown.statements.includes(statement)]).toEqual([2, true]);
  });

  it('is never issued for a digest, whatever has let the request come so far', async () => {
    const at = new Date().toISOString();
    const record = { id: 'req_1_digest', status: 'pending', revision: '1', created_at: at, updated_at: at, age_ms: 0 } as const;
    const [a] = presignatures('presig_gen_digest');
    const digest = { ...record, message: 'ab'.repeat(32), kind: 'digest' } as const;
    await expect(exchange(depsOf(0), digest, a, never)).rejects.toThrow('req_1_digest: no presignature may sign it');
    expect(await client.listPartialSignatures('req_1_digest')).toEqual([]);
    // It is as it was.
    expect(a.presignature.issuePartialSignature(Buffer.from('m')).sigma).toBeGreaterThan(0n);
  });

  it('takes the first that a signer has stated: another one changes nothing', async () => {
    const request = await client.createRequest({ message: 'two' });
    const [a, b] = presignatures('presig_gen_two');
    const accused: Accusation[] = [];
    await client.postPartialSignature({ request_id: request.id, from_node: 'node-3', payload: await wrong(request, a.id) });
    const outcomes = await Promise.all([
      exchange(depsOf(0, { accused }), request, a, never),
      exchange(depsOf(2), request, b, never),
    ]);
    expect(outcomes[0]).toEqual({ kind: 'wrong', makers: [2] });
    expect(accused).toHaveLength(1);
  });

  it('ends as soon as a signer is down whose partial signature is missing', async () => {
    const request = await client.createRequest({ message: 'down' });
    const [a] = presignatures('presig_gen_down');
    const presence = everyone();
    const running = exchange(depsOf(0, { presence }), request, a, never);
    while ((await client.listPartialSignatures(request.id)).length === 0);
    // Until it waits for the other one.
    await new Promise((resolve) => setTimeout(resolve, 300));
    presence.set(1, 'a', { live: false });
    presence.set(2, 'a', { live: false });
    expect(await running).toEqual({ kind: 'silent', missing: [2] });
    expect(presence.listeners).toBe(0);
    const [late] = presignatures('presig_gen_late');
    expect(await exchange(depsOf(0, { presence }), request, late, never)).toEqual({ kind: 'silent', missing: [2] });
  });

  it('names the silent ones when the deadline passes', async () => {
    const request = await client.createRequest({ message: 'silent' });
    const [a] = presignatures('presig_gen_silent');
    expect(await exchange(depsOf(0, { timeoutMs: 100 }), request, a, never)).toEqual({ kind: 'silent', missing: [2] });
  });

  it('is recorded before anything is computed: which request, message, presignature and signers', async () => {
    const request = await client.createRequest({ message: 'recorded' });
    const [a] = presignatures('presig_gen_recorded');
    const recorded: AuditRecord[] = [];
    const issue = a.presignature.issuePartialSignature.bind(a.presignature);
    let before = -1;
    a.presignature.issuePartialSignature = (message) => {
      before = recorded.length;
      return issue(message);
    };
    await exchange(depsOf(0, { recorded, timeoutMs: 100 }), request, a, never);
    const message_sha256 = createHash('sha256').update('recorded').digest('hex');
    expect(recorded).toEqual([
      {
        event: 'partial_signature',
        fields: { request_id: request.id, message_sha256, presignature_id: 'presig_gen_recorded', signers: '1-3' },
      },
    ]);
    expect(before).toBe(1);
  });

  it('does not happen when it cannot be recorded', async () => {
    const request = await client.createRequest({ message: 'not recorded' });
    const [a] = presignatures('presig_gen_not_recorded');
    await expect(exchange(depsOf(0, { diskFull: true }), request, a, never)).rejects.toThrow('ENOSPC');
    expect(await client.listPartialSignatures(request.id)).toEqual([]);
    expect(a.presignature.issuePartialSignature(Buffer.from('never used before')).sigma).toBeGreaterThan(0n);
  });

  it.each([
    [0, 'before it is computed'],
    [1, 'before it is posted'],
  ])('does not leave when it may not any more: told after %i times, %s', async (times) => {
    const request = await client.createRequest({ message: `too late ${times}` });
    const [a] = presignatures(`presig_gen_too_late_${times}`);
    const recorded: AuditRecord[] = [];
    let asked = 0;
    const checkMayIssue = (): void => {
      expect(recorded).toHaveLength(1);
      asked += 1;
      if (asked > times) throw new Error('it has expired');
    };
    const late = exchange(depsOf(0, { recorded }), request, a, { ...never, checkMayIssue });
    await expect(late).rejects.toThrow('it has expired');
    expect(await client.listPartialSignatures(request.id)).toEqual([]);
  });

  it('refuses to spend a presignature a second time, and posts nothing', async () => {
    const request = await client.createRequest({ message: 'twice' });
    const [a] = presignatures('presig_gen_twice');
    a.presignature.issuePartialSignature(Buffer.from('another message'));
    await expect(exchange(depsOf(0), request, a, never)).rejects.toThrow('used already');
    expect(await client.listPartialSignatures(request.id)).toEqual([]);
  });

  it('spends a presignature that was handed over once, at one side alone', () => {
    const [a] = presignatures('presig_gen_moved');
    const moved = Presignature.takeOver(a.presignature.handOver());
    expect(() => a.presignature.issuePartialSignature(Buffer.from('m'))).toThrow('used already');
    expect(moved.issuePartialSignature(Buffer.from('m')).sigma).toBeGreaterThan(0n);
  });
});
