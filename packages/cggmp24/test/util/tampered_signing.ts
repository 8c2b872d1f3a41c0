/** The misbehaviour table of presigning and signing: two signers in the quick suite, three in the slow one. */
import { expect } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import type { Signature } from '../../src/ecdsa.js';
import { digestAll } from '../../src/hash/encoding.js';
import type { Setting } from '../../src/evidence/case.js';
import type { KeyShare } from '../../src/key_share/key_share.js';
import { at } from '../../src/base/at.js';
import type { AbortCode, ProtocolAborted } from '../../src/aborts.js';
import type { Round } from '../../src/runtime/protocol.js';
import type { Session } from '../../src/runtime/session.js';
import { sign } from '../../src/sessions.js';
import { echo, round1a } from '../../src/signing/messages.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { DigestJson, IntegerJson } from '../../src/wire/json.js';
import { fieldsOf, INFINITY_JSON, type Field } from './alterations.js';
import { abortOfCall, blamed } from './blame.js';
import { expectSameVerdict, observe } from './evidence.js';
import { bodyOf, editing, recordRun, replay, variantOf, type RecordedMessage, type Tamper } from './messages.js';
import { replaceAt, toJson, type Json } from './proofs.js';

/** The signer at position 1 cheats; all others are honest. */
export const CHEAT = 1;
export const EXECUTION_ID = utf8ToBytes('misbehaviour');
export const MESSAGE = utf8ToBytes('pay nobody');

export interface SignerTestOptions {
  readonly executionId?: Uint8Array;
  readonly reliableBroadcast?: boolean;
  /** Off by default: recorded messages have none of these rounds. */
  readonly identification?: boolean;
  readonly draws?: string;
}

const VARIANTS = ['Round1a', 'Round1b', 'ReliabilityCheck', 'Round2', 'Round3', 'Round4'];
export const IS_BROADCAST: Readonly<Record<string, boolean>> = { Round1a: true, ReliabilityCheck: true, Round3: true, Round4: true };

export interface Row {
  readonly where: string;
  readonly variant: string;
  readonly field: Field;
  readonly body: Json;
}

interface Group {
  /** Whose multiples are no units. */
  readonly n: bigint;
  /** What elements are below. */
  readonly bound: bigint;
}

const ciphertext = (n: bigint): Group => ({ n, bound: n * n });
const unit = (n: bigint): Group => ({ n, bound: n });
const under = (prefix: string, of: Readonly<Record<string, Group>>): Record<string, Group> =>
  Object.fromEntries(Object.entries(of).map(([name, group]) => [`${prefix}/${name}`, group]));

/** Points whose identity no message may carry; elsewhere the proofs refuse it. */
const REFUSED_ON_SIGHT = ['Round1a/Y', 'Round2/Gamma'];

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

/** A signing run without cheating, always the same, and what happens to signer 0 when its messages are tampered with. */
export class TamperedSigning {
  readonly messages: readonly RecordedMessage[];
  readonly honestRun: ReturnType<typeof recordRun<Signature>>;
  /** The group that each integer which the cheat sends to signer 0 has to be in; all others have a range. */
  readonly groups: Readonly<Record<string, Group>>;

  /** @param signers key-share indices */
  constructor(
    readonly shares: readonly KeyShare[],
    readonly signers: readonly number[],
  ) {
    this.honestRun = recordRun(this.sessions());
    this.messages = this.honestRun.messages;
    this.groups = this.#groups();
  }

  /** Positions of the honest signers. */
  get honest(): number[] {
    return this.signers.map((_, position) => position).filter((position) => position !== CHEAT);
  }

  share(position: number): KeyShare {
    return at(this.shares, at(this.signers, position));
  }

  /** The signer at a position; the same options make the same messages. */
  session(
    position: number,
    { executionId = EXECUTION_ID, reliableBroadcast = true, identification = false, draws = '' }: SignerTestOptions = {},
  ): Session<Signature> {
    const rng = seededRng(`signer ${draws} ${position}`);
    return sign({
      executionId,
      share: this.share(position),
      signers: this.signers,
      message: MESSAGE,
      reliableBroadcast,
      identification,
      rng,
    });
  }

  sessions(options: SignerTestOptions = {}): Session<Signature>[] {
    return this.signers.map((_, position) => this.session(position, options));
  }

  /** What signer 0 aborts with when the others' recorded messages reach it tampered with; a judge finds the same. */
  abortOf(tamper: Tamper): ProtocolAborted {
    const receiver = this.session(0);
    const view = observe(receiver);
    const abort = abortOfCall(() => replay(receiver, 0, this.messages, tamper));
    expectSameVerdict(this.share(0).aux.params, this.setting(), 0, view, abort);
    return abort;
  }

