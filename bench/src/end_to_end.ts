/** Latency of signatures as a client sees it, one request after the other, against a running system. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SigningStatusSchema } from 'api-gateway/contract';
import { BoardClient } from 'message-board/client';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { figures } from './measure.js';
import { figuresCells, keep, machine, table } from './report.js';

const POOL_PATIENCE_MS = 120_000;

const OptionsSchema = z.object({
  gateway: z.url({ protocol: /^https?$/ }).default('http://localhost:8000'),
  board: z.url({ protocol: /^https?$/ }).default('http://localhost:8080'),
  path: z.enum(['presigned', 'full'], 'must be presigned or full').default('presigned'),
  requests: z.coerce.number('must be a number').int().min(1).max(100_000).default(20),
});
const { values } = parseArgs({ options: { gateway: { type: 'string' }, board: { type: 'string' }, path: { type: 'string' }, requests: { type: 'string' } } });
const parsed = OptionsSchema.safeParse(values);
if (!parsed.success) {
  for (const { path, message } of parsed.error.issues) process.stderr.write(`--${path.join('.')}: ${message}\n`);
  process.exit(2);
}
const options = parsed.data;
const agent = new Agent();
const board = new BoardClient(options.board);

/** Presignatures that are free, as the first member of each signer set counts them. */
async function poolSize(): Promise<number> {
  const nodes = await board.listNodes();
  const counts = nodes.flatMap(({ node_id, status }) =>
    Object.entries(status.pool).map(([signers, count]) => (signers.split('-')[0] === node_id.slice('node-'.length) ? count : 0)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function waitForPool(): Promise<void> {
  const until = performance.now() + POOL_PATIENCE_MS;
  while ((await poolSize()) === 0) {
    if (performance.now() > until) throw new Error('the pool stays empty; is it off? (--path full)');
    await sleep(200);
  }
}

/** Time from the request to its signature, and the way it went. */
async function signOnce(k: number): Promise<{ ms: number; path: 'presigned' | 'full' }> {
  const body = JSON.stringify({ message: `bench ${String(k)} ${new Date().toISOString()}` });
  const started = performance.now();
  const answer = await request(`${options.gateway}/sign?wait=30000`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, dispatcher: agent });
  const text = await answer.body.text();
  const ms = performance.now() - started;
  if (answer.statusCode !== 200) throw new Error(`POST /sign: ${answer.statusCode} ${text}`);
  const { request_id, status } = SigningStatusSchema.parse(JSON.parse(text));
  if (status !== 'completed') throw new Error(`${request_id} is ${status} after 30 s`);
  const record = await board.getRequest(request_id);
  return { ms, path: record?.presignature_id === undefined ? 'full' : 'presigned' };
}

const samples = [];
for (let k = 0; k < options.requests; k++) {
  if (options.path === 'presigned') await waitForPool();
  samples.push(await signOnce(k));
}
await Promise.all([agent.close(), board.close()]);

const wanted = samples.filter(({ path }) => path === options.path).map(({ ms }) => ms);
if (wanted.length === 0) throw new Error(`all ${samples.length} requests were signed the other way`);
const result = figures(wanted);
const name = options.path === 'presigned' ? 'presigned signature, request to answer' : 'full signing, request to answer';
const { cpu, cores, node } = machine();
process.stdout.write(`${cpu}, ${cores} cores, Node ${node}; everything on this machine if the URLs are; milliseconds\n\n`);
process.stdout.write(table(['latency', 'samples', 'minimum', 'median', '95%'], [[name, ...figuresCells(result)]]));
if (wanted.length < samples.length) process.stdout.write(`\n${samples.length - wanted.length} more went the other way and are not counted.\n`);
process.stdout.write(`\nKept in ${keep('end_to_end', { unit: 'ms', results: [{ name, ours: result }], otherWay: samples.length - wanted.length })}\n`);
