/** What the test kit makes clusters of. */
export { configFor } from './config.js';
export { PrimeFolder } from './primes/prime_folder.js';
export { runProcess } from './process.js';
