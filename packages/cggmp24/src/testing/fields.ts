/** Every field of a message's body, and what an attacker could send in its place. */
import { z } from 'zod';
import { G, GROUP_ORDER } from '../math/curve.js';
import { IntegerJson, PointJson, ScalarJson } from '../wire/json.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type FieldKind = 'integer' | 'scalar' | 'point' | 'bytes' | 'digest' | 'boolean';

export interface Field {
  readonly path: string;
  readonly kind: FieldKind;
  readonly value: Json;
}

function kindOf(json: Json): FieldKind | null {
  if (typeof json === 'boolean') return 'boolean';
  if (typeof json === 'string') return 'bytes';
  if (Array.isArray(json)) return json.length > 0 && json.every((byte) => typeof byte === 'number') ? 'digest' : null;
  if (typeof json !== 'object' || json === null) return null;
  if ('radix' in json) return 'integer';
  if ('scalar' in json) return 'scalar';
  return 'point' in json ? 'point' : null;
}

/** All leaves of a message body. Of a long array of alike elements the first and the last stand for all. */
export function fieldsOf(json: Json, path = ''): Field[] {
  const kind = kindOf(json);
  if (kind !== null) return [{ path, kind, value: json }];
  if (typeof json !== 'object' || json === null) throw new Error(`a field of no known kind: ${path}`);
  const entries = Object.entries(json);
  const some = Array.isArray(json) && entries.length > 8 ? entries.filter((_, k) => k === 0 || k === entries.length - 1) : entries;
  return some.flatMap(([key, child]) => fieldsOf(child, `${path}/${key}`));
}

/** Another value that could be honest by its form. */
export function plausible({ kind, value }: Field): Json {
  switch (kind) {
    case 'boolean':
      return value !== true;
    case 'bytes':
      return (value as string).replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    case 'digest':
      return (value as number[]).map((byte, k) => (k === 31 ? byte ^ 1 : byte));
    case 'integer':
      return toJson(IntegerJson, IntegerJson.parse(value) + 1n);
    case 'scalar':
      return toJson(ScalarJson, (ScalarJson.parse(value) + 1n) % GROUP_ORDER);
    case 'point':
      return toJson(PointJson, PointJson.parse(value).add(G));
  }
}

/** A value's JSON form as it is after the wire. */
function toJson<S extends z.ZodType>(codec: S, value: z.output<S>): Json {
  return JSON.parse(JSON.stringify(z.encode(codec, value))) as Json;
}
