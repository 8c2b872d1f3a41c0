/** The gateway of a sealed cluster, with a board that lies between it and the nodes. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Heartbeat, NodeRecord, RequestRecord } from 'message-board/contract';
import { refusalOf } from 'message-board/outcome';
import { messageHash, payloadSha256 } from 'message-board/payload';
import { askingFor } from 'message-board/signing_request';
import type { Identity } from 'sealing/identity';
import { CLOSING, REFUSAL, SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign as signStatement, verify } from 'sealing/statement';
import { caller } from 'testkit/caller';
import { newSigner } from 'testkit/signer';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import { HealthSchema, SigningStatusSchema, type SigningStatus } from '../src/contract.js';
import { pendingReasonOf } from '../src/refusals.js';
import type { Answer, Call, Lie } from './lying_board.js';
import { sealedCluster, type SealedCluster } from './sealed_support.js';
import { cluster } from './support.js';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');

let c: SealedCluster;
beforeEach(async () => {
  c = await sealedCluster();
});
afterEach(() => c.stop());

const sign = async (message: string): Promise<string> => ((await caller(c.app).post('/sign', { message })) as SigningStatus).request_id;
const status = async (id: string): Promise<SigningStatus> => SigningStatusSchema.strict().parse(await caller(c.app).get(`/status/${id}`));
const health = async () => HealthSchema.strict().parse(await caller(c.app).get('/health'));
const failing = (path: string) => caller(c.app).get(path, 503);

/** Changes the answers to one kind of call. */
function lieAbout(method: string, path: RegExp, change: (body: unknown, asked: Call) => unknown, code = 200): Lie {
  return (asked, truth) => (asked.method === method && path.test(asked.path) ? { status: code, body: change(truth.body, asked) } : truth);
}
const ofRequest = (change: (record: RequestRecord) => unknown): Lie =>
  lieAbout('GET', /^\/requests\/req_/, (body) => change(body as RequestRecord));
/** Changes the record in every answer that has one: to posting a request, and to asking for one. */
const ofEveryRecord = (change: (record: RequestRecord) => unknown): Lie => (asked, truth) => {
  const hasRecord = asked.path.startsWith('/requests') && !Array.isArray(truth.body);
  return hasRecord ? { status: 200, body: change(truth.body as RequestRecord) } : truth;
};
const ofNodes = (change: (records: NodeRecord[]) => unknown): Lie => lieAbout('GET', /^\/nodes/, (body) => change(body as NodeRecord[]));
const honest: Lie = (_asked, truth) => truth;

