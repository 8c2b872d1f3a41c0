import { ECDH } from 'node:crypto';
import { signatureForms } from 'cggmp24';
import { MAX_WAIT_MS, parseSignature, PublicKeyHexSchema, type Payload } from 'message-board/contract';
import { digestOf, isSignatureOf } from 'message-board/payload';
import { sleep, systemClock, type Clock } from 'service/clock';
import { TransportError } from 'service/errors';
import { JsonClient, type JsonClientOptions } from 'service/json_client';
import { systemRandom, type RandomBytes } from 'service/random';
import { z } from 'zod';
import {
  FormsSchema, HealthSchema, IDEMPOTENCY_HEADER, IdempotencyKeySchema, NotFoundSchema, ReadySchema, SigningStatusSchema, SignSchema,
  type Health, type SignBody, type SigningStatus,
} from './contract.js';

const KeySchema = PublicKeyHexSchema.refine(isPoint, 'is not a point of secp256k1');
const PublicKeyAnswerSchema = z.object({ public_key: KeySchema });
const StatusListSchema = z.array(SigningStatusSchema);
const StatusAnswerSchema = z.discriminatedUnion('status', [SigningStatusSchema, NotFoundSchema]);

/** The gateway shows a signature that is not valid for the message under the pinned public key. */
export class InvalidSignature extends TransportError {
  override readonly name = 'InvalidSignature';
}

/** Pause after an answer that came early. Shorter: an overloaded gateway is asked more often. Longer: the client hears late of the end. */
const ASK_AGAIN_MS = 500;

export interface GatewayClientOptions extends Omit<JsonClientOptions, 'onHeaders'> {
  /**
   * The cluster's public key, compressed, in hexadecimal, from a source that is trusted. Without it the client pins the first key that the
   * gateway shows: it believes a gateway that lies from its first answer on.
   */
  readonly publicKey?: string;
  /** Measures the patience of {@link GatewayClient.finished}. */
  readonly clock?: Clock;
}

/** Random bytes of an idempotency key. Fewer: two requests may get the same one. */
const RANDOM_BYTES_OF_KEY = 16;

/** What is to be signed: the body of `POST /sign`, or a text, which stands for `{message}`. */
export type Asked = string | SignBody;

/** Which requests to list. */
export interface Listing {
  readonly status?: SigningStatus['status'];
  /** Id of the last request seen. Only later ones are listed. */
  readonly after?: string;
  readonly limit?: number;
}

export interface Waiting {
  /** Milliseconds that the gateway may wait for the end of the request, at most 30,000. Then it answers `pending`. */
  readonly wait?: number;
  readonly signal?: AbortSignal;
}

export interface Signing extends Waiting {
  /** 1 to 128 visible ASCII characters. A call with the key of an earlier one gets the same request. Without it each call is a new one. */
  readonly idempotencyKey?: string;
}

/**
 * The gateway, as its clients see it: one method for each route of the contract. The client verifies every signature, for the message
 * that was asked for and under the pinned public key. When no answer comes, it tries a call again; each `sign` has an idempotency key, so
 * that all its tries are one request.
 *
 * @throws ServiceError when the gateway refuses a call; TransportError when there is no usable answer; InvalidSignature; the signal's
 *   reason when it aborts
 */
export class GatewayClient {
  readonly #http: JsonClient;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  #pinnedKey: string | undefined;

  /** @param url of the gateway, `http://host:port` @throws TypeError when it is not a URL; ZodError when `publicKey` is not a key */
  constructor(url: string, { publicKey, clock = systemClock, ...options }: GatewayClientOptions = {}) {
    this.#http = new JsonClient(url, { ...options, clock });
    this.#random = options.random ?? systemRandom;
    this.#clock = clock;
    this.#pinnedKey = publicKey === undefined ? undefined : KeySchema.parse(publicKey);
  }

