/** Reads a single message, for the party that receives it and for a judge. */
import { z } from 'zod';
import { firstIssue } from '../wire/parse.js';
import type { MessageAbortCode } from './abort.js';
import type { AnyRound } from './protocol.js';

export interface IncomingMessage {
  /** Who sent it, according to the transport: never according to the message. */
  readonly sender: number;
  /** Was it sent to everybody? */
  readonly broadcast: boolean;
  /** JSON text of the crate's message enum. */
  readonly payload: string;
}

/**
 * Upper bound on a payload, in UTF-16 code units. Smaller than 734,000: honest messages of the identification phase are refused.
 * Larger: a peer can make everybody parse more.
 */
export const MAX_PAYLOAD_LENGTH = 1 << 20;

/** What no honest party ever sends. */
export interface Violation {
  readonly code: MessageAbortCode;
  /** The variant, or `any`. */
  readonly round: string;
  readonly reason: string;
}

/** A message that is a violation. */
export interface InvalidMessage {
  readonly violation: Violation;
}

/** A message of a known round; its body is read when `decode` is called. */
export interface ReadMessage {
  readonly round: AnyRound;
  decode(): { readonly value: unknown } | InvalidMessage;
}

/** @param rounds those of the protocol; a message of any other is a violation */
export function readMessage(
  rounds: readonly AnyRound[],
  { sender, broadcast, payload }: IncomingMessage,
): ReadMessage | InvalidMessage {
  const invalid = (code: MessageAbortCode, round: string, reason: string): InvalidMessage => ({ violation: { code, round, reason } });
  if (payload.length > MAX_PAYLOAD_LENGTH) return invalid('oversized_message', 'any', `${payload.length} characters`);
  const envelope = parseEnvelope(payload);
  if (envelope === null) return invalid('malformed_message', 'any', 'not a JSON object with one key');
  const round = rounds.find(({ variant }) => variant === envelope.variant);
  if (round === undefined) return invalid('unknown_round', 'any', 'no such message in this protocol');
  if (broadcast !== (round.delivery === 'broadcast')) return invalid('wrong_delivery', round.variant, `must be sent ${round.delivery}`);
  if (round.senders?.includes(sender) === false) return invalid('unknown_round', round.variant, 'another party sends this message');
  const decode = (): { readonly value: unknown } | InvalidMessage => {
    const body = z.safeDecode(round.body, envelope.body);
    return body.success ? { value: body.data } : invalid('malformed_message', round.variant, firstIssue(body.error));
  };
  return { round, decode };
}

/** One party has sent two different messages of one round to the same recipients. */
export function contradiction(variant: string): Violation {
  return { code: 'contradicting_messages', round: variant, reason: 'two different messages' };
}

/** `{"Variant": body}` with exactly one key, or null. */
function parseEnvelope(payload: string): { variant: string; body: unknown } | null {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const [entry, ...others] = Object.entries(json);
  return entry === undefined || others.length > 0 ? null : { variant: entry[0], body: entry[1] as unknown };
}
