/** The same shares on a second board: without presignatures, without a node, without the board. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { blake2b } from '@noble/hashes/blake2.js';
import { z } from 'zod';
import { departs } from './departures.js';
import { bodyOf, eventually } from './http.js';
import { messagesTo, type NodeMessage } from './messages.js';
import { RestoredCluster } from './restored_cluster.js';
import { linesOf, NODES, publicKey, sign, type LogLine, type NodeName, type SignedMessage } from './running_cluster.js';
import { ErrorSchema, HealthSchema } from './schemas.js';
import { isValid } from './signature_check.js';

const QUIET: NodeName = 'node-4';
const FULL_PROTOCOL = 'No presignature available, using full protocol';
const StartedSchema = z.object({
  request_id: z.string(),
  attempt: z.number(),
  signers: z.string().transform((label) => label.split('-').map(Number)),
});

let cluster: RestoredCluster;
beforeAll(async () => {
  cluster = await RestoredCluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

const messagesOf = async (node: NodeName): Promise<string[]> => (await linesOf(cluster.logOf(node))).map(({ msg }) => msg);
const allLines = async (): Promise<LogLine[]> => (await Promise.all(NODES.map((node) => linesOf(cluster.logOf(node))))).flat();

/** The signers of a full signing, `node-1` …: an offset that BLAKE2b-512 draws from the id, then three in a row. */
function signersOf(requestId: string): string[] {
  const offset = Number(Buffer.from(blake2b(Buffer.from(requestId))).readBigUInt64LE() % BigInt(NODES.length));
  return [0, 1, 2].map((k) => `node-${((offset + k) % NODES.length) + 1}`).sort();
}

// In this order: each part begins where the one before it ends.
describe('before there is a key', () => {
  it('GET /publickey is 404 at the board and 503 at the gateway', async () => {
    bodyOf(await cluster.board.get('/publickey'), 404, ErrorSchema);
    bodyOf(await cluster.gateway.get('/publickey'), 503, ErrorSchema);
  });
});

describe('nodes that find their shares on disk', () => {
  beforeAll(async () => {
    const settings = { POOL_TARGET: '0', POOL_MAX: '0' };
    await cluster.startNodes((node) => ({ ...settings, RUST_LOG: node === QUIET ? 'warn,node=info' : 'info' }));
    for (const { http } of [...cluster.nodes.values(), cluster.gatewayService]) {
      await eventually(`${http.url} is ready`, async () => ((await http.get('/ready')).status === 200 ? true : undefined));
    }
  });

  it('have the same public key as before, and generate nothing', async () => {
    expect(await publicKey(cluster.gateway)).toBe(await publicKey());
    const messages = await messagesOf('node-1');
    expect(messages).toEqual(expect.arrayContaining(['Keygen completed', 'AuxInfo generation completed', 'Main signing loop started']));
    expect(messages).not.toContain('Generating safe primes');
  });

  it('log as RUST_LOG says', async () => {
    expect(await messagesOf(QUIET)).not.toContain('Main signing loop started');
  });

  it('answer /health on HEALTH_PORT', async () => {
    for (const { http } of cluster.nodes.values()) bodyOf(await http.get('/health'), 200, HealthSchema);
  });
});

/** One try at signing in full. The first one, by the request's first signers, has the request's own id. */
interface Attempt {
  readonly requestId: string;
  /** As on the board. */
  readonly id: string;
  /** `node-1` …, in order. */
  readonly signers: readonly string[];
  readonly messages: readonly NodeMessage[];
}

/** On a busy machine the first attempt may not be done in its turn, and a later one signs. */
async function attempts(): Promise<Attempt[]> {
  const started = (await allLines()).filter(({ event }) => event === 'full_signing_started');
  const byId = new Map(started.map((line) => {
    const { request_id: requestId, attempt, signers } = StartedSchema.parse(line);
    const mask = signers.reduce((sum, number) => sum + 2 ** (number - 1), 0).toString(16);
    const id = attempt === 0 ? requestId : `${requestId}.${attempt}.${mask}`;
    return [id, { id, requestId, signers: signers.map((number) => `node-${number}`) }];
  }));
  return Promise.all([...byId.values()].map(async (one) => {
    const lists = await Promise.all(NODES.map((node) => messagesTo(cluster.board, node, one.id)));
    return { ...one, messages: lists.flat() };
  }));
}

describe('without a presignature', () => {
  const signed: SignedMessage[] = [];
  beforeAll(async () => {
    for (const message of ['one', 'another']) signed.push(await sign(message, cluster.gateway));
  });

  it(`"${FULL_PROTOCOL}", and "signature generated"`, async () => {
    for (const { requestId } of signed) {
      for (const msg of [FULL_PROTOCOL, 'signature generated']) {
        expect(await allLines()).toContainEqual(expect.objectContaining({ msg, request_id: requestId }));
      }
    }
  });

  it('the signatures are valid', async () => {
    const key = await publicKey();
    for (const one of signed) expect(await isValid(one, key)).toBe(true);
  });

  it(`three nodes exchange messages, for all and for single nodes, first under the request's id ${departs('signerSets')}`, async () => {
    const all = await attempts();
    for (const { requestId } of signed) {
      const complete = all.filter((one) => one.requestId === requestId && one.messages.some(({ round }) => round === 5));
      expect(complete).not.toEqual([]);
      for (const { id, signers, messages } of complete) {
        if (id === requestId) expect(signers).toEqual(signersOf(requestId));
        expect([...new Set(messages.map(({ from_node }) => from_node))].sort()).toEqual(signers);
        expect(messages.some(({ to_node }) => to_node === '*')).toBe(true);
        expect(messages.some(({ to_node }) => to_node !== '*')).toBe(true);
      }
    }
  });
});

describe('any node may be missing', () => {
  it.each([QUIET, 'node-1'] as const)('%s ends with code 0', async (node) => {
    expect(await cluster.nodes.get(node)?.stop()).toBe(0);
    if (node === QUIET) expect(await isValid(await sign('signed by the other three', cluster.gateway), await publicKey())).toBe(true);
  });

  it('with two missing a request is pending', async () => {
    const answer = await cluster.gateway.post('/sign?wait=3000', { message: 'signed by nobody' });
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'pending' });
  });
});

describe('the board is gone', () => {
  beforeAll(async () => {
    expect(await cluster.boardService.stop()).toBe(0);
  });

  it(`GET /status/{request_id} of an unknown request is 503 ${departs('boardUnavailable')}`, async () => {
    bodyOf(await cluster.gateway.get('/status/req_1705067890_abc123'), 503, ErrorSchema);
  });

  it(`POST /sign is 503, or accepted by a gateway that has not noticed yet ${departs('boardUnavailable')}`, async () => {
    const answer = await cluster.gateway.post('/sign', { message: 'for nobody yet' });
    if (answer.status !== 200) bodyOf(answer, 503, ErrorSchema);
    else expect(JSON.parse(answer.text)).toMatchObject({ request_id: expect.stringMatching(/^req_/), status: 'pending' });
  });

  it('the other services end with code 0 all the same', async () => {
    expect(await cluster.gatewayService.stop()).toBe(0);
    for (const node of cluster.nodes.values()) expect(await node.stop()).toBe(0);
  });
});