describe('what it asks of the nodes', () => {
  it('is signed: id, message, time and end', async () => {
    await c.stop();
    c = await sealedCluster({ deps: { clock: new VirtualClock(NOW) } });
    const id = await sign('Ödeme');
    const record = await c.nodes.getRequest(id);
    const { signer, claims } = await verify(c.roster, SIGNING_REQUEST, record?.origin ?? '');
    const asked = { id, message_sha256: messageHash('Ödeme'), time: '2026-01-02T03:04:05.678Z', expires: '2026-01-02T04:04:05.678Z' };
    expect({ signer, claims }).toEqual({ signer: 'gateway', claims: asked });
  });

  it.each([
    ['bytes', { bytes: 'AB01', hash: 'keccak256' }, { message: 'ab01', kind: 'bytes', hash: 'keccak256' }],
    ['text with another hash', { message: 'm', hash: 'sha256d' }, { message: 'm', hash: 'sha256d' }],
    ['a digest', { digest: 'AB'.repeat(32) }, { message: 'ab'.repeat(32), kind: 'digest' }],
  ] as const)('is signed with its kind and hash: %s, also when it is posted again', async (_what, body, payload) => {
    const { request_id: id } = (await caller(c.app).post('/sign', body)) as SigningStatus;
    const asked = async () => {
      const record = await c.nodes.getRequest(id);
      const { claims } = await verify(c.roster, SIGNING_REQUEST, record?.origin ?? '');
      return { ...claims, message: record?.message, kind: record?.kind, hash: record?.hash };
    };
    const first = await asked();
    expect(first).toMatchObject({ id, message_sha256: payloadSha256(payload), ...payload });
    await c.stopBoard();
    await c.restartGateway(() => c.startBoard());
    await c.gateway.sweep();
    expect(await asked()).toEqual(first);
    await c.stateKey();
    await c.finish(id);
    expect(await status(id)).toMatchObject({ status: 'completed', ...c.signer.forms(payload) });
  });

  it('is not completed by a signature of the same digits in another kind, or with another hash', async () => {
    await c.stateKey();
    const digest = 'ab'.repeat(32);
    const { request_id: id } = (await caller(c.app).post('/sign', { bytes: digest })) as SigningStatus;
    const others = [{ message: digest }, { message: digest, kind: 'digest' }, { message: digest, kind: 'bytes', hash: 'sha256d' }] as const;
    for (const other of others) {
      c.liar.tell(ofEveryRecord((record) => ({ ...record, ...other, status: 'completed', signature: c.signer.sign(other) })));
      const answer = await caller(c.app).get(`/status/${id}`, 503);
      expect(answer).toMatchObject({ error: { code: expect.stringMatching(/^(request_displaced|invalid_signature)$/) } });
    }
    c.liar.tell(honest);
    await c.finish(id);
    expect(await status(id)).toMatchObject({ status: 'completed', ...c.signer.forms({ message: digest, kind: 'bytes' }) });
  });

  it('is posted again as it was, when the board has lost it', async () => {
    const id = await sign('a');
    const before = await c.nodes.getRequest(id);
    await c.stopBoard();
    await c.startBoard();
    await c.gateway.sweep();
    expect(await c.nodes.getRequest(id)).toMatchObject({ message: 'a', origin: before?.origin });
  });

  it.each(['something else', 'a'])('takes the place of what somebody else has put under its id: %s', async (message) => {
    const id = await sign('a');
    await c.stopBoard();
    await c.startBoard();
    await c.nodes.createRequest({ id, message, origin: 'gateway' });
    await c.gateway.sweep();
    const record = await c.nodes.getRequest(id);
    expect(record).toMatchObject({ message: 'a', status: 'pending' });
    expect(record !== undefined && (await askingFor(c.roster, record))).toMatchObject({ askedBy: 'gateway' });
    expect(await status(id)).toEqual({ request_id: id, status: 'pending', reason: 'no_public_key' });
  });
});

/** What the board would show of a node that states the key to the members of this roster. */
async function keyStatement(identity: Identity, roster: Roster, record: NodeRecord | undefined) {
  const said = await heartbeatOf({ ...READY_STATUS, public_key: c.signer.publicKey }, { sequence: 9, signer: { identity, roster } });
  return { ...record, node_id: identity.name, ...said };
}

