/** A client of the gateway that times what it asks for. */
import { verify } from 'cggmp24';
import { PublicKeySchema, SigningStatusSchema, type SigningStatus } from 'api-gateway/contract';
import { BoardClient } from 'message-board/client';
import { parseSignature } from 'message-board/contract';
import { Agent, request } from 'undici';
import type { ProcessCluster } from 'testkit/process_cluster';

const WAIT_MS = 30_000;

export interface Signed {
  readonly id: string;
  readonly message: string;
  readonly signature: string;
  /** From the request to the answer that has the signature. */
  readonly ms: number;
}

export class Client {
  readonly #agent = new Agent();
  readonly #board: BoardClient;

  constructor(private readonly cluster: ProcessCluster) {
    this.#board = new BoardClient(cluster.boardUrl);
  }

  /** Asks for a signature and waits for it, however long it takes. @throws Error when it is refused or fails */
  async sign(message: string): Promise<Signed> {
    const started = performance.now();
    const { gatewayUrl } = this.cluster;
    const body = JSON.stringify({ message });
    let status = await this.#ask(`${gatewayUrl}/sign?wait=${WAIT_MS}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    while (status.status === 'pending') status = await this.#ask(`${gatewayUrl}/status/${status.request_id}?wait=${WAIT_MS}`);
    const ms = performance.now() - started;
    if (status.signature === undefined) throw new Error(`${status.request_id} is ${status.status}: ${status.reason ?? 'no reason'}`);
    return { id: status.request_id, message, signature: status.signature, ms };
  }

  /** The same, and whether a presignature was used: where it does not matter that it costs the board another question. */
  async signAndAsk(message: string): Promise<Signed & { presigned: boolean }> {
    const signed = await this.sign(message);
    return { ...signed, presigned: (await this.presignatureOf(signed.id)) !== undefined };
  }

  /** The id of what a request was signed with; undefined when it was signed in full. */
  async presignatureOf(id: string): Promise<string | undefined> {
    return (await this.#board.getRequest(id))?.presignature_id;
  }

  /** Those whose signature is not valid; every id is to be there once. */
  async wrong(signed: readonly Signed[]): Promise<Signed[]> {
    const answer = await request(`${this.cluster.gatewayUrl}/publickey`, { dispatcher: this.#agent });
    const publicKey = Buffer.from(PublicKeySchema.parse(await answer.body.json()).public_key, 'hex');
    const ids = new Set<string>();
    return signed.filter(({ id, message, signature }) => {
      const again = ids.has(id);
      ids.add(id);
      return again || !verify(parseSignature(signature), publicKey, Buffer.from(message));
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.close(), this.#board.close()]);
  }

  async #ask(url: string, options: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string } = {}): Promise<SigningStatus> {
    const answer = await request(url, { ...options, dispatcher: this.#agent });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${text}`);
    return SigningStatusSchema.parse(JSON.parse(text));
  }
}
