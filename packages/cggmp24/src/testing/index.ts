/** For tests alone: a security level that protects nothing, fixed primes, fixed randomness, all parties in one thread. */
export { SMALL_FOR_TESTS } from '../params.js';
export { fullSafePrimes, smallSafePrimes } from './fixtures.js';
export { fixturePrimes, generateShares } from './parties.js';
export { seededRng } from './seeded_rng.js';
export { abortOf, outputs, simulate, simulateTogether, type Delivery, type Outcome, type SimulateOptions } from './simulate.js';
