import { beforeEach, expect, test } from '@jest/globals';
import { COMPLETED, Referee } from '../src/referee.js';

let referee: Referee;
beforeEach(() => {
  referee = new Referee(() => 0);
});

const partial = (request_id: string, message_sha256: string, presignature_id: string) =>
  ({ event: 'partial_signature', fields: { request_id, message_sha256, presignature_id, signers: '1-2' } }) as const;
const sign = (executionId: string, message = 'm') =>
  ({ kind: 'sign', executionId, message, signers: [0, 1], identification: true }) as const;

test('Nothing is wrong with what nodes should do', () => {
  referee.accepted('m', 'req_1', COMPLETED);
  for (const node of ['node-1', 'node-2']) {
    referee.audited(node, partial('req_1', 'hash', 'p'));
    referee.begun(node, sign('req_1'));
    referee.begun(node, sign('req_1.1.1-2'));
    referee.begun(node, { kind: 'presign', executionId: 'q', signers: [0, 1] });
  }
  referee.shown('req_1', 'completed signature');
  for (const [id, outcome] of [['req_2', 'failed cancelled'], ['req_3', 'completed signature']] as const) {
    referee.accepted(id, id, COMPLETED);
    referee.cancelled(id);
    referee.shown(id, outcome);
  }
  referee.expires('req_1', 1_000);
  referee.issued('node-1', { id: 'p', party: 0, position: 0, signers: 2, isWrong: false }, 999);
  referee.accepted('refused', 'req_4', { completed: false, failures: ['policy_refused'] });
  referee.shown('req_4', 'failed policy_refused: node-1, node-2');
  expect(referee.violations).toEqual([]);
  expect(referee.unfinished).toBe(0);
  expect(referee.outcomes).toEqual(['completed presigned', 'cancelled', 'completed', 'policy_refused']);
});

test.each<[string, (to: Referee) => void, RegExp]>([
  ['two payloads with presignatures', (to) => {
    to.audited('node-1', partial('req_1', 'hash', 'p'));
    to.audited('node-2', partial('req_1', 'other', 'q'));
  }, /node-2 signs another payload for req_1/],
  ['two payloads in full', (to) => {
    to.begun('node-1', sign('req_1'));
    to.begun('node-2', sign('req_1.1.1-2', 'other'));
  }, /another payload/],
  ['a presignature for two requests', (to) => {
    to.audited('node-1', partial('req_1', 'hash', 'p'));
    to.audited('node-2', partial('req_2', 'hash', 'p'));
  }, /node-2 uses p for req_2/],
  ['a half that signs twice', (to) => {
    const half = { id: 'p', party: 0, position: 0, signers: 2, isWrong: false };
    to.issued('node-1', half, 0);
    to.issued('node-1', half, 0);
  }, /node-1 has signed twice with p/],
  ['a half that signs when it is too late', (to) => {
    to.expires('req_1', 1_000);
    to.audited('node-1', partial('req_1', 'hash', 'p'));
    to.issued('node-1', { id: 'p', party: 0, position: 0, signers: 2, isWrong: false }, 1_000);
  }, /node-1 signs req_1 after it has expired/],
  ['a signature that nobody may give', (to) => {
    to.accepted('m', 'req_1', { completed: false, failures: ['policy_refused'] });
    to.shown('req_1', 'completed a');
  }, /req_1 ended as: completed a/],
  ['an attempt that is run twice', (to) => {
    to.begun('node-1', sign('req_1.1.1-2'));
    to.begun('node-1', sign('req_1.1.1-2'));
  }, /node-1 has run req_1.1.1-2 twice/],
  ['an outcome that changes', (to) => {
    to.accepted('m', 'req_1', COMPLETED);
    to.shown('req_1', 'completed a');
    to.shown('req_1', 'completed b');
  }, /shown as completed a, then as completed b/],
  ['a failure', (to) => {
    to.accepted('m', 'req_1', COMPLETED);
    to.shown('req_1', 'failed expired');
  }, /req_1 ended as: failed expired/],
  ['a cancellation that nobody has asked for', (to) => {
    to.accepted('m', 'req_1', COMPLETED);
    to.shown('req_1', 'failed cancelled');
  }, /req_1 ended as: failed cancelled/],
  ['one id for two requests', (to) => {
    to.accepted('m', 'req_1', COMPLETED);
    to.accepted('n', 'req_1', COMPLETED);
  }, /accepted twice/],
])('%s', (_, happen, complaint) => {
  happen(referee);
  expect(referee.violations).toHaveLength(1);
  expect(referee.violations[0]).toMatch(complaint);
});
