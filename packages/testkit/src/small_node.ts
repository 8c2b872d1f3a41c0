/**
 * The program of a node on small primes, which protect nothing and which no setting of the real program can select. It keeps a pool in a
 * plain cluster too: what a presigned signature costs is then compared with and without envelopes.
 */
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { configFor, runProcess } from 'node/testing';

await runProcess(SMALL_FOR_TESTS, (settings, roster) => {
  return { ...configFor(settings, roster), poolTarget: settings.POOL_TARGET, poolMax: settings.POOL_MAX };
});
