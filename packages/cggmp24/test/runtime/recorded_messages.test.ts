import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { auxInfoRounds } from '../../src/aux_info/messages.js';
import { nonThresholdKeygenRounds } from '../../src/keygen/non_threshold_messages.js';
import { thresholdKeygenRounds } from '../../src/keygen/threshold_messages.js';
import { SECURITY_128 } from '../../src/params.js';
import { receive, type AnyRound, type Protocol } from '../../src/runtime/protocol.js';
import { Session } from '../../src/runtime/session.js';
import { signingRounds } from '../../src/signing/messages.js';
import { IntegerJson } from '../../src/wire/json.js';
import { replaceAt, toJson, type Json } from '../util/proofs.js';
import { INFINITY_JSON } from '../util/alterations.js';
import { RecordedMessage } from '../util/messages.js';
import { loadVectors } from '../util/vectors.js';

const Messages = z.object({ messages: z.array(RecordedMessage) });

const runs: [string, readonly AnyRound[]][] = [
  ...['keygen_2of3_rb', 'keygen_3of4_norb', 'keygen_3of4_rb', 'keygen_3of4_rb_hd_off', 'nohd_keygen_2of3_norb', 'nohd_keygen_3of4_rb'].map(
    (name): [string, readonly AnyRound[]] => [name, thresholdKeygenRounds],
  ),
  ...['keygen_nonthreshold_3_norb', 'keygen_nonthreshold_3_rb', 'nohd_keygen_nonthreshold_3_rb'].map(
    (name): [string, readonly AnyRound[]] => [name, nonThresholdKeygenRounds],
  ),
  ['auxgen_3_rb', auxInfoRounds(SECURITY_128)],
  ...['presign_012_norb', 'presign_012_rb', 'presign_023_rb', 'presign_2of3_02_rb', 'presign_301_unsorted_rb'].map(
    (name): [string, readonly AnyRound[]] => [name, signingRounds],
  ),
  ...['sign_012_rb', 'sign_013_rb_hd', 'sign_123_norb', 'sign_2of3_12_rb', 'sign_nonthreshold_3_rb'].map(
    (name): [string, readonly AnyRound[]] => [name, signingRounds],
  ),
];

describe('every message of the Rust crate is read, and written again the same', () => {
  it.each(runs)('%s', (name, rounds) => {
    const { messages } = loadVectors(name, Messages);
    expect(messages.length).toBeGreaterThan(8);
    for (const { msg, recipient } of messages) {
      for (const [variant, json] of Object.entries(msg)) {
        const round = rounds.find((candidate) => candidate.variant === variant);
        if (round === undefined) throw new Error(`unknown round ${variant}`);
        expect(round.delivery).toBe(recipient === null ? 'broadcast' : 'p2p');
        expect(z.encode(round.body, z.decode(round.body, json))).toEqual(json);
      }
    }
  });
});

/** Does a session of threshold key generation take the message? */
function accepts(message: unknown): boolean {
  function* waiting(): Protocol<void> {
    for (const round of thresholdKeygenRounds) yield* receive(round);
  }
  const session = new Session({ protocol: waiting(), rounds: thresholdKeygenRounds, index: 0, parties: 2 });
  const p2p = typeof message === 'object' && message !== null && 'Round2Uni' in message;
  try {
    session.receive({ sender: 1, broadcast: !p2p, payload: JSON.stringify(message) });
    return true;
  } catch {
    return false;
  }
}

describe('what the Rust crate reads and refuses', () => {
  const recorded = loadVectors(
    'unit_serde',
    z.object({
      accepted_message_forms: z.array(z.object({ what: z.string(), json: z.record(z.string(), z.json()), accepted: z.boolean() })),
      accepted_integer_forms: z.array(z.object({ json: z.string(), parsed: z.object({ Ok: z.string() }) })),
      integers: z.array(z.object({ decimal: z.string(), json: z.json() })),
    }),
  );

  it.each(recorded.accepted_message_forms.map(({ what, json, accepted }) => [what, accepted, json] as const))(
    '%s: %s, here too',
    (_, accepted, json) => {
      expect(accepts(json)).toBe(accepted);
    },
  );

  it.each(recorded.accepted_integer_forms)('integer $json', ({ json, parsed }) => {
    expect(z.decode(IntegerJson, JSON.parse(json) as z.input<typeof IntegerJson>)).toBe(BigInt(parsed.Ok));
  });

  it('writes integers as the crate does', () => {
    for (const { decimal, json } of recorded.integers) expect(toJson(IntegerJson, BigInt(decimal))).toEqual(json);
  });
});

describe('where we are stricter than the crate, on purpose', () => {
  const { messages } = loadVectors('keygen_3of4_rb', Messages);
  const opening = messages.find(({ msg }) => 'Round2Broad' in msg)?.msg['Round2Broad'] ?? null;
  const F = (opening as { F: Json[] }).F;

  it('takes the recorded message', () => {
    expect(accepts({ Round2Broad: opening })).toBe(true);
  });

  it.each<[string, string, Json]>([
    ['the crate strips infinity from the end of a polynomial; no honest one ends so', '/F', [...F, INFINITY_JSON]],
    ['the crate takes infinity as a coefficient; no honest one is zero', '/F/1', INFINITY_JSON],
    ['the crate takes infinity as the commitment of a Schnorr proof; no honest nonce is zero', '/sch_commit', INFINITY_JSON],
  ])('%s', (_, path, value) => {
    expect(accepts({ Round2Broad: replaceAt(opening, path, value) })).toBe(false);
  });

  it('an integer has at most 2048 digits; the longest honest one has 1728 and a sign', () => {
    const parses = (digits: number): boolean => IntegerJson.safeParse({ radix: 16, value: 'f'.repeat(digits) }).success;
    expect([parses(1729), parses(2048), parses(2049)]).toEqual([true, true, false]);
  });

  it('a message has exactly one variant', () => {
    expect(accepts({ Round2Broad: opening, Round1: { commitment: Array.from({ length: 32 }, () => 0) } })).toBe(false);
  });
});
