import type { Signature } from 'cggmp24';
import { formatSignature, type RequestRecord } from 'message-board/contract';
import { sleep, type Clock } from 'service/clock';
import { messageHash } from 'message-board/signing_request';
import { REQUEST_STATUS } from 'sealing/kinds';
import type { Attempt } from './attempt.js';
import type { NodeContext } from '../context.js';
import { BATCH } from '../workers/batch.js';
import { Refusals, type RefusalsDeps } from './refusals.js';
import { signersLabel } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';

/** Two batches. With a thousand waiting, waking all of them would take 20 ms of CPU time at each of some ten news a second. */
const WOKEN_AT_A_TIME = 2 * BATCH;
/** How long the news of a published signature may take, ms. */
const NEWS_PATIENCE_MS = 1_000;

/** One pending request, and how far this node is with it. Its controller aborts when the board has finished the request. */
export class SigningTask {
  readonly wakeup: Wakeup;
  readonly controller = new AbortController();
  readonly refusals: Refusals;
  /** What this node has decided about it; undefined while it has not. The code of its refusal, or null: it signs. */
  verdict: string | null | undefined;
  /** The presignature that the gateway proposes, as it has signed. Whatever the board shows in its place is not looked at. */
  proposal: string | undefined;
  /** The naming of a presignature that was verified last, and by whom it is; null when that cannot be told. */
  verifiedNaming: { readonly naming: string; readonly presignatureId: string; readonly namer: number | null } | undefined;
  /** Does it wait for the next presignature? */
  isWaiting = false;
  /** Will too few nodes sign it? */
  isFailing = false;
  /** Is it being signed in full, or waiting for its turn? */
  inFull = false;
  /** The latest attempt at full signing that this node took part in. */
  last: Attempt | null = null;
  /** Signers that were silent in it. */
  suspects: ReadonlySet<number> = new Set();
  /** Since when nothing has been under way, by performance.now(). */
  idleSince = performance.now();

  #request: RequestRecord;

  constructor(deps: RefusalsDeps & { readonly clock: Clock }, request: RequestRecord) {
    this.wakeup = new Wakeup(deps.clock);
    this.#request = request;
    this.refusals = new Refusals(deps, request.id);
  }

  get request(): RequestRecord {
    return this.#request;
  }

  /** What the board says of it now. What is signed never changes: it was judged as it is. */
  set request(record: RequestRecord) {
    if (this.isAbout(record)) this.#request = record;
  }

  /** Is this the same request? The board may show another one under its id. */
  isAbout({ id, message, origin }: RequestRecord): boolean {
    return id === this.#request.id && message === this.#request.message && origin === this.#request.origin;
  }

  get id(): string {
    return this.request.id;
  }

  /** The presignature for it: the gateway's proposal, else the one that the board shows; undefined when there is neither. */
  get named(): string | undefined {
    return this.proposal ?? this.#request.presignature_id;
  }

  get order(): string {
    return orderOf(this.request);
  }
}

/** Tells tasks, the oldest first, that there is news: of those that wait for a presignature as many as there may be new ones for; the others look by themselves, now and then. */
export function wake(tasks: Iterable<SigningTask>): void {
  let waiting = 0;
  for (const task of tasks) {
    if (task.isWaiting) waiting += 1;
    if (!task.isWaiting || waiting <= WOKEN_AT_A_TIME) task.wakeup.notify();
  }
}

/** By this requests are in order, the oldest first, the same at all nodes. */
export function orderOf({ created_at, id }: RequestRecord): string {
  return `${created_at} ${id}`;
}

/** Says on the board that a request has failed, or what it waits for. */
export async function reportStatus({ client, seals }: NodeContext, requestId: string, status: 'pending' | 'failed', reason: string, signal: AbortSignal): Promise<RequestRecord> {
  const statement = await seals.state(REQUEST_STATUS, { request_id: requestId, status, reason });
  return client.updateRequest(requestId, { status, reason, statement }, signal);
}

/** How a signature was made, for the log. */
export interface Made {
  readonly signers: readonly number[];
  readonly path: 'fast' | 'full';
  /** Another one publishes it, if it does so in this time. */
  readonly patienceMs: number;
  readonly ms: number;
}

/** Publishes a signature, which has been verified, unless that has happened by then. */
export async function submitSignature({ client, logger, audit, clock }: NodeContext, task: SigningTask, signature: Signature, { signers, path, patienceMs, ms }: Made): Promise<void> {
  const { signal } = task.controller;
  logger.info({ event: 'signature_generated', request_id: task.id, signers: signersLabel(signers), path, ms: Math.round(ms) }, 'signature generated');
  audit.note({ event: 'signature_verified', fields: { request_id: task.id, message_sha256: messageHash(task.request.message), signers: signersLabel(signers), path } });
  if (patienceMs > 0) await sleep(clock, patienceMs, signal);
  await client.updateRequest(task.id, { signature: formatSignature(signature) }, signal);
  logger.info({ event: 'signature_submitted', request_id: task.id }, 'Signature submitted');
  // The board's news of it ends the task.
  await sleep(clock, NEWS_PATIENCE_MS, signal);
}
