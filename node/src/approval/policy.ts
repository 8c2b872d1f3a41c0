/** Decides which of the requests of authorized clients a node signs. It is asked before any share is used. */
import { readFile } from 'node:fs/promises';
import type { Payload } from 'message-board/contract';
import { payloadBytes, payloadField, PAYLOAD_FIELDS } from 'message-board/payload';
import { Refused, systemCode } from 'sealing/errors';
import { decodeUtf8, parseJson } from 'sealing/json';
import type { Clock } from 'service/clock';
import { z } from 'zod';
import { sha256 } from '../base/sha256.js';

/** What a client wants signed. */
export interface PolicyRequest {
  readonly id: string;
  readonly payload: Payload;
  /** When its client asked. */
  readonly time: Date;
}

/** `why` is for this node's own log; others are told the code. */
export type PolicyAnswer =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: 'policy_refused' | 'rate_limited'; readonly why: string };

export interface Policy {
  /** SHA-256 of its file, hexadecimal; null when there is no file. */
  readonly sha256: string | null;
  /** Is asked once for each request in a node's life; after a restart perhaps again. */
  check(request: PolicyRequest): PolicyAnswer;
}

/** What is signed where the policy does not say it. Who may have a digest signed hides from all nodes what it is of. */
const USUAL_PAYLOADS: readonly string[] = ['message', 'bytes'];

/** Signs every message, and all bytes, that are asked for. */
export const ALLOW_ALL: Policy = {
  sha256: null,
  check({ payload }) {
    const why = kindObjection(payload, USUAL_PAYLOADS);
    return why === null ? { allowed: true } : { allowed: false, code: 'policy_refused', why };
  },
};

function kindObjection(payload: Payload, allowed: readonly string[]): string | null {
  const field = payloadField(payload);
  return allowed.includes(field) ? null : `the payload is of the kind ${field}, which payloads does not allow`;
}

/** Does it say anything of what a message may be? */
function hasContentRules({ allow, deny, max_message_bytes }: Readonly<Record<string, unknown>>): boolean {
  return (allow ?? deny ?? max_message_bytes) !== undefined;
}

const PatternSchema = z.string().min(1).max(256);
const PatternsSchema = z.array(PatternSchema).max(100);
/** The largest limit. Larger: more memory for what is counted, some 100 bytes each. */
const MOST_COUNTED = 100_000;
const LimitSchema = z.int().min(1).max(MOST_COUNTED);

/**
 * A pattern is a text in which each `*` stands for any text, even an empty one. It has to match the whole message, and case counts.
 * Patterns can do no more than that: so a match takes time in proportion to the length of the message, and no stranger can make it take
 * longer. Both are compared as their bytes in UTF-8: so a pattern also matches `bytes` that are such a text.
 */
const PolicyFileSchema = z.strictObject({
  version: z.literal(1),
  /** What may be signed: fields of `POST /sign`. Without it, messages and bytes. */
  payloads: z.array(z.enum(PAYLOAD_FIELDS)).min(1, 'must have one of message, bytes and digest, or not be there').optional(),
  /** If given, a message has to match at least one of these. */
  allow: PatternsSchema.min(1, 'must have a pattern, or not be there').optional(),
  /** A message must match none. */
  deny: PatternsSchema.optional(),
  /** Length of the message in UTF-8, or of the bytes. */
  max_message_bytes: LimitSchema.optional(),
  /** In any 60 seconds, and in any 60 minutes; each request counts once. */
  max_requests_per_minute: LimitSchema.optional(),
  max_requests_per_hour: LimitSchema.optional(),
}).refine(({ payloads = [], ...rules }) => !payloads.includes('digest') || !hasContentRules(rules), {
  path: ['payloads'],
  message: 'digest cannot be combined with allow, deny or max_message_bytes: a digest can be of any message, also of one that they refuse',
});
type PolicyText = z.infer<typeof PolicyFileSchema>;

type PolicyClock = Pick<Clock, 'monotonic'>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** When each request was allowed, by id, on the monotonic clock; the oldest first. */
type CountedRequests = Map<string, number>;