  /**
   * Asks for a signature.
   * @param asked the body of `POST /sign`, or a text, which stands for `{message}`
   * @throws TransportError: it is not known whether there is a request, unless `idempotencyKey` was given and the call is made again
   */
  async sign(asked: Asked, { wait, signal, idempotencyKey = this.#newKey() }: Signing = {}): Promise<SigningStatus> {
    const headers = { [IDEMPOTENCY_HEADER]: IdempotencyKeySchema.parse(idempotencyKey) };
    const status = await this.#http.post('/sign', bodyOf(asked), SigningStatusSchema, { query: { wait }, signal, headers });
    return this.#verified(status, asked);
  }

  /**
   * Cancels a request. A signature may exist all the same; the gateway never shows it.
   * @returns its status, which is failed
   * @throws ServiceError 409 `too_late` when it has ended already, 404 when there is no such request
   */
  cancel(id: string, signal?: AbortSignal): Promise<SigningStatus> {
    return this.#http.delete(`/requests/${encodeURIComponent(id)}`, SigningStatusSchema, { signal, alsoStatus: 202 });
  }

  /** Requests that the gateway has accepted, the newest last; at most 100. Signatures are not verified: the messages are not told. */
  list(query: Listing = {}, signal?: AbortSignal): Promise<SigningStatus[]> {
    return this.#http.get('/requests', StatusListSchema, { query: { ...query }, signal });
  }

  /**
   * @param id the request's, from the answer of `sign`
   * @param asked what `sign` was called with
   * @returns undefined when the gateway knows no such request
   */
  async status(id: string, asked: Asked, { wait, signal }: Waiting = {}): Promise<SigningStatus | undefined> {
    const options = { query: { wait }, signal, alsoStatus: 404 };
    const status = await this.#http.get(`/status/${encodeURIComponent(id)}`, StatusAnswerSchema, options);
    if (status.request_id !== id) {
      throw new TransportError(`the gateway answers with the status of ${status.request_id} instead of ${id}: check what serves it`, false);
    }
    return status.status === 'not_found' ? undefined : this.#verified(status, asked);
  }

  /**
   * Asks until the request is completed or failed.
   * @param patienceMs how long to ask
   * @returns the status, which is `pending` when the patience is over; undefined when the gateway knows no such request
   */
  async finished(id: string, asked: Asked, patienceMs: number, signal?: AbortSignal): Promise<SigningStatus | undefined> {
    const end = this.#clock.monotonic() + patienceMs;
    for (;;) {
      const askedAt = this.#clock.monotonic();
      const left = Math.max(0, Math.ceil(end - askedAt));
      const wait = Math.min(left, MAX_WAIT_MS);
      const status = await this.status(id, asked, { wait, ...(signal === undefined ? {} : { signal }) });
      if (status?.status !== 'pending' || left === 0) return status;
      // A gateway with too many waiting clients answers at once.
      if (this.#clock.monotonic() - askedAt < wait) await sleep(this.#clock, Math.min(ASK_AGAIN_MS, left), signal);
    }
  }

  /** The cluster's public key, compressed, in hexadecimal. @throws ServiceError 503 `no_public_key` while there is none */
  async publicKey(signal?: AbortSignal): Promise<string> {
    const { public_key: shown } = await this.#http.get('/publickey', PublicKeyAnswerSchema, { signal });
    this.#pinnedKey ??= shown;
    if (shown !== this.#pinnedKey) {
      const advice = 'find out which one is the cluster\'s before you trust a signature';
      throw new TransportError(`the gateway shows the public key ${shown}, and ${this.#pinnedKey} is pinned: ${advice}`, false);
    }
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

  #newKey(): string {
    return this.#random(RANDOM_BYTES_OF_KEY).toString('hex');
  }

  /** The status with all forms of the signature, whichever the gateway shows. */
  async #verified(status: SigningStatus, asked: Asked): Promise<SigningStatus> {
    if (status.status !== 'completed') return status;
    const { request_id: id, signature } = status;
    if (signature === undefined) throw new TransportError(`the gateway calls ${id} completed and shows no signature: ask again`, false);
    const key = this.#pinnedKey ?? (await this.publicKey());
    const forms = formsOf(SignSchema.parse(bodyOf(asked)), signature, Buffer.from(key, 'hex'));
    if (forms === undefined) {
      const problem = `the signature of ${id} is not valid for this message under the public key ${key}`;
      throw new InvalidSignature(`${problem}: check that the request was made for this message, and do not use the signature`, false);
    }
    const wrong = FormsSchema.keyof().options.find((form) => status[form] !== undefined && status[form] !== forms[form]);
    if (wrong !== undefined) {
      throw new InvalidSignature(`${wrong}: the gateway shows another one than that of the signature of ${id}: do not use it`, false);
    }
    return { ...status, ...forms };
  }
}

function bodyOf(asked: Asked): SignBody {
  return typeof asked === 'string' ? { message: asked } : asked;
}

/** @returns undefined when the signature is not valid */
function formsOf(payload: Payload, signature: string, key: Uint8Array): z.infer<typeof FormsSchema> | undefined {
  if (!isSignatureOf(payload, signature, key)) return undefined;
  const { recoveryId: recovery_id, ...forms } = signatureForms(parseSignature(signature), key, digestOf(payload));
  return { ...forms, recovery_id };
}

function isPoint(key: string): boolean {
  try {
    ECDH.convertKey(key, 'secp256k1', 'hex');
    return true;
  } catch {
    return false;
  }
}
