import { G } from '../../src/math/curve.js';
import { InvalidProof } from '../../src/runtime/errors.js';
import { IntegerJson, PointJson, ScalarJson } from '../../src/wire/json.js';
import { z } from 'zod';

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

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

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

function replaced(json: Json[] | { [key: string]: Json }, key: string, value: Json): Json {
  return Array.isArray(json) ? json.map((item, k) => (String(k) === key ? value : item)) : { ...json, [key]: value };
}

/** A copy with the value at a path like `/proof/points/0/x` replaced. */
export function replaceAt(json: Json, path: string, value: Json): Json {
  if (path === '') return value;
  const [, key = '', rest = ''] = /^\/([^/]+)(.*)$/.exec(path) ?? [];
  if (typeof json !== 'object' || json === null) throw new Error(`no field ${path}`);
  const child = Array.isArray(json) ? json[Number(key)] : json[key];
  if (child === undefined) throw new Error(`no field ${path}`);
  return replaced(json, key, replaceAt(child, rest, value));
}
