/** What is measured of the library, in the order of the table. */
import { encodePoint, generateSafePrime, SECURITY_128, systemRng as rng, verify, type SecurityParams } from 'cggmp24';
import { proofCases, SMALL_FOR_TESTS, type ProofCase } from 'cggmp24/testing';
import { Cohort, MESSAGE } from './cohort.js';
import type { Operation } from './measure.js';
import type { Bound, Crate, Part, Result } from './results.js';

/** What takes under a few milliseconds is done this often for one sample. */
const CALLS = 100;

/** What the Rust peer's `bench` calls an operation, and how often it is asked for it. */
export interface Rival {
  readonly op: string;
  readonly samples: Readonly<Record<Crate, number>>;
  /** Short enough for a quick run. */
  readonly quick: boolean;
}

/** An operation of ours, and the crate's operation that it is compared with. */
export interface Compared extends Operation {
  readonly rival: Rival | null;
  readonly headline: Result['headline'];
  readonly bounds: Bound[];
}

type Rest = Partial<Pick<Compared, 'rival' | 'headline' | 'bounds'>>;
type Prepare = Operation['prepare'];

const atMost = (limit: number, against?: Crate, figure: Bound['figure'] = 'median'): Bound => ({
  figure,
  side: 'at most',
  limit,
  ...(against === undefined ? {} : { against }),
});
/** For a third of our time, and a quarter with num-bigint, which is slow. */
const slow = (op: string, gmp: number, tables: number, bigint: number): Rival => ({
  op,
  samples: { GMP: gmp, 'GMP, tables': tables, 'num-bigint': bigint },
  quick: false,
});
const fast = (op: string): Rival => ({ op, samples: { GMP: 20, 'GMP, tables': 0, 'num-bigint': 20 }, quick: true });
const SIGNING_BOUNDS = [atMost(0.6, 'GMP'), atMost(0.8, 'GMP, tables')];

function operation(
  name: string,
  samples: number,
  per: number,
  warmUp: boolean,
  prepare: Prepare,
  { rival = null, headline = null, bounds = [] }: Rest,
): Compared {
  return { name, samples, per, warmUp, prepare, rival, headline, bounds };
}

/** A run of a protocol among all its parties on one thread; a sample is one party's share of the time. */
function protocol(name: string, samples: number, parties: number, prepare: Prepare, rest: Rest): Compared {
  return operation(name, samples, parties, false, prepare, rest);
}

function short(name: string, samples: number, prepare: () => (k: number) => unknown, rest: Rest = {}): Compared {
  const repeated = () => {
    const call = prepare();
    return () => {
      for (let k = 0; k < CALLS; k++) call(k);
    };
  };
  return operation(name, samples, CALLS, true, repeated, rest);
}

function proofOperations({ name, prove, verify: check }: ProofCase): Compared[] {
  const isShort = name === 'Π^sch' || name === 'Π^elog';
  const one = (what: string, run: () => unknown): Compared =>
    isShort ? short(`${name} ${what}`, 20, () => run) : operation(`${name} ${what}`, 20, 1, true, () => run, {});
  return [one('prove', prove), one('verify', check)];
}

function libraryOperations(params: SecurityParams): Compared[] {
  const cohort = new Cohort(params, 3, 4);
  const online = { rival: fast('online'), headline: 'median', bounds: [atMost(2)] } as const;
  return [
    ...proofCases(params).flatMap(proofOperations),
    protocol('key generation, 3 of 4, per party', 20, 4, cohort.keygen, { rival: fast('keygen'), headline: 'median' }),
    protocol('aux info without primes, 4 parties, per party', 5, 4, cohort.auxInfo, {
      rival: slow('aux_info', 5, 0, 1),
      headline: 'median',
      bounds: [atMost(0.5, 'GMP')],
    }),
    protocol('presigning, 3 signers, per signer', 10, 3, cohort.presign, {
      rival: slow('presign', 10, 10, 3),
      headline: 'median',
      bounds: SIGNING_BOUNDS,
    }),
    protocol('full signing, 3 signers, per signer', 10, 3, cohort.sign, {
      rival: slow('sign', 10, 10, 3),
      headline: 'median',
      bounds: SIGNING_BOUNDS,
    }),
    short(
      'partial signature',
      20,
      () => {
        const copies = Array.from({ length: CALLS }, () => cohort.presignature(0));
        return (k) => copies[k]?.issuePartialSignature(MESSAGE);
      },
      { rival: fast('partial') },
    ),
    short(
      'combining three, result verified',
      20,
      () => {
        const partials = cohort.presignatures().map((presignature) => presignature.issuePartialSignature(MESSAGE));
        return () => cohort.combine(partials);
      },
      { rival: fast('combine') },
    ),
    short(
      'verifying a signature',
      20,
      () => {
        const [signature, publicKey] = [cohort.online(cohort.presignatures()), encodePoint(cohort.publicKey, true)];
        return () => verify(signature, publicKey, MESSAGE);
      },
      { rival: fast('verify') },
    ),
    short(
      'online part: three partial signatures, combined, verified',
      20,
      () => {
        const copies = Array.from({ length: CALLS }, () => cohort.presignatures());
        return (k) => cohort.online(copies[k] ?? []);
      },
      { ...online, bounds: [...online.bounds] },
    ),
  ];
}

/** The cost of a cluster of n, per party and per signer. */
function partiesOperations(params: SecurityParams): Compared[] {
  return [new Cohort(params, 2, 3), new Cohort(params, 3, 4), new Cohort(params, 5, 7)].flatMap((cohort) => {
    const { threshold, parties } = cohort;
    return [
      protocol(`key generation, ${threshold} of ${parties}, per party`, 10, parties, cohort.keygen, {}),
      protocol(`aux info without primes, ${parties} parties, per party`, 1, parties, cohort.auxInfo, { headline: 'median' }),
      protocol(`presigning, ${threshold} signers of ${parties}, per signer`, 5, threshold, cohort.presign, { headline: 'median' }),
    ];
  });
}

function primeOperations({ primeBits }: SecurityParams): Compared[] {
  const search = () => generateSafePrime(primeBits, { rng });
  const rest = { rival: slow('safe_prime', 30, 0, 3), headline: 'mean', bounds: [atMost(0.25, 'GMP', 'mean')] } as const;
  return [operation(`safe prime, ${primeBits} bits`, 60, 1, false, () => search, { ...rest, bounds: [...rest.bounds] })];
}

const OPERATIONS = { library: libraryOperations, parties: partiesOperations, primes: primeOperations } as const;
export type LibraryPart = keyof typeof OPERATIONS & Part;

/**
 * @param quick small primes and one sample of each, with the crate only where that is short: to see that it works
 * @param only what has this text in its name
 */
export function operations(part: LibraryPart, quick: boolean, only = ''): Compared[] {
  const chosen = OPERATIONS[part](quick ? SMALL_FOR_TESTS : SECURITY_128).filter(({ name }) => name.includes(only));
  if (!quick) return chosen;
  return chosen.map((one) => ({ ...one, samples: 1, rival: one.rival?.quick === true ? one.rival : null }));
}
