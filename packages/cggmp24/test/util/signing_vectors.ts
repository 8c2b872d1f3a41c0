/** Recorded presigning and signing runs of the Rust crate, and what every test of them needs. */
import { z } from 'zod';
import { encElgContext, affGContext, elogContext, type Prover } from '../../src/zk/context.js';
import type { Encoding } from '../../src/hash/encoding.js';
import { parseKeyShare, type KeyShare } from '../../src/key_share/key_share.js';
import { G, sumPoints } from '../../src/math/curve.js';
import { SECURITY_128 } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { signingContext, type SigningContext } from '../../src/signing/context.js';
import {
  round1a,
  round1b,
  round2,
  round3,
  round4,
  type Round1a,
  type Round1b,
  type Round2,
  type Round3,
  type Round4,
} from '../../src/signing/messages.js';
import type { Round } from '../../src/runtime/protocol.js';
import { PointJson, ScalarJson } from '../../src/wire/json.js';
import * as affG from '../../src/zk/aff_g.js';
import * as elog from '../../src/zk/elog.js';
import * as encElg from '../../src/zk/enc_elg.js';
import { systemRng } from '../../src/math/random.js';
import { RecordedMessage } from './messages.js';
import { loadVectors } from './vectors.js';
import { HexBytes, Seed, SignedHex } from './zk_vectors.js';

const Ephemeral = z.object({ gamma: SignedHex, k: SignedHex, v: SignedHex, rho: SignedHex, y: SignedHex, a: SignedHex, b: SignedHex });
const SignatureVector = z.object({ serde: z.object({ r: ScalarJson, s: ScalarJson }) });

export const SigningRun = z.object({
  eid: HexBytes,
  participants: z.array(z.number()),
  reliable_broadcast: z.boolean(),
  derivation_path: z.array(z.number()),
  ephemeral: z.array(Ephemeral),
  group: z.object({ lagrange: z.array(SignedHex), additive_shift: SignedHex, additive_x: z.array(SignedHex), X: z.array(z.string()) }),
  public_key: z.string(),
  messages: z.array(RecordedMessage),
  checks: z.object({
    echo: z.object({ sha256: z.string() }),
    proofs: z.array(z.object({ proof: z.string(), prover: z.number(), verifier: z.number().nullable(), seed: Seed, challenge: SignedHex })),
    mta: z.array(
      z.object({ sender: z.number(), receiver: z.number(), alpha: SignedHex, hat_alpha: SignedHex, beta: SignedHex, hat_beta: SignedHex }),
    ),
    Gamma: z.string(),
    delta: SignedHex,
  }),
  /** Of presigning. */
  presignatures: z.array(z.object({ Gamma: PointJson, tilde_k: ScalarJson, tilde_chi: ScalarJson })).optional(),
  presignature_public_data: z
    .object({ Gamma: PointJson, commitments: z.array(z.object({ tilde_Delta: PointJson, tilde_S: PointJson })) })
    .optional(),
  signing: z
    .object({ message: HexBytes, m: SignedHex, partial_signatures: z.array(z.object({ sigma: ScalarJson })), signature: SignatureVector })
    .optional(),
  /** Of full signing. */
  message: HexBytes.optional(),
  signature: SignatureVector.optional(),
});
export type SigningRun = z.output<typeof SigningRun>;

type RecordedKey = 'key_shares_2of3' | 'key_shares_3of4' | 'key_shares_nonthreshold_3';
/** Which key a run used, if not key_shares_3of4. */
const keys = new Map<string, RecordedKey>([
  ['sign_nonthreshold_3_rb', 'key_shares_nonthreshold_3'],
  ['presign_2of3_02_rb', 'key_shares_2of3'],
  ['sign_2of3_12_rb', 'key_shares_2of3'],
]);

/** Key shares of all parties, as the crate wrote them: full size, without the half minute that making some takes. */
export function recordedShares(name: RecordedKey): KeyShare[] {
  return loadVectors(name, z.array(z.json())).map((share) => parseKeyShare(JSON.stringify(share), SECURITY_128));
}

/** A run with the key shares of its signers, in their order. */
export function loadSigningRun(name: string): { run: SigningRun; shares: KeyShare[] } {
  const run = loadVectors(name, SigningRun);
  const all = recordedShares(keys.get(name) ?? 'key_shares_3of4');
  return { run, shares: run.participants.map((party) => at(all, party)) };
}

export function contextOf(run: SigningRun, share: KeyShare): SigningContext {
  const { eid: executionId, participants: signers, reliable_broadcast: reliableBroadcast, derivation_path: path } = run;
  return signingContext({ executionId, signers, share, reliableBroadcast, identification: false, path, rng: systemRng });
}

