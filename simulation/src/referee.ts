import type { AuditRecord, Job } from 'node/parts';
import type { PresignatureHalf } from './stand_ins/cggmp24.js';

/** How a request may end, if its client does not cancel it. */
export interface Ends {
  readonly completed: boolean;
  /** How a reason may begin. */
  readonly failures: readonly string[];
}

/** What a cluster owes. */
export const COMPLETED: Ends = { completed: true, failures: [] };

/** A request of a client. */
interface Asked {
  readonly message: string;
  readonly ends: Ends;
  readonly acceptedAt: number;
  isCancelled: boolean;
  outcome: string | null;
  endedAt: number;
}

/** The request whose attempt this is: `<request>.<number>.<signers>`, or the request's id. */
function requestOf(executionId: string): string {
  return executionId.split('.')[0] ?? executionId;
}

function mayEnd({ ends, isCancelled }: Asked, outcome: string): boolean {
  if (outcome.startsWith('completed')) return ends.completed;
  const failures = isCancelled ? [...ends.failures, 'cancelled'] : ends.failures;
  return failures.some((reason) => outcome.startsWith(`failed ${reason}`));
}

/**
 * Watches a world, and notes what must never happen: two payloads for one request, a presignature for two, an attempt that is run twice, an
 * outcome that changes.
 */
export class Referee {
  readonly violations: string[] = [];
  readonly #asked = new Map<string, Asked>();
  /** What honest nodes have signed, or begun to sign, by request. */
  readonly #payloads = new Map<string, string>();
  /** By presignature: the request and payload that an honest node has used it for. */
  readonly #uses = new Map<string, string>();
  /** By presignature: the request that an honest node has used it for. */
  readonly #requestOf = new Map<string, string>();
  /** Requests that an honest node has begun to sign in full. */
  readonly #inFull = new Set<string>();
  /** Until when requests may be signed, milliseconds since 1970; in all words in which the gateway has asked. */
  readonly #expiries = new Map<string, number>();
  readonly #halvesUsed = new Set<string>();
  readonly #sessionsBegun = new Set<string>();

  /** @param now the time, milliseconds of the timeline */
  constructor(private readonly now: () => number) {}

  get requests(): ReadonlyMap<string, Readonly<Asked>> {
    return this.#asked;
  }

  /** Of each request, for people: its outcome, and whether honest nodes have used a presignature for it, and run the protocol in full. */
  get outcomes(): string[] {
    const presigned = new Set(this.#requestOf.values());
    return [...this.#asked].map(([id, { outcome }]) => {
      const ways = [presigned.has(id) ? ['presigned'] : [], this.#inFull.has(id) ? ['in full'] : []].flat();
      const [status = 'none', reason = ''] = (outcome ?? '').split(/[ :]/);
      return [status === 'failed' ? reason : status, ...(status === 'completed' ? ways : [])].join(' ');
    });
  }

  /** How many of them have no outcome. */
  unfinished = 0;

  accepted(message: string, id: string, ends: Ends): void {
    if (this.#asked.has(id)) this.#violated(`${id} was accepted twice`);
    if ([...this.#asked.values()].some((asked) => asked.message === message)) this.#violated(`${message} was given a second id, ${id}`);
    if (!this.#asked.has(id)) this.unfinished += 1;
    this.#asked.set(id, { message, ends, acceptedAt: this.now(), isCancelled: false, outcome: null, endedAt: Infinity });
  }

  /** The gateway has signed that a request may be signed until then, milliseconds since 1970. */
  expires(id: string, at: number): void {
    this.#expiries.set(id, Math.max(at, this.#expiries.get(id) ?? 0));
  }

  /** Its client has cancelled a request. It may be too late for that. */
  cancelled(id: string): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) asked.isCancelled = true;
  }

  /** A client was shown the outcome of its request. */
  shown(id: string, outcome: string): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    if (asked.outcome !== null && asked.outcome !== outcome) this.#violated(`${id} was shown as ${asked.outcome}, then as ${outcome}`);
    if (!mayEnd(asked, outcome)) this.#violated(`${id} ended as: ${outcome}`);
    if (asked.outcome !== null) return;
    this.unfinished -= 1;
    asked.outcome = outcome;
    asked.endedAt = this.now();
  }

  /** An honest node has written this to its audit log. */
  audited(node: string, record: AuditRecord): void {
    if (record.event === 'partial_signature') {
      const { request_id, message_sha256, presignature_id } = record.fields;
      this.#onePayload(node, request_id, message_sha256);
      this.#oneUse(node, presignature_id, `${request_id} ${message_sha256}`);
      this.#requestOf.set(presignature_id, request_id);
    } else if (record.event === 'full_signing_started') {
      this.#inFull.add(record.fields.request_id);
      this.#onePayload(node, record.fields.request_id, record.fields.message_sha256);
    }
  }

  /** A half of a presignature has signed at an honest node, when its wall clock said `at`. */
  issued(node: string, { id, party }: PresignatureHalf, at: number): void {
    const request = this.#requestOf.get(id) ?? '';
    if (at >= (this.#expiries.get(request) ?? Infinity)) this.#violated(`${node} signs ${request} after it has expired`);
    const half = `${id} ${party}`;
    if (this.#halvesUsed.has(half)) this.#violated(`${node} has signed twice with ${id}`);
    this.#halvesUsed.add(half);
  }

  /** An honest node begins a session. */
  begun(node: string, job: Job): void {
    if (job.kind !== 'sign' && job.kind !== 'presign') return;
    const session = `${node} ${job.executionId}`;
    if (this.#sessionsBegun.has(session)) this.#violated(`${node} has run ${job.executionId} twice`);
    this.#sessionsBegun.add(session);
    if (job.kind === 'sign') this.#onePayload(node, `message of ${requestOf(job.executionId)}`, 'digest' in job ? job.digest : job.message);
  }

  late(id: string, by: number): void {
    this.#violated(`${id} was accepted at ${this.#asked.get(id)?.acceptedAt.toFixed(0)} and not completed by ${by.toFixed(0)}`);
  }

  /** Something else that must not happen. */
  #violated(what: string): void {
    this.violations.push(`${this.now().toFixed(3)} ${what}`);
  }

  note(what: string): void {
    this.#violated(what);
  }

  #onePayload(node: string, request: string, payload: string): void {
    const before = this.#payloads.get(request) ?? payload;
    this.#payloads.set(request, before);
    if (before !== payload) this.#violated(`${node} signs another payload for ${request}`);
  }

  #oneUse(node: string, presignature: string, use: string): void {
    const before = this.#uses.get(presignature) ?? use;
    this.#uses.set(presignature, before);
    if (before !== use) this.#violated(`${node} uses ${presignature} for ${use}; it was used for ${before}`);
  }
}
