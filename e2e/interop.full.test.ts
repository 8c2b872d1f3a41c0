/** Our protocol sessions with parties of the Rust crate. Needs cargo; the whole system with Rust nodes is interop/run.sh. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  auxInfo,
  combine,
  completeKeyShare,
  derive,
  encodePoint,
  keygen,
  keygenNonThreshold,
  parseAuxInfo,
  parseCoreKeyShare,
  parseKeyShare,
  presign,
  ProtocolAborted,
  ScalarJson,
  SECURITY_128,
  serializeAuxInfo,
  serializeCoreKeyShare,
  serializeKeyShare,
  serializePrimes,
  sign,
  verify,
  type AuxInfo,
  type ChainCodeMode,
  type CoreKeyShare,
  type KeyShare,
  type Point,
  type Presignature,
} from 'cggmp24';
import { fixturePrimes } from 'cggmp24/testing';
import { z } from 'zod';
import { buildPeer, hasCargo, ours, outputsOf, runTogether, rust, type Party } from '../interop/rust_party.js';

/** A file of the Rust party as we read it; it must come out again as it was. */
function foreignFile<T>(parse: (text: string) => T, serialize: (file: T) => string): z.ZodType<T> {
  return z.unknown().transform((content) => {
    const file = parse(JSON.stringify(content));
    expect(JSON.parse(serialize(file))).toEqual(content);
    return file;
  });
}
const CoreShare = foreignFile(parseCoreKeyShare, serializeCoreKeyShare);
const Aux = foreignFile((text) => parseAuxInfo(text, SECURITY_128), serializeAuxInfo);
const Signature = z.object({ r: ScalarJson, s: ScalarJson });

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (text: string): unknown => JSON.parse(text);

interface Run {
  readonly id: string;
  readonly echo: boolean;
}
const ofOurs = ({ id, echo }: Run) => ({ executionId: utf8(id), reliableBroadcast: echo });
const ofRust = ({ id, echo }: Run) => ({ execution_id: id, reliable_broadcast: echo });

interface KeygenSetup extends Run {
  readonly threshold: number | null;
  readonly chainCode: ChainCodeMode;
}

/** Three parties, the middle one Rust. @param rustChainCode what the Rust party does */
function keygenParties({ threshold, chainCode, ...run }: KeygenSetup, rustChainCode: ChainCodeMode = chainCode): Party<CoreKeyShare>[] {
  const options = { ...ofOurs(run), parties: 3, chainCode };
  const party = (index: number): Party<CoreKeyShare> =>
    ours(threshold === null ? keygenNonThreshold({ ...options, index }) : keygen({ ...options, index, threshold }));
  const job = { job: 'keygen', run: ofRust(run), index: 1, parties: 3, threshold };
  const peer =
    rustChainCode === 'absent' ? rust(job, CoreShare, 'party-no-hd') : rust({ ...job, chain_code: rustChainCode === 'shared' }, CoreShare);
  return [party(0), peer, party(2)];
}

function auxInfoOf(index: number, parties: number, run: Run, insecurePrmFirstWordOnly: boolean): Party<AuxInfo> {
  return ours(auxInfo({ ...ofOurs(run), index, parties, primes: fixturePrimes(index, SECURITY_128), insecurePrmFirstWordOnly }));
}
function rustAuxInfoOf(index: number, parties: number, run: Run): Party<AuxInfo> {
  return rust(
    { job: 'aux_info', run: ofRust(run), index, parties, primes: json(serializePrimes(fixturePrimes(index, SECURITY_128))) },
    Aux,
  );
}

function failure<T>(result: PromiseSettledResult<T> | undefined): unknown {
  if (result?.status !== 'rejected') throw new Error('did not fail');
  return result.reason;
}

/** Whose fault one of our sessions says it was. */
function abort<T>(result: PromiseSettledResult<T> | undefined): { code: string; culprits: number[] } {
  const error = failure(result);
  if (!(error instanceof ProtocolAborted)) throw error;
  return { code: error.code, culprits: error.blame.map(({ party }) => party) };
}

const pointJson = (P: Point): unknown => ({ curve: 'secp256k1', point: Buffer.from(encodePoint(P, false)).toString('hex') });