/** The policy of POLICY_FILE, which can be read again while the node runs; without a file, everything is allowed. */
export class PolicyFile implements Policy {
  /** A policy that is read again goes on counting. */
  readonly #counted: CountedRequests = new Map();
  #current: Policy = ALLOW_ALL;

  private constructor(
    private readonly path: string | undefined,
    private readonly clock: PolicyClock,
  ) {}

  /** @throws Refused naming the file and the field */
  static async open(path: string | undefined, clock: PolicyClock): Promise<PolicyFile> {
    const file = new PolicyFile(path, clock);
    file.use(await file.read());
    return file;
  }

  get sha256(): string | null {
    return this.#current.sha256;
  }

  check(request: PolicyRequest): PolicyAnswer {
    return this.#current.check(request);
  }

  /** What the file says now. @throws Refused naming the file and the field */
  async read(): Promise<Policy> {
    if (this.path === undefined) return ALLOW_ALL;
    const what = `POLICY_FILE: ${this.path}`;
    const bytes = await readFile(this.path).catch((error: unknown) => {
      throw new Refused(`${what}: cannot be read (${systemCode(error)})`, { cause: error });
    });
    return parsePolicy(decodeUtf8(bytes, what), this.clock, what, this.#counted);
  }

  /** Asks this policy from now on. What was decided before stays. */
  use(policy: Policy): void {
    this.#current = policy;
  }
}

/** @param counted what counts already @throws Refused naming the field */
export function parsePolicy(text: string, clock: PolicyClock, what = 'policy', counted: CountedRequests = new Map()): Policy {
  return new FilePolicy(parseJson(PolicyFileSchema, text, what), sha256(text), clock, counted);
}

class FilePolicy implements Policy {
  constructor(
    private readonly file: PolicyText,
    readonly sha256: string,
    private readonly clock: PolicyClock,
    /** Those of the last hour, whatever this file limits: the next one may limit it. */
    private readonly counted: CountedRequests,
  ) {}

  check({ id, payload }: PolicyRequest): PolicyAnswer {
    const why = kindObjection(payload, this.file.payloads ?? USUAL_PAYLOADS) ?? this.#objection(asBytes(payloadBytes(payload)));
    if (why !== null) return { allowed: false, code: 'policy_refused', why };
    if (this.#count(id)) return { allowed: true };
    return { allowed: false, code: 'rate_limited', why: 'there were too many requests' };
  }

  /** @param message one character for each byte */
  #objection(message: string): string | null {
    const { allow, deny = [], max_message_bytes = Infinity } = this.file;
    if (message.length > max_message_bytes) return 'the message is too long';
    if (deny.some((pattern) => matches(pattern, message))) return 'the message matches a pattern of deny';
    return allow === undefined || allow.some((pattern) => matches(pattern, message)) ? null : 'the message matches no pattern of allow';
  }

  /** Counts a request. @returns false when that would be one too many */
  #count(id: string): boolean {
    const { max_requests_per_minute: perMinute = Infinity, max_requests_per_hour: perHour = Infinity } = this.file;
    const now = this.clock.monotonic();
    for (const [known, at] of this.counted) {
      if (now - at < HOUR_MS && this.counted.size <= MOST_COUNTED) break;
      this.counted.delete(known);
    }
    if (this.counted.has(id)) return true;
    const lastMinute = perMinute === Infinity ? 0 : [...this.counted.values()].filter((at) => now - at < MINUTE_MS).length;
    if (this.counted.size >= perHour || lastMinute >= perMinute) return false;
    this.counted.set(id, now);
    return true;
  }
}

/** A text with one character for each byte. */
function asBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Looks for each piece between two stars at the first place where it occurs. If the message matches at all, it matches in this way. */
function matches(pattern: string, message: string): boolean {
  const [first = '', ...others] = asBytes(Buffer.from(pattern)).split('*');
  const last = others.pop();
  if (last === undefined) return message === first;
  if (!message.startsWith(first)) return false;
  let from = first.length;
  for (const piece of others) {
    const at = message.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return message.length - last.length >= from && message.endsWith(last);
}
