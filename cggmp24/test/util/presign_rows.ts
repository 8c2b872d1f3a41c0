/** The misbehaviour table of presigning and signing; the quick suite runs it at one honest signer, the slow one at all. */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { expect } from '@jest/globals';
import { z } from 'zod';
import { digestAll } from '../../src/hash/encoding.js';
import type { Round } from '../../src/runtime/protocol.js';
import { echo, round1a } from '../../src/signing/messages.js';
import { DigestJson, IntegerJson } from '../../src/wire/json.js';
import type { AbortCode, ProtocolAborted } from '../../src/runtime/errors.js';
import type { Session } from '../../src/runtime/session.js';
import { sign } from '../../src/sessions.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import type { Signature } from '../../src/ecdsa.js';
import { at } from '../../src/runtime/at.js';
import { fieldsOf, INFINITY_JSON, type Field } from './alterations.js';
import { blamed } from './blame.js';
import { bodyOf, editing, recordRun, variantOf, type RecordedMessage, type Tamper } from './messages.js';
import { replaceAt, toJson, type Json } from './proofs.js';
import { smallShares } from './small_shares.js';

export const SIGNERS = [2, 0, 3];
/** The signer at position 1 cheats; those at 0 and 2 are honest. */
export const CHEAT = 1;
export const HONEST = [0, 2];
export const EXECUTION_ID = utf8ToBytes('misbehaviour');
export const MESSAGE = utf8ToBytes('pay nobody');

export const shares = smallShares(3, 4);

export interface SignerTestOptions {
  readonly executionId?: Uint8Array;
  readonly reliableBroadcast?: boolean;
  readonly draws?: string;
}

/** The signer at a position; the same options make the same messages. */
export function signer(position: number, { executionId = EXECUTION_ID, reliableBroadcast = true, draws = '' }: SignerTestOptions = {}): Session<Signature> {
  const share = at(shares, at(SIGNERS, position));
  return sign({ executionId, share, signers: SIGNERS, message: MESSAGE, reliableBroadcast, rng: seededRng(`signer ${draws} ${position}`) });
}

export function signersOf(options: SignerTestOptions = {}): Session<Signature>[] {
  return SIGNERS.map((_, position) => signer(position, options));
}

export const honestRun = recordRun(signersOf());
export const messages: readonly RecordedMessage[] = honestRun.messages;

export const VARIANTS = ['Round1a', 'Round1b', 'ReliabilityCheck', 'Round2', 'Round3', 'Round4'];
export const IS_BROADCAST: Readonly<Record<string, boolean>> = { Round1a: true, ReliabilityCheck: true, Round3: true, Round4: true };

export interface Row {
  readonly where: string;
  readonly variant: string;
  readonly field: Field;
  readonly body: Json;
}

/** One row for every field of every message that the cheat sends to signer `to`. */
export function rowsTo(to: number): Row[] {
  return VARIANTS.flatMap((variant) => {
    const body = bodyOf(messages, variant, CHEAT, IS_BROADCAST[variant] === true ? undefined : to);
    return fieldsOf(body).map((field) => ({ where: `${variant}${field.path}`, variant, field, body }));
  });
}

/** What an honest signer says of another value of that field. */
export function expectedOf({ variant, field: { path } }: Row): { code: AbortCode; culprits: readonly number[] } {
  switch (variant) {
    case 'Round1a':
    case 'Round1b':
      return { code: 'invalid_encryption_proof', culprits: [CHEAT] };
    case 'ReliabilityCheck':
      return { code: 'inconsistent_broadcast', culprits: [] };
    case 'Round2':
      return { code: 'invalid_affine_proof', culprits: [CHEAT] };
    case 'Round3':
      // The sums alone show these, and a sum has no maker.
      if (path === '/delta' || path === '/S') return { code: 'inconsistent_presignature', culprits: [] };
      return { code: 'invalid_exponent_proof', culprits: [CHEAT] };
    default:
      return { code: 'invalid_partial_signature', culprits: [CHEAT] };
  }
}

export function parse<Body>({ body }: Round<Body>, json: Json): Body {
  return z.decode(body, json);
}

