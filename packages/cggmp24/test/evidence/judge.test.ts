import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import {
  messagesOfRecord,
  parseCase,
  partialSignatureMessage,
  serializeCase,
  type Case,
  type Setting,
  type SigningCaseSetting,
  type SignedMessage,
} from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import { hashMessage } from '../../src/ecdsa.js';
import { keyMaterialDigest } from '../../src/key_share/public_key_material.js';
import { G, toScalar, type Point } from '../../src/math/curve.js';
import { SECURITY_128 } from '../../src/params.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { MAX_PAYLOAD_LENGTH } from '../../src/runtime/message.js';
import { keygen, presign } from '../../src/sessions.js';
import { outputs, simulate } from '../../src/testing/simulate.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { PointJson, ScalarJson } from '../../src/wire/json.js';
import { observe } from '../util/evidence.js';
import { editing, parseMessage, variantOf } from '../util/messages.js';
import { replaceAt, toJson, type Json } from '../util/proofs.js';
import { caseWith, runs, signingSetting, type Run } from '../util/runs.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';

const honest = runs([]);
const named = (name: string): Run => {
  const run = honest.find((one) => one.name === name);
  if (run === undefined) throw new Error(`no run ${name}`);
  return run;
};
const signing = named('signing');
const verdictsOf = (submitted: Case): string[] => judge(submitted).map(({ code, round, party }) => `${code} ${round} ${party}`);

/** The messages with one field of one party's edited in each that it sent in a round. */
function edited(messages: readonly SignedMessage[], sender: number, variant: string, edit: (body: Json) => Json): SignedMessage[] {
  return messages.map((message) => {
    if (message.sender !== sender || variantOf(message.payload) !== variant) return message;
    return { ...message, payload: JSON.stringify({ [variant]: edit(parseMessage(message.payload)[variant] ?? null) }) };
  });
}
const scalarPlusOne = (path: string) => (body: Json): Json => {
  const value = path.slice(1).split('/').reduce<Json>((node, key) => (node as Record<string, Json>)[key] ?? null, body);
  return replaceAt(body, path, toJson(ScalarJson, toScalar(ScalarJson.parse(value) + 1n)));
};
const pointPlus =
  (path: string, P: Point) =>
  (body: Json): Json =>
    replaceAt(body, path, toJson(PointJson, PointJson.parse((body as Record<string, Json>)[path.slice(1)]).add(P)));

describe('a message that no honest party sends', () => {
  const run = named('threshold key generation');
  const add = (message: SignedMessage): string[] => verdictsOf(caseWith(run, [...run.messages, message]));
  const first = run.messages.find(({ sender, payload }) => sender === 1 && variantOf(payload) === 'Round1')?.payload ?? '';

  it.each<[string, Omit<SignedMessage, 'sender'>, string]>([
    ['not JSON', { recipient: 'all', payload: '{' }, 'malformed_message any 1'],
    ['of no known round', { recipient: 0, payload: '{"Round9":{}}' }, 'unknown_round any 1'],
    ['too long', { recipient: 'all', payload: `{"Round1":"${'x'.repeat(MAX_PAYLOAD_LENGTH)}"}` }, 'oversized_message any 1'],
    ['sent to one instead of all', { recipient: 0, payload: first }, 'wrong_delivery Round1 1'],
    ['sent to all instead of one', { recipient: 'all', payload: '{"Round2Uni":{}}' }, 'wrong_delivery Round2Uni 1'],
    ['another one than before', { recipient: 'all', payload: `${first} ` }, 'contradicting_messages Round1 1'],
  ])('%s', (_, message, verdict) => {
    expect(add({ sender: 1, ...message })).toEqual([verdict]);
  });

  it('the same message twice is none', () => {
    expect(verdictsOf(caseWith(run, [...run.messages, ...run.messages]))).toEqual([]);
  });

  it('a wrong form of a field', () => {
    const messages = edited(run.messages, 2, 'Round3', () => ({ sch_proof: 7 }));
    expect(verdictsOf(caseWith(run, messages))).toEqual(['malformed_message Round3 2']);
  });
});