const suite = hasCargo() ? describe : describe.skip;
if (!hasCargo()) process.stderr.write('SKIPPED: cargo not found; nothing is run with the Rust crate\n');
suite('with parties of the Rust crate', () => {
  beforeAll(buildPeer, 900_000);

  describe('key generation', () => {
    it.each<KeygenSetup>(
      (['shared', 'none', 'absent'] as const).flatMap((chainCode) =>
        [2, null].flatMap((threshold) =>
          [true, false].map((echo) => ({ chainCode, threshold, echo, id: `${chainCode} ${String(threshold)} ${String(echo)}` })),
        ),
      ),
    )('makes one key: chain code $chainCode, threshold $threshold, echo round $echo', async (setup) => {
      const shares = await outputsOf(keygenParties(setup));
      const [first] = shares;
      for (const share of shares) {
        expect(share.sharedPublicKey.equals(first?.sharedPublicKey as Point)).toBe(true);
        expect(share.chainCode).toEqual(first?.chainCode);
        expect(share.chainCode === null).toBe(setup.chainCode !== 'shared');
        expect(share.vssSetup?.minSigners ?? null).toBe(setup.threshold);
      }
    });

    it('is refused by both sides when they do not agree on the chain code field', async () => {
      const setup = { id: 'mismatch', echo: true, threshold: 2, chainCode: 'none' } as const;
      const [left, peer, right] = await runTogether(keygenParties(setup, 'absent'));
      expect(abort(left)).toEqual({ code: 'invalid_decommitment', culprits: [1] });
      expect(abort(right)).toEqual({ code: 'invalid_decommitment', culprits: [1] });
      expect(String(failure(peer))).toMatch(/decommitment/);
    });
  });

  it('without the option for it, neither side accepts the Pi^prm of the other', async () => {
    const run = { id: 'aux info without the option', echo: true };
    const [mine, peer] = await runTogether([auxInfoOf(0, 2, run, false), rustAuxInfoOf(1, 2, run)]);
    expect(abort(mine)).toEqual({ code: 'invalid_ring_pedersen_parameters', culprits: [1] });
    expect(String(failure(peer))).toMatch(/faulty_party: 0.*N, s and t parameters are invalid/);
  });

  describe('a 2-of-3 key, the middle party Rust', () => {
    const message = 'signed by both';
    let shares: KeyShare[] = [];
    const share = (party: number): KeyShare => {
      const found = shares[party];
      if (found === undefined) throw new Error('there are no key shares');
      return found;
    };

    beforeAll(async () => {
      const cores = await outputsOf(keygenParties({ id: 'key', echo: true, threshold: 2, chainCode: 'shared' }));
      const run = { id: 'aux info', echo: true };
      const auxInfos = await outputsOf([auxInfoOf(0, 3, run, true), rustAuxInfoOf(1, 3, run), auxInfoOf(2, 3, run, true)]);
      shares = cores.map((core, index) => completeKeyShare(core, auxInfos[index] as AuxInfo));
    }, 600_000);

    it('presign together, and each adds up the partial signatures', async () => {
      const run = { id: 'presignature', echo: true };
      const signers = [0, 1];
      const RustPresignature = z.object({ public_data: z.unknown(), partial_signature: z.object({ sigma: ScalarJson }) });
      interface Presigned {
        readonly publicData: unknown;
        readonly sigma: bigint;
      }
      let presignature: Presignature | undefined;
      const session = ours(presign({ ...ofOurs(run), share: share(0), signers }));
      const mine: Party<Presigned> = {
        ...session,
        run: async (send) => {
          presignature = await session.run(send);
          const { Gamma, commitments } = presignature.publicData;
          const publicData = {
            Gamma: pointJson(Gamma),
            commitments: commitments.map(({ tildeDelta, tildeS }) => ({ tilde_Delta: pointJson(tildeDelta), tilde_S: pointJson(tildeS) })),
          };
          return { publicData, sigma: presignature.issuePartialSignature(utf8(message)).sigma };
        },
      };
      const peer = rust(
        { job: 'presign', run: ofRust(run), signers, key_share: json(serializeKeyShare(share(1))), message },
        RustPresignature.transform(({ public_data: publicData, partial_signature: { sigma } }): Presigned => ({ publicData, sigma })),
      );
      const [left, right] = await outputsOf([mine, peer]);
      if (left === undefined || right === undefined || presignature === undefined) throw new Error('no presignature');
      expect(left.publicData).toEqual(right.publicData);

      const publicKey = share(0).core.sharedPublicKey;
      const signature = combine([left, right], presignature.publicData, publicKey, utf8(message));
      expect(verify(signature, encodePoint(publicKey, true), utf8(message))).toBe(true);
      const combining = (sigmas: bigint[]) => ({
        job: 'combine',
        public_data: left.publicData,
        partial_signatures: sigmas.map((sigma) => ({ sigma: z.encode(ScalarJson, sigma) })),
        public_key: pointJson(publicKey),
        message,
      });
      expect(await outputsOf([rust(combining([left.sigma, right.sigma]), Signature)])).toEqual([signature]);
      await expect(outputsOf([rust(combining([left.sigma, right.sigma + 1n]), Signature)])).rejects.toThrow('a wrong partial signature');
    });

    it('sign with a path and the key share file that the other wrote, in another order, without the echo round', async () => {
      const run = { id: 'signature', echo: false };
      const [signers, path] = [
        [2, 1],
        [1, 44],
      ];
      const foreign = parseKeyShare(serializeKeyShare(share(1)), SECURITY_128);
      const [left, right] = await outputsOf([
        rust({ job: 'sign', run: ofRust(run), signers, key_share: json(serializeKeyShare(share(2))), message, path }, Signature),
        ours(sign({ ...ofOurs(run), share: foreign, signers, message: utf8(message), path })),
      ]);
      expect(left).toEqual(right);
      const { sharedPublicKey, chainCode } = share(0).core;
      if (left === undefined || chainCode === null) throw new Error('no signature');
      const child = derive({ publicKey: sharedPublicKey, chainCode }, path).publicKey;
      expect(verify(left, encodePoint(child, true), utf8(message))).toBe(true);
    });
  });
});
