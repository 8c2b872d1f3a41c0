import { auxInfo, keygen } from '../sessions.js';
import { PregeneratedPrimes } from '../aux_info/primes.js';
import type { AuxInfo } from '../key_share/aux_info.js';
import { completeKeyShare, type KeyShare } from '../key_share/key_share.js';
import type { Rng } from '../math/random.js';
import { SECURITY_128, type SecurityParams } from '../params.js';
import { InvalidArgument } from '../base/errors.js';
import type { Session } from '../runtime/session.js';
import { fullSafePrimes, smallSafePrimes } from './fixtures.js';
import { outputs, simulate } from './simulate.js';

/** The four fixture primes of party `index`, distinct from those of all others; there are 8 small and 7 full-size sets. */
export function fixturePrimes(index: number, params: SecurityParams): PregeneratedPrimes {
  const hex = params.primeBits === SECURITY_128.primeBits ? fullSafePrimes : smallSafePrimes;
  const [p, q, pHat, qHat] = hex.slice(4 * index, 4 * index + 4).map((digits) => BigInt(`0x${digits}`));
  if (p === undefined || q === undefined || pHat === undefined || qHat === undefined) {
    throw new InvalidArgument('index', 'no fixture primes left');
  }
  return new PregeneratedPrimes({ p, q, pHat, qHat }, params);
}

export interface ShareOptions {
  readonly parties: number;
  readonly threshold: number;
  readonly params: SecurityParams;
  readonly rng: Rng;
}

/** Key shares of all parties, made by running key generation and aux info generation on fixture primes. */
export function generateShares({ parties, threshold, params, rng }: ShareOptions): KeyShare[] {
  const everyone = Array.from({ length: parties }, (_, index) => index);
  const executionId = rng(16);
  const cores = outputs(simulate(everyone.map((index) => keygen({ executionId, index, parties, threshold, rng }))));
  const auxInfoOf = (index: number): Session<AuxInfo> => auxInfo({
    executionId, index, parties, primes: fixturePrimes(index, params), rng,
  });
  const auxInfos = outputs(simulate(everyone.map(auxInfoOf)));
  return cores.map((core, index) => {
    const aux = auxInfos[index];
    if (aux === undefined) throw new InvalidArgument('parties', 'one aux info for each');
    return completeKeyShare(core, aux);
  });
}
