import { expect } from '@jest/globals';
import { G } from '../../src/math/curve.js';
import { at } from '../../src/base/at.js';
import { InvalidProof } from '../../src/base/errors.js';
import { IntegerJson, PointJson, ScalarJson } from '../../src/wire/json.js';
import type { ProofOf } from '../../src/zk/transcript.js';
import { replaced, type Json } from 'testkit/json';
import { z } from 'zod';

export { replaceAt, type Json } from 'testkit/json';

/** The label of the check at which `verify` fails, or 'accepted'. Any error but `InvalidProof` goes through: a defect. */
export function failedCheck<A extends readonly unknown[]>(verify: (...args: A) => void, ...args: A): string {
  try {
    verify(...args);
  } catch (error) {
    if (error instanceof InvalidProof) return error.check;
    throw error;
  }
  return 'accepted';
}

/** A value's JSON form as it is after the wire. */
export function toJson<S extends z.ZodType>(codec: S, value: z.output<S>): Json {
  return JSON.parse(JSON.stringify(z.encode(codec, value))) as Json;
}

/** Integers and scalars plus one, points plus G, booleans flipped; undefined for an inner node. */
function alterLeaf(node: Json): Json | undefined {
  if (typeof node === 'boolean') return !node;
  const integer = IntegerJson.safeParse(node);
  if (integer.success) return toJson(IntegerJson, integer.data + 1n);
  const scalar = ScalarJson.safeParse(node);
  if (scalar.success) return toJson(ScalarJson, scalar.data + 1n);
  const P = PointJson.safeParse(node);
  if (P.success) return toJson(PointJson, P.data.add(G));
  return undefined;
}

/** Copies of a JSON form with one field altered in each, named by their path: `/commitment/s`. */
export function alterations(json: Json): { path: string; altered: Json }[] {
  const leaf = alterLeaf(json);
  if (leaf !== undefined) return [{ path: '', altered: leaf }];
  if (typeof json !== 'object' || json === null) throw new Error(`a field that cannot be altered: ${JSON.stringify(json)}`);
  return Object.entries(json).flatMap(([key, child]) =>
    alterations(child).map(({ path, altered }) => ({ path: `/${key}${path}`, altered: replaced(json, key, altered) })),
  );
}

/** A copy of a proof's part with those of its fields replaced that `changed` has. */
export function replaceFields<T extends object>(part: T, changed: object): T {
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, (changed as Record<string, unknown>)[name] ?? value])) as T;
}

/** A proof of repetitions with the commitment and response of one bit changed. */
export function withBit<C extends object, R extends object>(
  proof: ProofOf<readonly C[], readonly R[]>,
  k: number,
  changed: Partial<C & R>,
): ProofOf<readonly C[], readonly R[]> {
  const { commitment, response } = proof;
  return {
    commitment: commitment.with(k, replaceFields(at(commitment, k), changed)),
    response: response.with(k, replaceFields(at(response, k), changed)),
  };
}

/** That every challenge bit is drawn, the last no less than the first (c-guess). @param runs the bits of 64 challenges */
export function expectAllBitsDrawn(runs: readonly (readonly boolean[])[], m: number): void {
  expect(runs).toHaveLength(64);
  for (let bit = 0; bit < m; bit++) {
    const ones = runs.filter((bits) => bits[bit] === true).length;
    // Each count is binomial(64, 1/2): outside 8..56 with probability below 2^-30.
    expect(ones).toBeGreaterThanOrEqual(8);
    expect(ones).toBeLessThanOrEqual(56);
  }
}