describe('several cheats', () => {
  it('are all named, also when they fail different checks', () => {
    const sessions = [0, 1, 2, 3].map((index) =>
      keygen({ executionId: utf8ToBytes('several'), index, parties: 4, threshold: 2, rng: seededRng(`several ${index}`) }),
    );
    const [session] = sessions;
    if (session === undefined) throw new Error('no session');
    const view = observe(session);
    const opening = editing(1, 'Round2Broad', (body) => replaceAt(body, '/rid', 'ab'.repeat(32)));
    const share = editing(3, 'Round2Uni', scalarPlusOne('/sigma'));
    const [outcome] = simulate(sessions, { tamper: (delivery) => opening(delivery).flatMap(share) });
    expect(outcome).toMatchObject({ kind: 'aborted', error: { code: 'invalid_decommitment', blame: [{ party: 1 }, { party: 3 }] } });
    const setting = {
      kind: 'keygen',
      executionId: utf8ToBytes('several'),
      parties: 4,
      threshold: 2,
      chainCode: 'shared',
      reliableBroadcast: true,
    } as const;
    const messages = messagesOfRecord({ index: 0, ...view, culprits: [1, 3] });
    expect(verdictsOf({ params: SECURITY_128, setting, messages })).toEqual([
      'invalid_decommitment Round2Broad 1',
      'invalid_share Round2Uni 3',
    ]);
    // The honest party's share of the key is not to be had: of the three that were sent to it, one is missing.
    const shared = messages.filter(({ payload }) => variantOf(payload) === 'Round2Uni').map(({ sender, recipient }) => [sender, recipient]);
    expect(shared).toEqual([[1, 0], [3, 0]]);
  });
});

describe('without the echo round', () => {
  const unheard = (run: Run): Run => ({ ...run, setting: { ...run.setting, reliableBroadcast: false } as Setting });
  const aux = named('aux info generation');

  it.each<[string, Run, string, (body: Json) => Json, string[]]>([
    ['an opening', aux, 'Round2', (body) => replaceAt(body, '/rho_bytes', 'ab'.repeat(32)), ['invalid_decommitment Round2 1']],
    ['Pi^mod', aux, 'Round3', (body) => replaceAt(body, '/mod_proof/commitment/w', { radix: 16, value: '5' }), []],
    ['a share', named('threshold key generation'), 'Round2Uni', scalarPlusOne('/sigma'), ['invalid_share Round2Uni 1']],
    ['a Schnorr proof', named('threshold key generation'), 'Round3', scalarPlusOne('/sch_proof'), []],
    ['Pi^enc-elg', signing, 'Round1b', scalarPlusOne('/psi0/proof/w'), ['invalid_encryption_proof Round1b 1']],
    ['Pi^elog of Gamma', signing, 'Round2', scalarPlusOne('/tilde_psi/proof/z'), ['invalid_affine_proof Round2 1']],
    ['Pi^aff-g', signing, 'Round2', (body) => replaceAt(body, '/psi_j/proof/z1', { radix: 16, value: '5' }), []],
    ['Pi^elog of Delta', signing, 'Round3', scalarPlusOne('/psi_prime/proof/z'), []],
    ['a partial signature', signing, 'Round4', scalarPlusOne('/partial_sig/sigma'), []],
  ])('%s is judged only if its maker has sent all that it depends on', (_, run, variant, edit, verdicts) => {
    expect(verdictsOf(caseWith(unheard(run), edited(run.messages, 1, variant, edit)))).toEqual(verdicts);
    expect(judge(caseWith(run, edited(run.messages, 1, variant, edit))).map(({ party }) => party)).toEqual([1]);
  });
});

