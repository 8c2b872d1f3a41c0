import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { encodePoint, G, multiply } from '../../src/math/curve.js';
import { serializeCoreKeyShare, type CoreKeyShare } from '../../src/key_share/core.js';
import type { Session } from '../../src/runtime/session.js';
import { keygen, keygenNonThreshold } from '../../src/sessions.js';
import { outputs } from '../../src/testing/simulate.js';
import { RecordedMessage, recordRun, sorted } from '../util/messages.js';
import { scalarDraw, scriptedRng } from '../util/scripted_rng.js';
import { loadVectors } from '../util/vectors.js';
import { HexBytes } from '../util/zk_vectors.js';

const HexScalar = z.string().transform((hex) => BigInt(`0x${hex}`));
const Secrets = z.object({
  rid: HexBytes,
  schnorr_nonce_r: HexScalar,
  f_coefs: z.array(HexScalar).optional(),
  x: HexScalar.optional(),
  chain_code: HexBytes.nullable(),
  decommit: HexBytes,
});
const Run = z.object({
  eid: HexBytes,
  t: z.number().nullish(),
  n: z.number(),
  reliable_broadcast: z.boolean(),
  hd_wallet_feature: z.boolean(),
  hd_enabled: z.boolean(),
  secrets: z.array(Secrets),
  messages: z.array(RecordedMessage),
  checks: z.object({ public_key: z.string(), secret_key: HexScalar }),
  key_shares: z.array(z.json()),
});
type Run = z.output<typeof Run>;

/** What one party drew, in the order in which ours draws. */
function draws({ x, f_coefs, schnorr_nonce_r, chain_code, rid, decommit }: z.output<typeof Secrets>): Uint8Array[] {
  const shares = f_coefs ?? (x === undefined ? [] : [x]);
  return [...shares, schnorr_nonce_r].map(scalarDraw).concat(chain_code === null ? [] : [chain_code], [rid, decommit]);
}

function sessionsOf(run: Run): Session<CoreKeyShare>[] {
  const chainCode = run.hd_enabled ? 'shared' : run.hd_wallet_feature ? 'none' : 'absent';
  return run.secrets.map((secrets, index) => {
    const rng = scriptedRng(new Map([[32, draws(secrets)]]));
    const options = { executionId: run.eid, index, parties: run.n, chainCode, reliableBroadcast: run.reliable_broadcast, rng } as const;
    return run.t == null ? keygenNonThreshold(options) : keygen({ ...options, threshold: run.t });
  });
}

describe.each([
  'keygen_2of3_rb',
  'keygen_3of4_norb',
  'keygen_3of4_rb',
  'keygen_3of4_rb_hd_off',
  'keygen_nonthreshold_3_norb',
  'keygen_nonthreshold_3_rb',
  'nohd_keygen_2of3_norb',
  'nohd_keygen_3of4_rb',
  'nohd_keygen_nonthreshold_3_rb',
])('%s, run again with what the crate drew', (name) => {
  const run = loadVectors(name, Run);
  const { outcomes, messages } = recordRun(sessionsOf(run));

  it('sends the same messages', () => {
    expect(sorted(messages)).toEqual(sorted(run.messages));
  });

  it('ends with the same key shares', () => {
    expect(outputs(outcomes).map((share) => JSON.parse(serializeCoreKeyShare(share)) as unknown)).toEqual(run.key_shares);
  });

  it('makes the recorded key', () => {
    const key = Buffer.from(encodePoint(multiply(G, run.checks.secret_key), true)).toString('hex');
    expect(key).toBe(run.checks.public_key);
    for (const { sharedPublicKey } of outputs(outcomes)) expect(Buffer.from(encodePoint(sharedPublicKey, true)).toString('hex')).toBe(key);
  });
});