describe('the public key', () => {
  it('is what as many nodes as sign state', async () => {
    await c.stateKey([1, 2]);
    expect(await failing('/ready')).toMatchObject({ error: { code: 'no_public_key' } });
    await c.stateKey([3]);
    expect(await caller(c.app).get('/ready')).toEqual({ status: 'ready' });
    expect(await caller(c.app).get('/publickey')).toEqual({ public_key: c.signer.publicKey });
    expect(c.liar.asked.filter(({ path }) => path.startsWith('/publickey'))).toEqual([]);
  });

  it('is not there before they can sign with it', async () => {
    const { publicKey: public_key } = c.signer;
    for (const number of [1, 2]) await c.state(number, { public_key, stage: 'ready' });
    for (const number of [3, 4]) await c.state(number, { public_key, stage: 'preparing_aux_info' });
    expect(await failing('/ready')).toMatchObject({ error: { code: 'no_public_key' } });
    await c.stateKey([4]);
    expect(await caller(c.app).get('/ready')).toEqual({ status: 'ready' });
  });

  it.each<[what: string, lie: (records: NodeRecord[]) => Promise<unknown>]>([
    ['one node three times', (records) => Promise.resolve([records[0], records[0], records[0]])],
    [
      "one node's statement under other names",
      (records) => Promise.resolve(['node-1', 'node-2', 'node-3'].map((node_id) => ({ ...records[0], node_id }))),
    ],
    [
      'statements that nobody has signed',
      async (records) => {
        const said = await heartbeatOf({ ...READY_STATUS, public_key: c.signer.publicKey }, { sequence: 9 });
        return [1, 2, 3].map((k) => ({ ...records[0], node_id: `node-${k}`, ...said }));
      },
    ],
    [
      'statements for another cluster',
      async (records) => {
        const other = members(5, 3);
        return Promise.all(other.identities.slice(0, 3).map((identity) => keyStatement(identity, other.roster, records[0])));
      },
    ],
    [
      'statements of strangers',
      (records) => Promise.all(members(7).identities.slice(4).map((identity) => keyStatement(identity, c.roster, records[0]))),
    ],
    [
      "one node's word among the words of others",
      async () => {
        for (const number of [2, 3]) await c.state(number, {});
        const records = await c.nodes.listNodes();
        return records.map(({ statements, ...record }) => ({
          ...record,
          statements: { ...statements, presence: records[0]?.statements.presence },
        }));
      },
    ],
  ])('is not learned from a board that shows %s', async (_what, lie) => {
    await c.stateKey([1]);
    const told = await lie(await c.nodes.listNodes());
    c.liar.tell(ofNodes(() => told));
    expect(await failing('/publickey')).toMatchObject({ error: { code: 'no_public_key' } });
    expect(await health()).toMatchObject({ public_key: 'unknown' });
  });

  it('that the board itself tells is nothing, and a signature under it neither', async () => {
    const other = newSigner();
    const id = await sign('m');
    c.liar.tell((asked, truth): Answer => {
      if (asked.path.startsWith('/publickey')) return { status: 200, body: { public_key: other.publicKey } };
      const completed = { ...(truth.body as object), status: 'completed', signature: other.sign('m') };
      if (asked.path.startsWith('/requests/')) return { status: 200, body: completed };
      return truth;
    });
    await c.gateway.sweep();
    expect(await failing(`/status/${id}`)).toMatchObject({ error: { code: 'no_public_key' } });
    await c.stateKey();
    expect(await failing(`/status/${id}`)).toMatchObject({ error: { code: 'invalid_signature' } });
    expect(await caller(c.app).get('/publickey')).toEqual({ public_key: c.signer.publicKey });
  });

  it('is in conflict when as many nodes state another, and then nothing is signed', async () => {
    await c.stop();
    c = await sealedCluster({ threshold: 2 });
    await c.stateKey([1, 2]);
    await c.gateway.sweep();
    await c.stateKey([3], newSigner().publicKey);
    await c.gateway.sweep();
    expect(await health()).toMatchObject({ public_key: 'known', problems: ['node_not_ready'] });
    await c.stateKey([3, 4], newSigner().publicKey);
    await c.gateway.sweep();
    expect(await health()).toMatchObject({ status: 'degraded', public_key: 'conflict' });
    expect(await caller(c.app).post('/sign', { message: 'm' }, 503)).toMatchObject({ error: { code: 'public_key_conflict' } });
  });
});