describe('a partial signature', () => {
  const wrong = (message: SignedMessage[], sender = 1): SignedMessage[] =>
    edited(message, sender, 'Round4', scalarPlusOne('/partial_sig/sigma'));

  it('that is wrong convicts its maker', () => {
    expect(verdictsOf(caseWith(signing, wrong([...signing.messages])))).toEqual(['invalid_partial_signature Round4 1']);
    expect(verdictsOf(caseWith(signing, wrong(wrong([...signing.messages]), 2)))).toEqual([
      'invalid_partial_signature Round4 1',
      'invalid_partial_signature Round4 2',
    ]);
  });

  it.each(['Round1a', 'ReliabilityCheck', 'Round2', 'Round3'])('proves nothing without %s', (variant) => {
    const without = wrong(signing.messages.filter(({ payload }) => variantOf(payload) !== variant));
    expect(verdictsOf(caseWith(signing, without))).toEqual([]);
  });

  it('needs no proof of round 1', () => {
    const without = wrong(signing.messages.filter(({ payload }) => variantOf(payload) !== 'Round1b'));
    expect(verdictsOf(caseWith(signing, without))).toEqual(['invalid_partial_signature Round4 1']);
  });

  it('that is right is not made wrong by another delta, nor with Delta and S that fit it', () => {
    const delta = edited(signing.messages, 0, 'Round3', scalarPlusOne('/delta'));
    expect(verdictsOf(caseWith(signing, delta))).toEqual([]);
    const publicKey = (signingSetting as SigningCaseSetting).key.core.sharedPublicKey;
    const fitting = edited(edited(delta, 0, 'Round3', pointPlus('/Delta', G)), 0, 'Round3', pointPlus('/S', publicKey));
    expect(verdictsOf(caseWith(signing, fitting))).toEqual(['invalid_exponent_proof Round3 0']);
    // Nor when nothing can be said of the accuser, who has echoed something else.
    const silent = edited(fitting, 0, 'ReliabilityCheck', () => Array.from({ length: 32 }, () => 0));
    expect(verdictsOf(caseWith(signing, silent))).toEqual([]);
  });

  it('from a presignature is judged by the run that made it', () => {
    const setting = signingSetting as SigningCaseSetting;
    const shares = smallShares(3, 4);
    const sessions = setting.signers.map((party) => {
      const share = shares[party];
      if (share === undefined) throw new Error('no share');
      return presign({ executionId: setting.executionId, share, signers: setting.signers, rng: seededRng(`presigning ${party}`) });
    });
    const views = sessions.map(observe);
    const presignatures = outputs(simulate(sessions));
    const [view] = views;
    if (view === undefined) throw new Error('no view');
    const message = utf8ToBytes('pay nobody at all');
    const partials = presignatures.map((presignature) => presignature.issuePartialSignature(message));
    const transcript = messagesOfRecord({ index: 0, ...view, culprits: [] });
    const caseOf = (signed: Uint8Array, cheat?: number): Case => ({
      params: FEW_REPETITIONS,
      setting: { ...setting, message: signed },
      messages: [
        ...transcript,
        ...partials.map(({ sigma }, j) => partialSignatureMessage(j, { sigma: j === cheat ? toScalar(sigma + 1n) : sigma })),
      ],
    });
    expect(verdictsOf(caseOf(message))).toEqual([]);
    expect(verdictsOf(caseOf(message, 2))).toEqual(['invalid_partial_signature Round4 2']);
    const withDigest = (submitted: Case, digest: Uint8Array): Case => ({ ...submitted, setting: { ...setting, message: null, digest } });
    expect(verdictsOf(withDigest(caseOf(message, 2), hashMessage(message)))).toEqual(['invalid_partial_signature Round4 2']);
    expect(verdictsOf(withDigest(caseOf(message), hashMessage(message, 'sha256d')))).toHaveLength(3);
    const asJson = serializeCase(withDigest(caseOf(message), hashMessage(message)));
    expect(serializeCase(parseCase(asJson, FEW_REPETITIONS))).toBe(asJson);
    const both = { ...caseOf(message), setting: { ...setting, message, digest: hashMessage(message) } };
    expect(() => serializeCase(both)).toThrow('a digest is');
    expect(verdictsOf(caseOf(utf8ToBytes('something else')))).toHaveLength(3);
  });
});