/** A cheat that broadcasts another first message and echoes it; it believes to be heard as it spoke. */
export function broadcasting(body: Json): Tamper {
  const all = [0, 1, 2].map((j) => parse(round1a, j === CHEAT ? body : bodyOf(messages, 'Round1a', j)));
  const heard = toJson(DigestJson, digestAll(all.map((message) => echo(EXECUTION_ID, message))));
  const believed = bodyOf(messages, 'ReliabilityCheck', CHEAT);
  return (delivery) => {
    if (variantOf(delivery.payload) !== 'ReliabilityCheck') return editing(CHEAT, 'Round1a', () => body)(delivery);
    return [{ ...delivery, payload: JSON.stringify({ ReliabilityCheck: delivery.to === CHEAT ? believed : heard }) }];
  };
}

/** A cheat that sends another body to everyone whom it sends that message to. */
export function altering(variant: string, body: Json): Tamper {
  return variant === 'Round1a' ? broadcasting(body) : editing(CHEAT, variant, () => body);
}

const keyOf = (position: number): bigint => at(at(shares, 0).aux.encryptionKeys, at(SIGNERS, position)).n;
const [N_0, N_1] = [keyOf(0), keyOf(CHEAT)];
const hat_N = at(at(shares, 0).aux.ringPedersen, at(SIGNERS, 0)).nHat;

interface Group {
  /** Whose multiples are no units. */
  readonly n: bigint;
  /** What elements are below. */
  readonly bound: bigint;
}

const ciphertext = (n: bigint): Group => ({ n, bound: n * n });
const unit = (n: bigint): Group => ({ n, bound: n });

const encElgGroups = { 'commitment/s': unit(hat_N), 'commitment/t': unit(hat_N), 'commitment/d': ciphertext(N_1), 'proof/z2': unit(N_1) };
const affGGroups = {
  'commitment/a': ciphertext(N_0),
  'commitment/b_y': ciphertext(N_1),
  ...Object.fromEntries(['e', 's', 'f', 't'].map((name) => [`commitment/${name}`, unit(hat_N)])),
  'proof/w': unit(N_0),
  'proof/w_y': unit(N_1),
};
const under = (prefix: string, of: Readonly<Record<string, Group>>): Record<string, Group> =>
  Object.fromEntries(Object.entries(of).map(([name, group]) => [`${prefix}/${name}`, group]));

/** The group that each integer which the cheat sends to signer 0 has to be in; all others have a range. */
export const groups: Readonly<Record<string, Group>> = {
  ...under('Round1a', { K: ciphertext(N_1), G: ciphertext(N_1) }),
  ...under('Round1b/psi0', encElgGroups),
  ...under('Round1b/psi1', encElgGroups),
  ...under('Round2', { D: ciphertext(N_0), hat_D: ciphertext(N_0), F: ciphertext(N_1), hat_F: ciphertext(N_1) }),
  ...under('Round2/psi_j', affGGroups),
  ...under('Round2/hat_psi_j', affGGroups),
};

/** Zero, the modulus, and the same element not reduced: each is refused for not being in its group. */
export function expectOutsideRefused(row: Row, abortOf: (tamper: Tamper) => ProtocolAborted): void {
  const group = groups[row.where];
  if (group === undefined) throw new Error(`${row.where} has no group`);
  const { code, culprits } = expectedOf(row);
  for (const value of [0n, group.n, IntegerJson.parse(row.field.value) + group.bound]) {
    const abort = abortOf(altering(row.variant, replaceAt(row.body, row.field.path, toJson(IntegerJson, value))));
    expect(blamed(abort)).toBe(`${code}:${culprits.join()}`);
    expect(abort.blame[0]?.reason).toMatch(/ in Z\*_N/);
  }
}

/** Points whose identity no message may carry; elsewhere the proofs refuse it. */
const REFUSED_ON_SIGHT = ['Round1a/Y', 'Round2/Gamma'];

export function expectIdentityRefused(row: Row, abortOf: (tamper: Tamper) => ProtocolAborted): void {
  const identity = replaceAt(row.body, row.field.path, INFINITY_JSON);
  if (REFUSED_ON_SIGHT.includes(row.where)) {
    expect(blamed(abortOf(editing(CHEAT, row.variant, () => identity)))).toBe(`malformed_message:${CHEAT}`);
    return;
  }
  const { code, culprits } = expectedOf(row);
  expect(blamed(abortOf(altering(row.variant, identity)))).toBe(`${code}:${culprits.join()}`);
}