describe('a board that shows what is not true', () => {
  it('a false signature finishes nothing: the request is kept, and completed by the true one', async () => {
    await c.stateKey();
    const id = await sign('m');
    const false_ = newSigner().sign('m');
    c.liar.tell((asked, truth) => {
      if (asked.method === 'GET' && asked.path.startsWith('/requests?')) return { status: 200, body: [] };
      const completed = { ...(truth.body as object), status: 'completed', signature: false_ };
      return /^\/requests(\/|$)/.test(asked.path) ? { status: 200, body: completed } : truth;
    });
    expect(await failing(`/status/${id}`)).toMatchObject({ error: { code: 'invalid_signature' } });
    for (let k = 0; k < 2; k += 1) await c.gateway.sweep();
    expect(await health()).toMatchObject({ board: 'up', unfinished: 1 });
    c.liar.tell(honest);
    await c.finish(id);
    expect(await status(id)).toMatchObject({ status: 'completed', signature: c.signer.sign('m') });
    expect((await health()).unfinished).toBe(0);
  });

  it('a dropped request is posted again, and again', async () => {
    await c.stateKey();
    const id = await sign('m');
    const gone: Lie = lieAbout('GET', /^\/requests\/req_/, () => ({ error: { code: 'unknown_request', message: 'x' } }), 404);
    const notListed: Lie = lieAbout('GET', /^\/requests\?/, () => []);
    c.liar.tell((asked, truth) => notListed(asked, gone(asked, truth)));
    expect(await status(id)).toEqual({ request_id: id, status: 'pending' });
    await c.gateway.sweep();
    const posted = c.liar.asked.filter(({ method }) => method === 'POST').map(({ body }) => body);
    // The first call is made again with a session.
    expect(posted.length).toBeGreaterThanOrEqual(3);
    expect(posted).toEqual(Array(posted.length).fill(posted[0]));
    c.liar.tell(honest);
    await c.finish(id);
    expect(await status(id)).toMatchObject({ status: 'completed' });
  });

  it('another message under its id is not what was asked', async () => {
    await c.stateKey();
    const id = await sign('pay 1');
    const message = 'pay 1000';
    const other = (record: RequestRecord) => ({ ...record, message, status: 'completed', signature: c.signer.sign(message) });
    c.liar.tell(ofEveryRecord(other));
    expect(await failing(`/status/${id}`)).toMatchObject({ error: { code: 'request_displaced' } });
    c.liar.tell(honest);
    await c.finish(id);
    expect(await status(id)).toMatchObject({ status: 'completed' });
    // What has ended stays as it is, whatever the board shows.
    c.liar.tell(ofRequest(other));
    expect(await status(id)).toMatchObject({ status: 'completed', signature: c.signer.sign('pay 1') });
  });

  it('another request is not an answer', async () => {
    await c.stateKey();
    const [id, otherId] = [await sign('a'), await sign('b')];
    await c.finish(otherId);
    const other = await c.nodes.getRequest(otherId);
    c.liar.tell(ofEveryRecord(() => other));
    expect(await failing(`/status/${id}`)).toMatchObject({ error: { code: 'request_displaced' } });
    expect(await failing(`/status/req_1_unknown`)).toMatchObject({ error: { code: 'request_displaced' } });
    // What was posted may be signed: it is accepted, though the board shows something else.
    expect(await caller(c.app).post('/sign', { message: 'm' })).toMatchObject({ status: 'pending' });
  });

  it('a completed request that nobody has asked for is none', async () => {
    await c.stateKey();
    for (const origin of [undefined, 'gateway', (await c.nodes.getRequest(await sign('m')))?.origin]) {
      const id = `req_1_${String(origin).length}`;
      await c.nodes.createRequest({ id, message: 'm', ...(origin === undefined ? {} : { origin }) });
      expect(await status(id)).toEqual({ request_id: id, status: 'pending' });
      c.liar.tell(ofRequest((record) => ({ ...record, status: 'completed', signature: c.signer.sign('m') })));
      expect(await failing(`/status/${id}`)).toMatchObject({ error: { code: 'invalid_signature' } });
      c.liar.tell(honest);
    }
  });

  it('a gateway that was started again still knows what it has asked for', async () => {
    await c.stateKey();
    const id = await sign('m');
    await c.restartGateway(() => c.finish(id));
    expect(await status(id)).toMatchObject({ status: 'completed', signature: c.signer.sign('m') });
  });
});

