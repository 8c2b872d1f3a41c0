import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { z } from 'zod';

/** Values recorded, all but `reshare_…` from the Rust crate (`test/vectors/<name>.json.gz`), in the shape that a test expects of them. */
export function loadVectors<T>(name: string, shape: z.ZodType<T>): T {
  const file = new URL(`../vectors/${name}.json.gz`, import.meta.url);
  return shape.parse(JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')));
}
