import { BoardClient } from 'message-board/client';
import type {
  Heartbeat, HeartbeatAnswer, Message, PartialSignature, PostMessage, PostPartialSignature, SignSession,
} from 'message-board/contract';
import { sleep, type Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import type { Vices } from './vices.js';

/** The last round of a session: see arithmetic.ts. */
const LAST_ROUND = 2;

interface CorruptClientOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly session: SignSession | undefined;
}

/** How a corrupt member speaks with the board. */
export class CorruptClient extends BoardClient {
  readonly #clock: Clock;
  readonly #vices: Vices;

  constructor(url: string, options: CorruptClientOptions, vices: Vices) {
    super(url, options);
    this.#clock = options.clock;
    this.#vices = vices;
  }

  override postMessage(body: PostMessage, signal?: AbortSignal): Promise<Message> {
    return this.#post(body, () => super.postMessage(body, signal), signal);
  }

  override postPresignatureMessage(body: PostMessage, signal?: AbortSignal): Promise<Message> {
    return this.#post(body, () => super.postPresignatureMessage(body, signal), signal);
  }

  override async exchangePartialSignature(body: PostPartialSignature, signal?: AbortSignal): Promise<PartialSignature[]> {
    if (this.#vices.silent || this.#vices.quits) return this.listPartialSignatures(body.request_id, { signal });
    await sleep(this.#clock, this.#vices.slowMs, signal);
    return super.exchangePartialSignature(body, signal);
  }

  override async putNode(nodeId: string, heartbeat: Heartbeat, signal?: AbortSignal): Promise<HeartbeatAnswer> {
    await sleep(this.#clock, this.#vices.heartbeatMs, signal);
    return super.putNode(nodeId, heartbeat, signal);
  }

  async #post(body: PostMessage, post: () => Promise<Message>, signal: AbortSignal | undefined): Promise<Message> {
    const { silent, quits, slowMs } = this.#vices;
    if (silent || (quits && body.round === LAST_ROUND)) return { ...body, id: 'kept back', created_at: new Date(0).toISOString() };
    await sleep(this.#clock, slowMs, signal);
    return post();
  }
}
