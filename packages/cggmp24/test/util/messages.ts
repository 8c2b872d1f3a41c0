/** Messages of a run as tests look at them and alter them. */
import { z } from 'zod';
import type { Session } from '../../src/runtime/session.js';
import { simulate, type Delivery, type Outcome, type SimulateOptions } from '../../src/testing/simulate.js';
import { digestAll } from '../../src/hash/encoding.js';
import { echo } from '../../src/keygen/commitments.js';
import { DigestJson } from '../../src/wire/json.js';
import { toJson, type Json } from './proofs.js';

/** A message as the recorded runs list it. */
export const RecordedMessage = z.object({
  sender: z.number(),
  recipient: z.number().nullable(),
  msg: z.record(z.string(), z.json()),
});
export type RecordedMessage = z.output<typeof RecordedMessage>;

/** `{"Variant": body}`. */
export function parseMessage(payload: string): Record<string, Json> {
  return JSON.parse(payload) as Record<string, Json>;
}

export function variantOf(payload: string): string {
  return Object.keys(parseMessage(payload))[0] ?? '';
}

/** Runs the parties and lists what each sent, a broadcast once. */
export function recordRun<T>(
  sessions: readonly Session<T>[],
  { tamper = (d) => [d], ...options }: SimulateOptions = {},
): { outcomes: Outcome<T>[]; messages: RecordedMessage[] } {
  const messages: RecordedMessage[] = [];
  const seen = new Set<string>();
  const outcomes = simulate(sessions, {
    ...options,
    tamper: (delivery) => {
      const { from, to, broadcast, payload } = delivery;
      const recipient = broadcast ? null : to;
      const key = `${from} ${recipient} ${payload}`;
      if (!seen.has(key)) messages.push({ sender: from, recipient, msg: parseMessage(payload) });
      seen.add(key);
      return tamper(delivery);
    },
  });
  return { outcomes, messages };
}

/** In an order that does not depend on who ran first. */
export function sorted(messages: readonly RecordedMessage[]): RecordedMessage[] {
  const key = ({ sender, recipient, msg }: RecordedMessage): string => `${sender} ${Object.keys(msg).join()} ${recipient ?? 'all'}`;
  return [...messages].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Feeds one party what the others of a recorded run sent to it, and lists what it sends. */
export function replay<T>(
  session: Session<T>,
  index: number,
  recorded: readonly RecordedMessage[],
  tamper: Tamper = (delivery) => [delivery],
): { output: T; sent: RecordedMessage[] } {
  for (const { sender, recipient, msg } of recorded) {
    if (sender === index || (recipient !== null && recipient !== index)) continue;
    for (const { from, broadcast, payload } of tamper({
      from: sender,
      to: index,
      broadcast: recipient === null,
      payload: JSON.stringify(msg),
    })) {
      session.receive({ sender: from, broadcast, payload });
    }
  }
  const sent: RecordedMessage[] = [];
  for (;;) {
    const step = session.proceed();
    if (step.kind === 'done') return { output: step.output, sent };
    if (step.kind === 'waiting') throw new Error(`waits in ${step.round} for ${step.missing.join(', ')}`);
    if (step.kind === 'paused' || step.kind === 'settling') continue;
    const { to, payload } = step.message;
    sent.push({ sender: index, recipient: to === 'all' ? null : to, msg: parseMessage(payload) });
  }
}

export type Tamper = (delivery: Delivery) => Delivery[];

/** Replaces the body of one sender's messages of one round, for the given recipients or all. */
export function editing(from: number, variant: string, edit: (body: Json, to: number) => Json, recipients?: readonly number[]): Tamper {
  return (delivery) => {
    const message = parseMessage(delivery.payload);
    const body = message[variant];
    if (delivery.from !== from || body === undefined || recipients?.includes(delivery.to) === false) return [delivery];
    return [{ ...delivery, payload: JSON.stringify({ [variant]: edit(body, delivery.to) }) }];
  };
}

/** One tampering after the other. */
export function both(...tampers: readonly Tamper[]): Tamper {
  return (delivery) => tampers.reduce((deliveries, tamper) => deliveries.flatMap(tamper), [delivery]);
}

/** The body of one sender's message of one round, the first of several. */
export function bodyOf(messages: readonly RecordedMessage[], variant: string, sender: number, recipient?: number): Json {
  const found = messages.find((m) => m.sender === sender && variant in m.msg && (recipient === undefined || m.recipient === recipient));
  return found?.msg[variant] ?? null;
}

/** Round 1 of key generation and of aux info. */
export const Commitment = z.object({ commitment: DigestJson });

/**
 * Cheats that send other commitments, and echo what the honest parties echo; what they hear agrees with what they
 * believe.
 * @param messages of the same run without cheating
 * @param altered the cheats' first messages
 */
export function committing(tag: string, sid: Uint8Array, messages: readonly RecordedMessage[], altered: ReadonlyMap<number, Json>): Tamper {
  const parties = new Set(messages.map(({ sender }) => sender)).size;
  const commitments = Array.from({ length: parties }, (_, j) => Commitment.parse(altered.get(j) ?? bodyOf(messages, 'Round1', j)));
  const heard = toJson(DigestJson, digestAll(commitments.map((message) => echo(tag, sid, message))));
  const believed = bodyOf(messages, 'ReliabilityCheck', 0);
  return (delivery) => {
    const own = altered.has(delivery.to) ? undefined : altered.get(delivery.from);
    if (own !== undefined && variantOf(delivery.payload) === 'Round1') return [{ ...delivery, payload: JSON.stringify({ Round1: own }) }];
    if (variantOf(delivery.payload) !== 'ReliabilityCheck') return [delivery];
    return [{ ...delivery, payload: JSON.stringify({ ReliabilityCheck: altered.has(delivery.to) ? believed : heard }) }];
  };
}