describe('refusals', () => {
  const claims = async (id: string) => refusalOf((await c.nodes.getRequest(id)) ?? { id }, 'policy_refused');

  it('that nodes have signed are the reason why a request is pending', async () => {
    const id = await sign('m');
    await c.nodes.updateRequest(id, await c.says(1, id, 'not_enough_signers: node-4'));
    expect(await status(id)).toMatchObject({ reason: 'not_enough_signers: node-4' });
    c.liar.tell(ofRequest((record) => ({ ...record, reason: 'not_enough_signers: node-1' })));
    expect(await status(id)).toMatchObject({ reason: 'not_enough_signers: node-4' });
    c.liar.tell(honest);
    await c.nodes.updateRequest(id, { refusal: await c.refusal(2, id) });
    expect(await status(id)).toEqual({ request_id: id, status: 'pending', reason: 'policy_refused: node-2' });
  });

  // Three sign; with two of four nodes that refuse, two are left.
  it('of n - t + 1 different nodes fail it, whatever the board calls it, and for good', async () => {
    await c.stateKey();
    const id = await sign('m');
    const [by2, by4] = [await c.refusal(2, id), await c.refusal(4, id, 'rate_limited')];
    const tooFew = [[], [by2], [by2, by2], [by2, await c.refusal(2, id, 'rate_limited')], [by2, await c.refusal(4, 'req_1_other')]];
    for (const refusals of tooFew) {
      c.liar.tell(ofEveryRecord((record) => ({ ...record, status: 'failed', reason: 'policy_refused: node-2, node-4', refusals })));
      expect(await status(id)).toMatchObject({ status: 'pending' });
      await c.gateway.sweep();
      expect((await health()).unfinished).toBe(1);
    }
    c.liar.tell(ofRequest((record) => ({ ...record, refusals: [by4, by2, by4] })));
    const failed = { request_id: id, status: 'failed', reason: 'policy_refused: node-2' };
    expect(await status(id)).toEqual(failed);
    c.liar.tell(honest);
    await c.finish(id);
    for (let k = 0; k < 2; k += 1) await c.gateway.sweep();
    expect(await status(id)).toEqual(failed);
    await c.restartGateway();
    expect(await status(id)).toEqual(failed);
  });

  it.each<[what: string, refusal: (id: string) => Promise<string>]>([
    ['the gateway', async (id) => signStatement(c.gatewayIdentity, c.roster, REFUSAL, await claims(id))],
    ['another request', () => c.refusal(2, 'req_1_other')],
    ['another cluster', async (id) => signStatement(c.identityOf(2), members(5).roster, REFUSAL, await claims(id))],
    ['another request under its id', (id) => signStatement(c.identityOf(2), c.roster, REFUSAL, refusalOf({ id }, 'policy_refused'))],
    ['a forger', async (id) => (await c.refusal(2, id)).replace(/[^.]*$/, 'A'.repeat(86))],
    ['nobody', () => Promise.resolve('a.b.c')],
  ])('of %s that the board shows are none', async (_what, refusal) => {
    const id = await sign('m');
    const forged = await refusal(id);
    c.liar.tell(ofRequest((record) => ({ ...record, refusals: [forged] })));
    expect(await status(id)).toEqual({ request_id: id, status: 'pending', reason: 'no_public_key' });
    const true_ = await c.refusal(3, id);
    c.liar.tell(ofRequest((record) => ({ ...record, refusals: [forged, true_, true_] })));
    expect(await status(id)).toMatchObject({ reason: 'policy_refused: node-3' });
  });

  it('of a hundred nodes are cut to the length of a reason', async () => {
    const { roster, identities } = members(100, 60);
    const said = refusalOf({ id: 'req_1' }, 'policy_refused');
    const refusals = await Promise.all(identities.map((identity) => signStatement(identity, roster, REFUSAL, said)));
    const reason = await pendingReasonOf(roster, { id: 'req_1', refusals } as RequestRecord);
    const pending = SigningStatusSchema.parse({ request_id: 'req_1', status: 'pending', reason });
    expect(pending.reason).toMatch(/^policy_refused: node-1, node-2, node-3, .*\d$/);
    expect(reason?.length).toBeGreaterThan(480);
  });
});

describe('culprits', () => {
  it('are those whom nodes name, with how many do', async () => {
    expect((await health()).culprits).toEqual([]);
    await c.state(1, { culprits: ['node-4'] });
    await c.state(2, { culprits: ['node-3', 'node-4', 'node-4'] });
    await c.state(4, { culprits: ['node-4', 'node-9'] });
    await c.gateway.sweep();
    expect((await health()).culprits).toEqual([
      { node_id: 'node-4', named_by: 2 },
      { node_id: 'node-3', named_by: 1 },
    ]);
    await c.state(2, {});
    await c.gateway.sweep();
    expect((await health()).culprits).toEqual([{ node_id: 'node-4', named_by: 1 }]);
  });

  it('are not invented by the board, nor kept or brought back by old statements', async () => {
    await c.state(1, { culprits: ['node-2'] });
    const old = await c.nodes.listNodes();
    await c.gateway.sweep();
    await c.state(1, { culprits: ['node-3'] });
    await c.gateway.sweep();
    const unsigned = await heartbeatOf({ ...READY_STATUS, culprits: ['node-2', 'node-4'] }, { sequence: 99 });
    const signer = { identity: c.identityOf(2), roster: c.roster };
    const another = await heartbeatOf({ ...READY_STATUS, culprits: ['node-4'] }, { sequence: 99, signer });
    const accusing = ({ statements: { accusations } }: Heartbeat): Lie =>
      ofNodes((records) => records.map(({ statements, ...record }) => ({ ...record, statements: { ...statements, accusations } })));
    const lies: Lie[] = [
      accusing(unsigned),
      accusing(another),
      ofNodes(() => old),
      ofNodes(() => []),
    ];
    for (const lie of lies) {
      c.liar.tell(lie);
      for (let k = 0; k < 2; k += 1) await c.gateway.sweep();
      expect((await health()).culprits).toEqual([{ node_id: 'node-3', named_by: 1 }]);
    }
    expect(c.log.filter((line) => line.includes('node_statement_refused'))).toHaveLength(1);
  });
});

