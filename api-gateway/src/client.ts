import { ECDH } from 'node:crypto';
import { verify } from 'cggmp24';
import { MAX_WAIT_MS, parseSignature, PublicKeyHexSchema } from 'message-board/contract';
import { systemClock, type Clock } from 'service/clock';
import { TransportError } from 'service/errors';
import { JsonClient, type JsonClientOptions } from 'service/json_client';
import { z } from 'zod';
import { HealthSchema, NotFoundSchema, ReadySchema, SigningStatusSchema, type Health, type SigningStatus } from './contract.js';

const KeySchema = PublicKeyHexSchema.refine(isPoint, 'is not a point of secp256k1');
const PublicKeyAnswerSchema = z.object({ public_key: KeySchema });
const StatusAnswerSchema = z.discriminatedUnion('status', [SigningStatusSchema, NotFoundSchema]);

/** The gateway shows a signature that is not of the message asked for, or not under the pinned public key. */
export class InvalidSignature extends TransportError {
  override readonly name = 'InvalidSignature';
}

export interface GatewayClientOptions extends Omit<JsonClientOptions, 'onHeaders'> {
  /**
   * The cluster's public key, compressed, in hexadecimal, from a source that is trusted. Without it the first key that the gateway shows is
   * pinned: a gateway that lies from its first answer on is believed.
   */
  readonly publicKey?: string;
  /** Measures the patience of {@link GatewayClient.finished}. */
  readonly clock?: Clock;
}

/** How long the gateway may wait for the end of a request: at most 30,000 ms. It answers `pending` after it. */
export interface Waiting {
  readonly wait?: number;
  readonly signal?: AbortSignal;
}

/**
 * The gateway, as its clients see it: one method for each route of the contract. Every signature is verified here, for the message that was
 * asked for and under the pinned public key. `sign` is tried once, because a second try would be a second request; the others are tried
 * again when no answer comes.
 *
 * @throws ServiceError the gateway's no; TransportError when there was no usable answer; InvalidSignature; the signal's reason when it aborted
 */
export class GatewayClient {
  readonly #http: JsonClient;
  readonly #clock: Clock;
  #pinnedKey: string | undefined;

  /** @param url of the gateway, `http://host:port` @throws TypeError when it is not a URL; ZodError when `publicKey` is not a key */
  constructor(url: string, { publicKey, clock = systemClock, ...options }: GatewayClientOptions = {}) {
    this.#http = new JsonClient(url, options);
    this.#clock = clock;
    this.#pinnedKey = publicKey === undefined ? undefined : KeySchema.parse(publicKey);
  }

  /** Asks for a signature of SHA-256 of the message's UTF-8 bytes. @param message 1 byte to 64 KiB */
  async sign(message: string, { wait, signal }: Waiting = {}): Promise<SigningStatus> {
    const status = await this.#http.post('/sign', { message }, SigningStatusSchema, { query: { wait }, signal, once: true });
    return this.#verified(status, message);
  }

  /**
   * @param id as `sign` gave it
   * @param message what it was given
   * @returns undefined when the gateway knows no such request
   */
  async status(id: string, message: string, { wait, signal }: Waiting = {}): Promise<SigningStatus | undefined> {
    const status = await this.#http.get(`/status/${encodeURIComponent(id)}`, StatusAnswerSchema, { query: { wait }, signal, alsoStatus: 404 });
    if (status.request_id !== id) throw new TransportError(`the gateway answers with the status of ${status.request_id} instead of ${id}`, false);
    return status.status === 'not_found' ? undefined : this.#verified(status, message);
  }

  /**
   * Asks until the request is completed or failed.
   * @param patienceMs give up after this long
   * @returns the status as it is then; undefined when the gateway knows no such request
   */
  async finished(id: string, message: string, patienceMs: number, signal?: AbortSignal): Promise<SigningStatus | undefined> {
    const end = this.#clock.monotonic() + patienceMs;
    for (;;) {
      const left = Math.max(0, Math.ceil(end - this.#clock.monotonic()));
      const status = await this.status(id, message, { wait: Math.min(left, MAX_WAIT_MS), ...(signal === undefined ? {} : { signal }) });
      if (status?.status !== 'pending' || left === 0) return status;
    }
  }

  /** The cluster's public key, compressed, in hexadecimal. @throws ServiceError 503 `no_public_key` while there is none */
  async publicKey(signal?: AbortSignal): Promise<string> {
    const { public_key: shown } = await this.#http.get('/publickey', PublicKeyAnswerSchema, { signal });
    this.#pinnedKey ??= shown;
    if (shown !== this.#pinnedKey) throw new TransportError(`the gateway shows the public key ${shown}, and ${this.#pinnedKey} is pinned`, false);
    return shown;
  }

  health(signal?: AbortSignal): Promise<Health> {
    return this.#http.get('/health', HealthSchema, { signal });
  }

  /** Returns when signatures can be asked for. @throws ServiceError 503 with the reason why not */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#http.get('/ready', ReadySchema, { signal, once: true });
  }

  /** Ends calls under way. */
  close(): Promise<void> {
    return this.#http.close();
  }

  async #verified(status: SigningStatus, message: string): Promise<SigningStatus> {
    if (status.status !== 'completed') return status;
    const { request_id: id, signature } = status;
    if (signature === undefined) throw new TransportError(`the gateway calls ${id} completed and shows no signature`, false);
    const key = this.#pinnedKey ?? (await this.publicKey());
    if (!verify(parseSignature(signature), Buffer.from(key, 'hex'), Buffer.from(message))) {
      throw new InvalidSignature(`the signature of ${id} is not valid for this message under the public key ${key}`, false);
    }
    return status;
  }
}

function isPoint(key: string): boolean {
  try {
    ECDH.convertKey(key, 'secp256k1', 'hex');
    return true;
  } catch {
    return false;
  }
}