  /** What a judge has to know of the run. */
  setting({ executionId = EXECUTION_ID, reliableBroadcast = true, identification = false }: SignerTestOptions = {}): Setting {
    const { signers } = this;
    return { kind: 'signing', executionId, signers, key: this.share(0), path: [], message: MESSAGE, reliableBroadcast, identification };
  }

  /** One row for every field of every message that the cheat sends to signer `to`. */
  rowsTo(to: number): Row[] {
    return VARIANTS.flatMap((variant) => {
      const body = bodyOf(this.messages, variant, CHEAT, IS_BROADCAST[variant] === true ? undefined : to);
      return fieldsOf(body).map((field) => ({ where: `${variant}${field.path}`, variant, field, body }));
    });
  }

  /** A cheat that broadcasts another first message and echoes it; it believes to be heard as it spoke. */
  broadcasting(body: Json): Tamper {
    const all = this.signers.map((_, j) => parse(round1a, j === CHEAT ? body : bodyOf(this.messages, 'Round1a', j)));
    const heard = toJson(DigestJson, digestAll(all.map((message) => echo(EXECUTION_ID, message))));
    const believed = bodyOf(this.messages, 'ReliabilityCheck', CHEAT);
    return (delivery) => {
      if (variantOf(delivery.payload) !== 'ReliabilityCheck') return editing(CHEAT, 'Round1a', () => body)(delivery);
      return [{ ...delivery, payload: JSON.stringify({ ReliabilityCheck: delivery.to === CHEAT ? believed : heard }) }];
    };
  }

  /** A cheat that sends another body to everyone whom it sends that message to. */
  altering(variant: string, body: Json): Tamper {
    return variant === 'Round1a' ? this.broadcasting(body) : editing(CHEAT, variant, () => body);
  }

  #groups(): Record<string, Group> {
    const { encryptionKeys, ringPedersen } = this.share(0).aux;
    const [N_0, N_1] = [0, CHEAT].map((position) => at(encryptionKeys, at(this.signers, position)).n);
    const hat_N = at(ringPedersen, at(this.signers, 0)).nHat;
    if (N_0 === undefined || N_1 === undefined) throw new Error('two signers');
    const encElg = { 'commitment/s': unit(hat_N), 'commitment/t': unit(hat_N), 'commitment/d': ciphertext(N_1), 'proof/z2': unit(N_1) };
    const affG = {
      'commitment/a': ciphertext(N_0),
      'commitment/b_y': ciphertext(N_1),
      ...Object.fromEntries(['e', 's', 'f', 't'].map((name) => [`commitment/${name}`, unit(hat_N)])),
      'proof/w': unit(N_0),
      'proof/w_y': unit(N_1),
    };
    return {
      ...under('Round1a', { K: ciphertext(N_1), G: ciphertext(N_1) }),
      ...under('Round1b/psi0', encElg),
      ...under('Round1b/psi1', encElg),
      ...under('Round2', { D: ciphertext(N_0), hat_D: ciphertext(N_0), F: ciphertext(N_1), hat_F: ciphertext(N_1) }),
      ...under('Round2/psi_j', affG),
      ...under('Round2/hat_psi_j', affG),
    };
  }

  /** Zero, the modulus, and the same element not reduced: each is refused for not being in its group. */
  expectOutsideRefused(row: Row): void {
    const group = this.groups[row.where];
    if (group === undefined) throw new Error(`${row.where} has no group`);
    const { code, culprits } = expectedOf(row);
    for (const value of [0n, group.n, IntegerJson.parse(row.field.value) + group.bound]) {
      const abort = this.abortOf(this.altering(row.variant, replaceAt(row.body, row.field.path, toJson(IntegerJson, value))));
      expect(blamed(abort)).toBe(`${code}:${culprits.join()}`);
      expect(abort.blame[0]?.reason).toMatch(/ in Z\*_N/);
    }
  }

  expectIdentityRefused(row: Row): void {
    const identity = replaceAt(row.body, row.field.path, INFINITY_JSON);
    if (REFUSED_ON_SIGHT.includes(row.where)) {
      expect(blamed(this.abortOf(editing(CHEAT, row.variant, () => identity)))).toBe(`malformed_message:${CHEAT}`);
      return;
    }
    const { code, culprits } = expectedOf(row);
    expect(blamed(this.abortOf(this.altering(row.variant, identity)))).toBe(`${code}:${culprits.join()}`);
  }
}
