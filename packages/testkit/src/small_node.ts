/**
 * The program of a node on small primes. They protect nothing, and no setting of the real program selects them. It keeps a pool in a
 * plain cluster too, so that the cost of a signature from a presignature can be compared with and without envelopes.
 */
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { configFor, runProcess } from 'node/testing';

await runProcess(SMALL_FOR_TESTS, (settings, roster) => {
  return { ...configFor(settings, roster), poolTarget: settings.POOL_TARGET, poolMax: settings.POOL_MAX };
});
