import { expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { Agent } from 'undici';
import { SigningStatusSchema, type SigningStatus } from '../src/contract.js';
import { cluster, type Cluster } from './support.js';

const REQUESTS = 10_000;
const CLIENTS = 50;
const PARTICIPANTS = ['node-1', 'node-2', 'node-3'];

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
/** Bytes in use after everything that can be freed is freed: the least that is seen, because sweeps and sockets hold some for a moment. */
async function heap(): Promise<number> {
  let least = Infinity;
  for (let k = 0; k < 10; k += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    gc();
    gc();
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

/** Plays the nodes: hears of requests, assigns a presignature, posts three partial signatures, reads them, submits the signature. */
async function playNodes(c: Cluster, sign: (message: string) => string, stop: AbortSignal): Promise<void> {
  const work = async (id: string, message: string): Promise<void> => {
    await c.nodes.updateRequest(id, { presignature_id: `presig_gen_1_${id}` });
    const partial = { request_id: id, payload: `{"sigma":"${id}"}` };
    await Promise.all(PARTICIPANTS.map((from_node) => c.nodes.postPartialSignature({ ...partial, from_node })));
    expect(await c.nodes.listPartialSignatures(id)).toHaveLength(3);
    await c.nodes.updateRequest(id, { signature: sign(message) });
  };
  const working: Promise<void>[] = [];
  let after: string | undefined;
  while (!stop.aborted) {
    const records = await c.nodes.listRequests({ status: 'pending', after, wait: 500 });
    after = records.at(-1)?.id ?? after;
    for (const { id, message } of records) working.push(work(id, message));
  }
  await Promise.all(working);
}

it('10,000 requests: each is completed and valid, none comes twice, and memory is as after 2,000', async () => {
  const c = await cluster({ maxUnfinished: 1_000, logger: pino({ level: 'silent' }) });
  const agent = new Agent({ connections: CLIENTS });
  await c.postKey();
  const signatures = new Map(Array.from({ length: 50 }, (_, k) => [`message ${k}`, c.signer.sign(`message ${k}`)]));
  const stopping = new AbortController();
  const nodes = playNodes(c, (message) => signatures.get(message) ?? '', stopping.signal);
  const sweeping = c.gateway.run(stopping.signal);

  const ids = new Set<string>();
  const client = async (from: number, to: number): Promise<void> => {
    for (let k = from; k < to; k += CLIENTS) {
      const message = `message ${k % 50}`;
      const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) } as const;
      const answer = await agent.request({ origin: c.url, path: '/sign?wait=30000', ...options });
      const status: SigningStatus = SigningStatusSchema.parse(await answer.body.json());
      expect(status).toMatchObject({ status: 'completed', signature: signatures.get(message) });
      ids.add(status.request_id);
    }
  };
  const run = (from: number, to: number) => Promise.all(Array.from({ length: CLIENTS }, (_, k) => client(from + k, to)));

  try {
    await run(0, 2_000);
    const before = await heap();
    await run(2_000, REQUESTS);
    const growth = (await heap()) - before;
    expect(ids.size).toBe(REQUESTS);
    expect(await c.gateway.health()).toMatchObject({ status: 'ok', unfinished: 0 });
    expect(await c.nodes.health()).toMatchObject({ requests: { pending: 0, finished: 1_000 }, entries: 3_000 });
    // The test itself remembers 8,000 ids and promises, 1.7 MB; 8,000 records that stayed would be 4 MB more.
    expect(growth).toBeLessThan(4 * 1024 * 1024);
  } finally {
    stopping.abort();
    await Promise.allSettled([nodes, sweeping]);
    await agent.destroy();
    await c.stop();
  }
});
