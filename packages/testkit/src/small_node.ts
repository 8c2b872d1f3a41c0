/**
 * The program of a node on small primes, which protect nothing and which no setting of the real program can select. In a plain cluster it
 * does what it does in a sealed one, but for the sealing: it keeps a pool there too.
 */
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { configFor, runProcess } from 'node/testing';

await runProcess(SMALL_FOR_TESTS, (settings, { n, t }) => configFor(settings, { n, t, sealed: true }));
