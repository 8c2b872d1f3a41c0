/** For tests only: a security level that protects nothing, fixed primes, fixed randomness, all parties in one thread. */
export { isSafePrime } from '../math/primes.js';
export { SMALL_FOR_TESTS } from '../params.js';
export { fieldsOf, plausible, type Field } from './fields.js';
export { fullSafePrimes, smallSafePrimes } from './fixtures.js';
export { fixturePrimes, generateShares } from './parties.js';
export { proofCases, type ProofCase } from './proof_cases.js';
export { seededRng } from './seeded_rng.js';
export { abortOf, outputs, simulate, simulateTogether, type Delivery, type Outcome, type SimulateOptions } from './simulate.js';
