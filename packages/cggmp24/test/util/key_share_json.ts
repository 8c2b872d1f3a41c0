import type { Json } from './proofs.js';

/** Aux info JSON without `lambda`, which the crate does not write. */
export function withoutLambda(aux: unknown): unknown {
  const { pedersen_params, ...others } = aux as { pedersen_params: Record<string, Json>[] };
  const entries = pedersen_params.map((entry) => Object.fromEntries(Object.entries(entry).filter(([key]) => key !== 'lambda')));
  return { ...others, pedersen_params: entries };
}