describe('the sweep', () => {
  const LISTS = /^\/requests\?/;
  const posts = () => c.liar.asked.filter(({ method, path }) => method === 'POST' && path === '/requests').length;

  it('comes to an end when the board shows one page of requests again and again', async () => {
    await sign('m');
    const page = await c.nodes.listRequests({ status: 'pending' });
    await sign('another');
    c.liar.tell(lieAbout('GET', LISTS, () => page));
    await c.gateway.sweep();
    expect(c.liar.asked.filter(({ path }) => LISTS.test(path))).toHaveLength(2);
  });

  it('reads what is new only, and everything again once a minute: a board may have lost a request without a word', async () => {
    await c.stop();
    const clock = new VirtualClock(Date.now());
    c = await sealedCluster({ deps: { clock } });
    const ids = [await sign('a'), await sign('b')];
    const shown: string[][] = [];
    const note = (body: unknown) => {
      shown.push((body as RequestRecord[]).map(({ id }) => id));
      return body;
    };
    c.liar.tell(lieAbout('GET', LISTS, note));
    const before = posts();
    for (let k = 0; k < 3; k += 1) await c.gateway.sweep();
    expect(shown.flat()).toEqual(ids);
    const third = await sign('c');
    await c.gateway.sweep();
    expect(shown.flat()).toEqual([...ids, third]);
    expect(posts()).toBe(before + 1);
    c.liar.tell(lieAbout('GET', LISTS, (body) => (body as RequestRecord[]).filter(({ id }) => id !== third)));
    await clock.advance(59_000);
    await c.gateway.sweep();
    expect(posts()).toBe(before + 1);
    await clock.advance(1_000);
    await c.gateway.sweep();
    expect(posts()).toBe(before + 2);
  });

  it('tells the board that a request is closed until it shows it so', async () => {
    const id = await sign('m');
    await c.gateway.sweep();
    const closing = await signStatement(c.gatewayIdentity, c.roster, CLOSING, { request_id: id, reason: 'cancelled' });
    await c.store.end(id, { status: 'failed', reason: 'cancelled', closing }, Date.now());
    for (let k = 0; k < 3; k += 1) await c.gateway.sweep();
    expect(await c.nodes.getRequest(id)).toMatchObject({ status: 'failed', reason: 'cancelled' });
    expect(c.liar.asked.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });
});

describe('in a plain cluster', () => {
  it('the log warns of it once, and never in a sealed one', async () => {
    const plain = await cluster();
    const warnings = (lines: readonly string[]) => lines.filter((line) => /"level":40,.*"event":"plain_roster"/.test(line));
    expect(warnings(plain.log)).toHaveLength(1);
    expect(warnings(c.log)).toEqual([]);
    await plain.stop();
  });

  it('nobody has signed anything, so nobody is named or refuses', async () => {
    const plain = await cluster();
    const { roster } = members(4, 3, 'plain');
    const signer = { identity: c.identityOf(1), roster };
    await plain.nodes.putNode('node-1', await heartbeatOf({ ...READY_STATUS, culprits: ['node-2'] }, { sequence: 1, signer }));
    await plain.gateway.sweep();
    expect((await plain.gateway.health()).culprits).toEqual([]);
    const { request_id } = (await caller(plain.app).post('/sign', { message: 'm' })) as SigningStatus;
    const refusal = await signStatement(c.identityOf(1), roster, REFUSAL, refusalOf({ id: request_id }, 'policy_refused'));
    await plain.nodes.updateRequest(request_id, { refusal, reason: 'x' });
    expect(await caller(plain.app).get(`/status/${request_id}`)).toEqual({ request_id, status: 'pending', reason: 'x' });
    await plain.stop();
  });
});
