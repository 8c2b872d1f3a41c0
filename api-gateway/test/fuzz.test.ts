/** The gateway's routes, given what no honest client sends. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Pool } from 'undici';
import { z } from 'zod';
import { changedJsonText, runs } from 'testkit/fuzz';
import { NotFoundSchema, SigningStatusSchema } from '../src/contract.js';
import { sealedCluster, type SealedCluster } from './sealed_support.js';

const ErrorSchema = z.strictObject({ error: z.strictObject({ code: z.string().regex(/^[a-z_]{1,64}$/), message: z.string().max(1000) }) });
const AnswerSchema = z.union([ErrorSchema, SigningStatusSchema, NotFoundSchema, z.strictObject({ public_key: z.string() })]);

const BODIES = [
  '{"message":"m"}', '{"message":"a longer message, with é and 😀"}', '{"message":"m","hash":"sha256d"}',
  '{"bytes":"00aBff","hash":"keccak256"}', `{"digest":"${'4f'.repeat(32)}"}`,
];

describe('the gateway', () => {
  let system: SealedCluster;
  let pool: Pool;
  beforeAll(async () => {
    system = await sealedCluster({ deps: { maxUnfinished: 100_000 } });
    await system.stateKey();
    pool = new Pool(system.url);
  });
  afterAll(async () => {
    await pool.destroy();
    await system.stop();
  });

  async function call(method: 'GET' | 'POST', path: string, body: string | null): Promise<void> {
    const answer = await pool.request({ method, path, body, headers: body === null ? {} : { 'content-type': 'application/json' } });
    const text = await answer.body.text();
    expect([200, 400, 404, 405, 413, 415, 429]).toContain(answer.statusCode);
    AnswerSchema.parse(JSON.parse(text));
    expect(system.log.filter((line) => /unexpected_error|sweep_failed/.test(line))).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  }

  it('answers every body', async () => {
    await fc.assert(
      fc.asyncProperty(changedJsonText(BODIES), async (body) => {
        await call('POST', '/sign', body);
      }),
      runs(80),
    );
  });

  it('answers every path and query', async () => {
    const known = ['req_1_a', '', '..', '__proto__', 'constructor', '0', '-1', '00', '1e2', 'x'.repeat(500), '\ud800', '%'];
    const text = fc.oneof(fc.constantFrom(...known), fc.string({ unit: 'binary', maxLength: 10 }));
    const escaped = (part: string): string => encodeURIComponent(Buffer.from(part).toString());
    const pair = fc.tuple(fc.oneof(fc.constantFrom('wait', '__proto__', 'id'), text), text).map(([k, v]) => `${escaped(k)}=${escaped(v)}`);
    const query = fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join('&'));
    const routes = fc.constantFrom('/status/', '/status', '/publickey', '/sign', '/');
    await fc.assert(
      fc.asyncProperty(routes, text, query, fc.boolean(), async (route, id, search, raw) => {
        await call('GET', `${route}${route.endsWith('/') ? (raw && /^[\w%.-]*$/.test(id) ? id : escaped(id)) : ''}?${search}`, null);
      }),
      runs(80),
    );
  });
});
