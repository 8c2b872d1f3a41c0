/** What a node signs, of all that it is asked for by somebody who may ask. Decided before any share is used. */
import { readFile } from 'node:fs/promises';
import { Refused } from 'sealing/errors';
import { parseJson } from 'sealing/json';
import { z } from 'zod';
import { sha256 } from '../base/utils.js';

/** What somebody wants signed. */
export interface PolicyRequest {
  readonly id: string;
  readonly message: string;
  /** When its client asked. */
  readonly time: Date;
}

/** `why` is for this node's own log; others are told the code. */
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly code: 'policy_refused' | 'rate_limited'; readonly why: string };

export interface Policy {
  /** Of the file that it comes from, hexadecimal; null when there is none. */
  readonly sha256: string | null;
  /** Asked once for each request in a node's life; after a restart perhaps again. */
  decide(request: PolicyRequest): Decision;
}

/** Signs whatever is asked for. */
export const ALLOW_ALL: Policy = { sha256: null, decide: () => ({ allowed: true }) };

const PatternSchema = z.string().min(1).max(256);
const PatternsSchema = z.array(PatternSchema).max(100);
const LimitSchema = z.int().min(1).max(100_000);

/**
 * A pattern is a text in which each `*` stands for any text, even none; it has to be the whole message, letter by letter, case
 * and all. No more than that: to match one takes time in proportion to the message, whatever a stranger puts into it.
 */
const PolicyFileSchema = z.strictObject({
  version: z.literal(1),
  /** If there are any, a message has to match one. */
  allow: PatternsSchema.min(1, 'must have a pattern, or not be there').optional(),
  /** A message must match none. */
  deny: PatternsSchema.optional(),
  /** Of UTF-8. */
  max_message_bytes: LimitSchema.optional(),
  /** In any 60 seconds, and in any 60 minutes; each request counts once. */
  max_requests_per_minute: LimitSchema.optional(),
  max_requests_per_hour: LimitSchema.optional(),
});
type PolicyFile = z.infer<typeof PolicyFileSchema>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The policy of a file; without a file, everything is allowed. @throws Refused naming the file and the field */
export async function openPolicy(path: string | undefined, now?: () => number): Promise<Policy> {
  if (path === undefined) return ALLOW_ALL;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Refused(`POLICY_FILE: ${path} cannot be read`, { cause: error });
  });
  return parsePolicy(text, now);
}

/** @param now milliseconds of a clock that never goes back @throws Refused naming the field */
export function parsePolicy(text: string, now: () => number = () => performance.now()): Policy {
  return new FilePolicy(parseJson(PolicyFileSchema, text, 'policy'), sha256(text), now);
}

class FilePolicy implements Policy {
  /** When each request was let through, by id; the oldest first. As far back as a limit looks. */
  readonly #counted = new Map<string, number>();

  constructor(
    private readonly file: PolicyFile,
    readonly sha256: string,
    private readonly now: () => number,
  ) {}

  decide({ id, message }: PolicyRequest): Decision {
    const why = this.#objection(message);
    if (why !== null) return { allowed: false, code: 'policy_refused', why };
    if (this.#counts(id)) return { allowed: true };
    return { allowed: false, code: 'rate_limited', why: 'there were too many requests' };
  }

  #objection(message: string): string | null {
    const { allow, deny = [], max_message_bytes = Infinity } = this.file;
    if (Buffer.byteLength(message) > max_message_bytes) return 'the message is too long';
    if (deny.some((pattern) => matches(pattern, message))) return 'the message matches a pattern of deny';
    return allow === undefined || allow.some((pattern) => matches(pattern, message)) ? null : 'the message matches no pattern of allow';
  }

  /** Counts a request; false when that would be one too many. */
  #counts(id: string): boolean {
    const { max_requests_per_minute: perMinute, max_requests_per_hour: perHour } = this.file;
    if (perMinute === undefined && perHour === undefined) return true;
    const now = this.now();
    for (const [known, at] of this.#counted) {
      if (now - at < (perHour === undefined ? MINUTE_MS : HOUR_MS)) break;
      this.#counted.delete(known);
    }
    if (this.#counted.has(id)) return true;
    const lastMinute = [...this.#counted.values()].filter((at) => now - at < MINUTE_MS).length;
    if (this.#counted.size >= (perHour ?? Infinity) || lastMinute >= (perMinute ?? Infinity)) return false;
    this.#counted.set(id, now);
    return true;
  }
}

/** Each piece between stars is taken where it first comes: if the message matches at all, it matches so. */
function matches(pattern: string, message: string): boolean {
  const [first = '', ...others] = pattern.split('*');
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
