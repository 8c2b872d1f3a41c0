/** What is measured of the library, in the order of the table. */
import {
  auxInfo,
  combine,
  encodePoint,
  generateSafePrime,
  keygen,
  Presignature,
  presign,
  SECURITY_128,
  sign,
  systemRng as rng,
  verify,
  type KeyShare,
  type PartialSignature,
  type Point,
  type Session,
} from 'cggmp24';
import { fixturePrimes, generateShares, outputs, simulate } from 'cggmp24/testing';
import type { Operation } from './measure.js';
import { proofCases, type ProofCase } from './proofs.js';

const PARTIES = [0, 1, 2, 3];
const THRESHOLD = 3;
const SIGNERS = [0, 1, 2];
const MESSAGE = new TextEncoder().encode('bench');
/** What takes under a few milliseconds is done this often for one sample. */
const CALLS = 100;

/** An operation of ours, and what the Rust peer's `bench` calls it, if it has it. */
export interface Compared extends Operation {
  readonly rust: string | null;
}

/** A run of a protocol among all its parties on one thread; a sample is one party's share of the time. */
function protocol(name: string, rust: string, samples: number, parties: number, prepare: Operation['prepare']): Compared {
  return { name, rust, samples, per: parties, warmUp: false, prepare };
}

function short(name: string, rust: string | null, samples: number, prepare: () => (k: number) => unknown): Compared {
  const repeated = () => {
    const call = prepare();
    return () => {
      for (let k = 0; k < CALLS; k++) call(k);
    };
  };
  return { name, rust, samples, per: CALLS, warmUp: true, prepare: repeated };
}

function proofOperations({ name, prove, verify: check }: ProofCase, samples: number): Compared[] {
  const isShort = name === 'Π^sch' || name === 'Π^elog';
  const operation = (what: string, run: () => unknown): Compared =>
    isShort
      ? short(`${name} ${what}`, null, samples, () => run)
      : { name: `${name} ${what}`, rust: null, samples, per: 1, warmUp: true, prepare: () => run };
  return [operation('prove', prove), operation('verify', check)];
}

/** What several operations need, made when the first of them runs. */
class Made {
  #shares: KeyShare[] | undefined;
  #presignatures: string[] | undefined;

  get shares(): KeyShare[] {
    return (this.#shares ??= generateShares({ parties: PARTIES.length, threshold: THRESHOLD, params: SECURITY_128, rng }));
  }

  get publicKey(): Point {
    const [share] = this.shares;
    if (share === undefined) throw new Error('no shares');
    return share.core.sharedPublicKey;
  }

  presigning(): Session<Presignature>[] {
    const executionId = rng(16);
    return this.shares.slice(0, THRESHOLD).map((share) => presign({ executionId, share, signers: SIGNERS }));
  }

  /** One presignature's half of a signer, again and again: nobody's key is at stake here. */
  presignature(signer: number): Presignature {
    this.#presignatures ??= outputs(simulate(this.presigning())).map((presignature) => presignature.handOver());
    return Presignature.takeOver(this.#presignatures[signer] ?? '');
  }

  /** The three partial signatures from it. */
  partials(): PartialSignature[] {
    return SIGNERS.map((signer) => this.presignature(signer).issuePartialSignature(MESSAGE));
  }
}

/** @param quick one sample of each: to see that it works */
export function operations(quick: boolean): Compared[] {
  const made = new Made();
  const n = (samples: number): number => (quick ? 1 : samples);
  const executionId = rng(16);

  const keyGeneration = protocol('key generation, 3 of 4, per party', 'keygen', n(20), 4, () => {
    const sessions = PARTIES.map((index) => keygen({ executionId, index, parties: PARTIES.length, threshold: THRESHOLD }));
    return () => outputs(simulate(sessions));
  });
  const auxInfoGeneration = protocol('aux info without primes, 4 parties, per party', 'aux_info', n(3), 4, () => {
    const sessions = PARTIES.map((index) => auxInfo({ executionId, index, parties: PARTIES.length, primes: fixturePrimes(index, SECURITY_128) }));
    return () => outputs(simulate(sessions));
  });
  const presigning = protocol('presigning, 3 signers, per signer', 'presign', n(10), 3, () => {
    const sessions = made.presigning();
    return () => outputs(simulate(sessions));
  });
  const fullSigning = protocol('full signing, 3 signers, per signer', 'sign', n(10), 3, () => {
    const sessions = made.shares.slice(0, THRESHOLD).map((share) => sign({ executionId, share, signers: SIGNERS, message: MESSAGE }));
    return () => outputs(simulate(sessions));
  });
  const partial = short('partial signature', 'partial', n(20), () => {
    const copies = Array.from({ length: CALLS }, () => made.presignature(0));
    return (k) => copies[k]?.issuePartialSignature(MESSAGE);
  });
  const combination = short('combining three, result verified', 'combine', n(20), () => {
    const [partials, { publicData }] = [made.partials(), made.presignature(0)];
    return () => combine(partials, publicData, made.publicKey, MESSAGE);
  });
  const verification = short('verifying a signature', 'verify', n(20), () => {
    const signature = combine(made.partials(), made.presignature(0).publicData, made.publicKey, MESSAGE);
    const publicKey = encodePoint(made.publicKey, true);
    return () => verify(signature, publicKey, MESSAGE);
  });
  const safePrime: Compared = {
    name: 'safe prime, 1536 bits',
    rust: 'safe_prime',
    samples: n(28),
    per: 1,
    warmUp: false,
    prepare: () => () => generateSafePrime(SECURITY_128.primeBits, { rng }),
  };
  const proofs = proofCases().flatMap((proof) => proofOperations(proof, n(20)));
  return [...proofs, keyGeneration, auxInfoGeneration, presigning, fullSigning, partial, combination, verification, safePrime];
}