/** The parsed body of one recorded message. */
function bodyOf<Body>(run: SigningRun, { variant, body }: Round<Body>, sender: number, recipient: number | null): Body {
  const found = run.messages.find((m) => m.sender === sender && m.recipient === recipient && variant in m.msg);
  if (found === undefined) throw new Error(`no ${variant} from ${sender}`);
  return z.decode(body, found.msg[variant]);
}

export const messagesOf = {
  round1a: (run: SigningRun, sender: number): Round1a => bodyOf(run, round1a, sender, null),
  round1b: (run: SigningRun, sender: number, to: number): Round1b => bodyOf(run, round1b, sender, to),
  round2: (run: SigningRun, sender: number, to: number): Round2 => bodyOf(run, round2, sender, to),
  round3: (run: SigningRun, sender: number): Round3 => bodyOf(run, round3, sender, null),
  round4: (run: SigningRun, sender: number): Round4 => bodyOf(run, round4, sender, null),
};

/** Gamma, from what signer 0 sent and received. */
export function gammaOf(run: SigningRun): Round2['Gamma'] {
  const others = run.participants.map((_, j) => j).slice(1);
  return sumPoints([messagesOf.round2(run, 0, 1).Gamma, ...others.map((j) => messagesOf.round2(run, j, 0).Gamma)]);
}

/** One recorded proof as its verifier sees it. */
export interface ProofInRun {
  readonly seed: Encoding;
  readonly challenge: bigint;
  verify(): void;
}

/** The recorded proof of that name from `prover` to `verifier`, under the verifier's key share. */
export function proofOf(run: SigningRun, ctx: SigningContext, name: string, prover: number, verifier: number): ProofInRun {
  const { params, sid } = ctx;
  const of: Prover = { sid, prover };
  const theirs = messagesOf.round1a(run, prover);
  const aux = at(ctx.aux, verifier);
  const [key_i, key_j] = [at(ctx.N, prover), at(ctx.N, verifier)];
  const enc = (num: 0 | 1): ProofInRun => {
    const { psi0, psi1 } = messagesOf.round1b(run, prover, verifier);
    const proof = num === 0 ? psi0 : psi1;
    const points = num === 0 ? { ciphertext: theirs.K, b: theirs.A1, x: theirs.A2 } : { ciphertext: theirs.G, b: theirs.B1, x: theirs.B2 };
    const data = { key: key_i, a: theirs.Y, ...points };
    const args = [encElgContext(of, num), params, aux, data] as const;
    return {
      seed: encElg.seed(...args, proof.commitment),
      challenge: encElg.challenge(...args, proof.commitment),
      verify: () => {
        encElg.verify(...args, proof);
      },
    };
  };
  const aff = (hat: boolean): ProofInRun => {
    const { Gamma, D, F, hat_D, hat_F, psi_j, hat_psi_j } = messagesOf.round2(run, prover, verifier);
    const proof = hat ? hat_psi_j : psi_j;
    const statement = hat ? { d: hat_D, y: hat_F, x: at(ctx.X, prover) } : { d: D, y: F, x: Gamma };
    const data = { key_j, key_i, c: messagesOf.round1a(run, verifier).K, ...statement };
    const args = [affGContext(of, hat), params, aux, data] as const;
    return {
      seed: affG.seed(...args, proof.commitment),
      challenge: affG.challenge(...args, proof.commitment),
      verify: () => {
        affG.verify(...args, proof);
      },
    };
  };
  const log = (prime: boolean): ProofInRun => {
    const { A1, A2, B1, B2, Y } = theirs;
    const third = prime ? messagesOf.round3(run, prover) : null;
    const second = prime ? null : messagesOf.round2(run, prover, verifier);
    const proof = third?.psi_prime ?? second?.tilde_psi;
    const y = third?.Delta ?? second?.Gamma;
    if (proof === undefined || y === undefined) throw new Error('no such proof');
    const data = prime ? { l: A1, m: A2, x: Y, y, h: gammaOf(run) } : { l: B1, m: B2, x: Y, y, h: G };
    const args = [elogContext(of, prime), data] as const;
    return {
      seed: elog.seed(...args, proof.commitment),
      challenge: elog.challenge(...args, proof.commitment),
      verify: () => {
        elog.verify(...args, proof);
      },
    };
  };
  switch (name) {
    case 'psi0': return enc(0);
    case 'psi1': return enc(1);
    case 'psi_j': return aff(false);
    case 'hat_psi_j': return aff(true);
    case 'tilde_psi': return log(false);
    case 'psi_prime': return log(true);
    default: throw new Error(`unknown proof ${name}`);
  }
}
