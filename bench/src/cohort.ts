/** The parties of one key, all in this thread, for what is timed: nobody's key is at stake here. */
import {
  auxInfo,
  combine,
  completeKeyShare,
  keygen,
  Presignature,
  presign,
  sign,
  systemRng as rng,
  ScalarJson,
  type AuxInfo,
  type CoreKeyShare,
  type KeyShare,
  type PartialSignature,
  type Point,
  type SecurityParams,
  type Signature,
} from 'cggmp24';
import { fixturePrimes, outputs, simulate } from 'cggmp24/testing';

export const MESSAGE = new TextEncoder().encode('bench');

/** Uses a presignature up and makes any number of copies. Two signatures from copies of one reveal the key. */
function copiesOf(presignature: Presignature): () => Presignature {
  const { publicData } = presignature;
  const { tilde_k, tilde_chi } = JSON.parse(presignature.handOver()) as Record<string, unknown>;
  return () => new Presignature(publicData, { tildeK: ScalarJson.parse(tilde_k), tildeChi: ScalarJson.parse(tilde_chi) });
}

/** Makes one run ready, and returns it. */
type Ready = () => () => unknown;

/** `threshold` of `parties`, of whom the first sign. What several operations need is made when the first of them runs. */
export class Cohort {
  #auxInfos: AuxInfo[] | undefined;
  #shares: KeyShare[] | undefined;
  #presignatures: (() => Presignature)[] | undefined;
  readonly #everyone: readonly number[];
  readonly #signers: readonly number[];

  constructor(
    readonly params: SecurityParams,
    readonly threshold: number,
    readonly parties: number,
  ) {
    this.#everyone = Array.from({ length: parties }, (_, index) => index);
    this.#signers = this.#everyone.slice(0, threshold);
  }

  readonly keygen = (): (() => CoreKeyShare[]) => {
    const { parties, threshold } = this;
    const executionId = rng(16);
    const sessions = this.#everyone.map((index) => keygen({ executionId, index, parties, threshold }));
    return () => outputs(simulate(sessions));
  };

  /** From primes that are there already. */
  readonly auxInfo = (): (() => AuxInfo[]) => {
    const { parties, params } = this;
    const executionId = rng(16);
    const sessions = this.#everyone.map((index) => auxInfo({ executionId, index, parties, primes: fixturePrimes(index, params) }));
    return () => (this.#auxInfos = outputs(simulate(sessions)));
  };

  readonly presign: Ready = () => {
    const sessions = this.#presigning();
    return () => outputs(simulate(sessions));
  };

  readonly sign: Ready = () => {
    const executionId = rng(16);
    const sessions = this.#signingShares.map((share) => sign({ executionId, share, signers: this.#signers, message: MESSAGE }));
    return () => outputs(simulate(sessions));
  };

  get publicKey(): Point {
    const [share] = this.#allShares;
    if (share === undefined) throw new Error('no shares');
    return share.core.sharedPublicKey;
  }

  /** A signer's half of one presignature, again and again. */
  presignature(signer: number): Presignature {
    this.#presignatures ??= outputs(simulate(this.#presigning())).map(copiesOf);
    const copy = this.#presignatures[signer];
    if (copy === undefined) throw new Error('no such signer');
    return copy();
  }

  /** All signers' halves. */
  presignatures(): Presignature[] {
    return this.#signers.map((signer) => this.presignature(signer));
  }

  /** What a request costs once there is a presignature: a partial signature of each signer, their sum, and its check. */
  online(presignatures: readonly Presignature[]): Signature {
    return this.combine(presignatures.map((presignature) => presignature.issuePartialSignature(MESSAGE)));
  }

  /** Adds, and verifies the result. */
  combine(partials: PartialSignature[]): Signature {
    this.#publicData ??= this.presignature(0).publicData;
    return combine(partials, this.#publicData, this.publicKey, MESSAGE);
  }
  #publicData: Presignature['publicData'] | undefined;

  get #allShares(): KeyShare[] {
    return (this.#shares ??= this.#makeShares());
  }

  get #signingShares(): KeyShare[] {
    return this.#allShares.slice(0, this.threshold);
  }

  #presigning() {
    const executionId = rng(16);
    return this.#signingShares.map((share) => presign({ executionId, share, signers: this.#signers }));
  }

  #makeShares(): KeyShare[] {
    const auxInfos = (this.#auxInfos ??= this.auxInfo()());
    return this.keygen()().map((core, index) => {
      const aux = auxInfos[index];
      if (aux === undefined) throw new Error('no aux info');
      return completeKeyShare(core, aux);
    });
  }
}