describe('a case as JSON', () => {
  it.each(honest)('of $name comes back as it was', (run) => {
    const text = serializeCase(caseWith(run, run.messages));
    expect(serializeCase(parseCase(text, run.params))).toBe(text);
    expect(judge(parseCase(text, run.params))).toEqual([]);
  });

  it('has nothing of a key share but what is public', () => {
    const text = serializeCase(caseWith(signing, []));
    const [share] = smallShares(3, 4);
    if (share === undefined) throw new Error('no share');
    const { p, q } = share.aux.decryptionKey.primes;
    for (const secret of [share.core.secretShare.reveal(), p.prime, q.prime]) expect(text).not.toContain(secret.toString(16));
    expect(Object.keys((JSON.parse(text) as { setting: { key: { core: object; aux: object } } }).setting.key.aux)).toEqual([
      'N',
      'pedersen_params',
    ]);
  });

  it.each<[string, (json: Record<string, Json>) => Json, RegExp]>([
    ['of another version', (json) => ({ ...json, version: 2 }), /^case: version/],
    ['of another level', (json) => ({ ...json, level: 'security-128' }), /^case: level/],
    ['of no protocol', (json) => replaceAt(json, '/setting/kind', 'refresh'), /^case: setting/],
    ['with a field too many', (json) => ({ ...json, accuser: 0 }), /^case: Unrecognized key/],
    [
      'with an even modulus',
      (json) => replaceAt(json, '/setting/key/aux/N/1', { radix: 16, value: `${'f'.repeat(255)}e` }),
      /^case: setting.key: N.1/,
    ],
    [
      'with an s that is no unit',
      (json) => replaceAt(json, '/setting/key/aux/pedersen_params/2/s', { radix: 16, value: '0' }),
      /^case: setting.key: pedersen_params.2/,
    ],
    [
      'with another public key',
      (json) =>
        replaceAt(json, '/setting/key/core/shared_public_key', `0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798`),
      /^case: setting.key: public_shares/,
    ],
    ['of too many signers', (json) => replaceAt(json, '/setting/signers', [0, 1, 2, 3]), /^signers: must be exactly 3/],
    ['of one signer twice', (json) => replaceAt(json, '/setting/signers', [0, 1, 1]), /^signers: must be distinct/],
    ['of a signer that does not exist', (json) => replaceAt(json, '/setting/signers', [0, 1, 4]), /^signers: each must be/],
    [
      'with a sender that does not exist',
      (json) => ({ ...json, messages: [{ sender: 3, recipient: 'all', payload: '' }] }),
      /^messages: 0: no such sender/,
    ],
    [
      'with a message to its sender',
      (json) => ({ ...json, messages: [{ sender: 1, recipient: 1, payload: '' }] }),
      /^messages: 0: no such recipient/,
    ],
  ])('%s is refused', (_, change, error) => {
    const json = JSON.parse(serializeCase(caseWith(signing, signing.messages))) as Record<string, Json>;
    const attempt = (): unknown => judge(parseCase(JSON.stringify(change(json)), FEW_REPETITIONS));
    expect(attempt).toThrow(InvalidArgument);
    expect(attempt).toThrow(error);
  });

  it('is read at the level that the judge names, the full one by default', () => {
    expect(() => parseCase(serializeCase(caseWith(signing, [])))).toThrow(/^case: level/);
  });
});

describe('the digest of key material', () => {
  it('is the same at all parties, and another for another key', () => {
    const digests = smallShares(2, 3).map(keyMaterialDigest);
    expect(new Set(digests).size).toBe(1);
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(smallShares(3, 4).map(keyMaterialDigest)).not.toContain(digests[0]);
  });
});
