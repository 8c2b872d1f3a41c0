/** The runs that were recorded with the Rust crate, at full size, before a judge. */
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Setting, SignedMessage } from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import { SECURITY_128 } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { fieldsOf, plausible } from '../util/alterations.js';
import { RecordedMessage } from '../util/messages.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { loadSigningRun } from '../util/signing_vectors.js';
import { loadVectors } from '../util/vectors.js';
import { HexBytes } from '../util/zk_vectors.js';

/** The last field of a message altered. */
function lastField(body: Json): Json {
  const field = fieldsOf(body).at(-1);
  if (field === undefined) throw new Error('no field');
  return replaceAt(body, field.path, plausible(field));
}

/** The cheat's last message of a variant altered. */
function tampered(
  messages: readonly RecordedMessage[],
  cheat: number,
  variant: string,
  alter: (body: Json) => Json = lastField,
): RecordedMessage[] {
  const target = messages.findLast(({ sender, msg }) => sender === cheat && variant in msg);
  if (target === undefined) throw new Error(`no ${variant} from ${cheat}`);
  return messages.map((message) => (message === target ? { ...message, msg: { [variant]: alter(target.msg[variant] ?? null) } } : message));
}

function verdicts(setting: Setting, recorded: readonly RecordedMessage[]): string[] {
  const messages = recorded.map(({ sender, recipient, msg }): SignedMessage => ({
    sender,
    recipient: recipient ?? 'all',
    payload: JSON.stringify(msg),
  }));
  return judge({ params: SECURITY_128, setting, messages }).map(({ code, party }) => `${code}:${party}`);
}

const common = { eid: HexBytes, n: z.number(), reliable_broadcast: z.boolean(), messages: z.array(RecordedMessage) };
const KeygenRun = z.object({ ...common, t: z.number().nullish(), hd_wallet_feature: z.boolean(), hd_enabled: z.boolean() });

const RECORDINGS = ['keygen_2of3_rb', 'keygen_3of4_norb', 'keygen_3of4_rb_hd_off', 'keygen_nonthreshold_3_rb', 'nohd_keygen_3of4_rb'];

describe.each(RECORDINGS)('%s', (name) => {
  const {
    eid: executionId,
    n: parties,
    t,
    hd_wallet_feature,
    hd_enabled,
    reliable_broadcast: reliableBroadcast,
    messages,
  } = loadVectors(name, KeygenRun);
  const chainCode = hd_enabled ? 'shared' : hd_wallet_feature ? 'none' : 'absent';
  const setting = { kind: 'keygen', executionId, parties, threshold: t ?? null, chainCode, reliableBroadcast } as const;

  it('proves nothing against anybody', () => {
    expect(verdicts(setting, messages)).toEqual([]);
  });

  it('tampered with names its cheat', () => {
    expect(verdicts(setting, tampered(messages, 1, 'Round3'))).toEqual(reliableBroadcast ? ['invalid_schnorr_proof:1'] : []);
    const opening = t == null ? 'Round2' : 'Round2Broad';
    const otherRid = (body: Json): Json => replaceAt(body, '/rid', 'ab'.repeat(32));
    expect(verdicts(setting, tampered(messages, 2, opening, otherRid))).toEqual(['invalid_decommitment:2']);
  });
});

describe('auxgen_3_rb', () => {
  const { eid: executionId, n: parties, reliable_broadcast: reliableBroadcast, messages } = loadVectors('auxgen_3_rb', z.object(common));
  const setting = { kind: 'aux_info', executionId, parties, prmFirstWordOnly: true, reliableBroadcast } as const;

  it('proves nothing against anybody', () => {
    expect(verdicts(setting, messages)).toEqual([]);
  });

  it('tampered with names its cheat', () => {
    expect(verdicts(setting, tampered(messages, 2, 'Round3'))).toEqual(['invalid_factor_proof:2']);
  });
});

describe.each(['sign_2of3_12_rb', 'sign_013_rb_hd', 'presign_301_unsorted_rb'])('%s', (name) => {
  const { run, shares } = loadSigningRun(name);
  const { eid: executionId, participants: signers, reliable_broadcast: reliableBroadcast, derivation_path: path, message = null } = run;
  const setting: Setting = {
    kind: 'signing',
    executionId,
    signers,
    key: at(shares, 0),
    path,
    message,
    reliableBroadcast,
    identification: false,
  };

  it('proves nothing against anybody', () => {
    expect(verdicts(setting, run.messages)).toEqual([]);
  });

  it.each([
    ['Round1b', 'invalid_encryption_proof:1'],
    ['Round2', 'invalid_affine_proof:1'],
    ['Round3', 'invalid_exponent_proof:1'],
  ])('with %s tampered with names its cheat', (variant, verdict) => {
    expect(verdicts(setting, tampered(run.messages, 1, variant))).toEqual([verdict]);
  });
});
