/**
 * What somebody puts before a judge: the messages of one run, and what the run was about.
 *
 * The messages are those that the transport has authenticated: by their senders, to their recipients, in the run of this
 * execution id, by one life of each sender. The accuser does not choose the setting: the judge has to know it from
 * the roster, from the execution id, or from what the accused itself has signed (`keyMaterialDigest`, the message).
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { checkArgument, fields, Flag, integerBetween, listOf, NonEmptyBytes, Text } from '../base/arguments.js';
import { DigestShape, hashMessage } from '../ecdsa.js';
import { PublicCoreJson } from '../key_share/core.js';
import { publicKeyMaterialJson, PublicKeyMaterialShape, type PublicKeyMaterial } from '../key_share/public_key_material.js';
import { ChainCodeShape, checkParties, checkThreshold, type ChainCodeMode } from '../keygen/context.js';
import { checkParams, ParamsShape, SECURITY_128, type SecurityParams } from '../params.js';
import { InvalidArgument } from '../base/errors.js';
import { NamedKeysShape, reshareContext, ReshareSettingShape, type ReshareSetting } from '../reshare/context.js';
import type { Recipient } from '../runtime/protocol.js';
import { IncomingMessageShape, type OutgoingMessage } from '../runtime/session.js';
import { round2Uni, thresholdKeygenRounds } from '../keygen/threshold_messages.js';
import { readMessage, type IncomingMessage } from '../runtime/message.js';
import { round4 } from '../signing/messages.js';
import { MAX_PATH_LENGTH } from '../signing/derivation.js';
import { PartialSignatureShape, type PartialSignature } from '../signing/presignature_data.js';
import { parseWith } from '../wire/parse.js';

/** A message of the run. Indices are those of the protocol, from 0: in signing, positions in the list of signers. */
export interface SignedMessage {
  readonly sender: number;
  readonly recipient: Recipient;
  readonly payload: string;
}

export interface KeygenSetting {
  readonly kind: 'keygen';
  readonly executionId: Uint8Array;
  /** n. */
  readonly parties: number;
  /** t; null for non-threshold key generation. */
  readonly threshold: number | null;
  readonly chainCode: ChainCodeMode;
  readonly reliableBroadcast: boolean;
}

export interface AuxInfoSetting {
  readonly kind: 'aux_info';
  readonly executionId: Uint8Array;
  /** n. */
  readonly parties: number;
  /** Pi^prm in the Rust crate's form. */
  readonly prmFirstWordOnly: boolean;
  readonly reliableBroadcast: boolean;
}

/** For presigning, signing, and a signature from a presignature. In the last case the run is the one that made the presignature. */
export interface SigningCaseSetting {
  readonly kind: 'signing';
  readonly executionId: Uint8Array;
  /** Key-share indices of the signers, in the run's order. */
  readonly signers: readonly number[];
  readonly key: PublicKeyMaterial;
  /** Public derivation below the key. */
  readonly path: readonly number[];
  /** What is hashed with SHA-256 and signed; null when nothing is yet, and with a digest. */
  readonly message: Uint8Array | null;
  /** The 32 bytes that are signed, when they are not SHA-256 of a message. */
  readonly digest?: Uint8Array | undefined;
  readonly reliableBroadcast: boolean;
  readonly identification: boolean;
}

export interface ReshareCaseSetting extends ReshareSetting {
  readonly kind: 'reshare';
}

export type Setting = KeygenSetting | AuxInfoSetting | SigningCaseSetting | ReshareCaseSetting;

export interface Case {
  readonly params: SecurityParams;
  readonly setting: Setting;
  readonly messages: readonly SignedMessage[];
}

/** The 32 bytes that are signed; null when nothing is yet. */
export function signedDigest({ message, digest }: SigningCaseSetting): Uint8Array | null {
  return digest ?? (message === null ? null : hashMessage(message));
}

const HexText = z.string().regex(/^([0-9a-f]{2})*$/, 'must be bytes in hex');
const BytesJson = z.codec(HexText, z.custom<Uint8Array>((x) => x instanceof Uint8Array), {
  decode: (hex) => hexToBytes(hex),
  encode: (bytes) => bytesToHex(bytes),
});
const Index = z.int().min(0).max(0xffff);

function caseJson(params: SecurityParams) {
  const run = { executionId: BytesJson, reliableBroadcast: z.boolean() };
  const keygen = z.strictObject({
    ...run,
    kind: z.literal('keygen'),
    parties: Index,
    threshold: Index.nullable(),
    chainCode: z.enum(['shared', 'none', 'absent']),
  });
  const auxInfo = z.strictObject({ ...run, kind: z.literal('aux_info'), parties: Index, prmFirstWordOnly: z.boolean() });
  const signing = z.strictObject({
    ...run,
    kind: z.literal('signing'),
    signers: z.array(Index).max(0xffff).readonly(),
    key: publicKeyMaterialJson(params),
    path: z.array(z.int().min(0).max(0x7fff_ffff)).max(MAX_PATH_LENGTH).readonly(),
    message: BytesJson.nullable(),
    digest: BytesJson.optional(),
    identification: z.boolean(),
  });
  const reshare = z.strictObject({
    kind: z.literal('reshare'),
    executionId: BytesJson,
    keys: z.array(z.strictObject({ keyId: z.string(), core: PublicCoreJson })).readonly(),
    dealers: z.array(Index).readonly(),
    parties: Index,
    threshold: Index,
  });
  return z.strictObject({
    version: z.literal(1),
    level: z.literal(params.name),
    setting: z.discriminatedUnion('kind', [keygen, auxInfo, signing, reshare]),
    messages: z.array(z.strictObject({ sender: Index, recipient: z.union([z.literal('all'), Index]), payload: z.string() })).readonly(),
  });
}

/** How many parties take part in the run. */
export function partiesOf(setting: Setting): number {
  switch (setting.kind) {
    case 'signing': return setting.signers.length;
    case 'reshare': return setting.dealers.length + setting.parties;
    case 'keygen':
    case 'aux_info': return setting.parties;
  }
}

const runShape = { executionId: NonEmptyBytes, reliableBroadcast: Flag };
const index = integerBetween(0, 0xffff);
const recipientShape = z.union([z.literal('all'), index], { error: "must be 'all' or an index" });
const MessagesShape = listOf(fields({ sender: index, recipient: recipientShape, payload: Text }));
const SettingShape = z.discriminatedUnion(
  'kind',
  [
    fields({ ...runShape, kind: z.literal('keygen'), parties: index, threshold: index.nullable(), chainCode: ChainCodeShape }),
    fields({ ...runShape, kind: z.literal('aux_info'), parties: index, prmFirstWordOnly: Flag }),
    fields({
      ...runShape,
      kind: z.literal('signing'),
      signers: listOf(index),
      key: PublicKeyMaterialShape,
      path: listOf(integerBetween(0, 0x7fff_ffff)),
      message: NonEmptyBytes.nullable(),
      digest: DigestShape.optional(),
      identification: Flag,
    }),
    fields({ kind: z.literal('reshare'), executionId: NonEmptyBytes, keys: NamedKeysShape, ...ReshareSettingShape }),
  ],
  { error: "must be a setting of kind 'keygen', 'aux_info', 'signing' or 'reshare'" },
);

/** @throws InvalidArgument naming the part that no run can have */
export function checkCase(submitted: Case): void {
  checkArgument('', fields({ params: ParamsShape, setting: SettingShape, messages: MessagesShape }), submitted);
  const { params, setting, messages } = submitted;
  const parties = partiesOf(setting);
  checkParties(0, parties);
  if (setting.kind === 'keygen' && setting.threshold !== null) checkThreshold(setting.threshold, parties);
  if (setting.kind === 'reshare') reshareContext(setting);
  if (setting.kind === 'signing' && setting.key.aux.params.name !== params.name) {
    throw new InvalidArgument('setting', 'the key is of another level');
  }
  if (setting.kind === 'signing' && setting.digest !== undefined && setting.message !== null) {
    throw new InvalidArgument('setting', 'a digest is signed, or a message');
  }
  for (const [k, { sender, recipient }] of messages.entries()) {
    if (sender >= parties) throw new InvalidArgument('messages', `${k}: no such sender`);
    const exists = recipient === 'all' || (recipient < parties && recipient !== sender);
    if (!exists) throw new InvalidArgument('messages', `${k}: no such recipient`);
  }
}

/**
 * Reads a case from its JSON text.
 * @param params the level that the judge knows the run to have had
 * @throws InvalidArgument naming the field
 */
export function parseCase(text: string, params: SecurityParams = SECURITY_128): Case {
  checkParams(params);
  const { setting, messages } = parseWith(caseJson(params), text, 'case');
  const parsed = { params, setting, messages };
  checkCase(parsed);
  return parsed;
}

/** JSON text; everything in it is public. @throws InvalidArgument */
export function serializeCase(submitted: Case): string {
  checkCase(submitted);
  const { params, setting, messages } = submitted;
  return JSON.stringify(z.encode(caseJson(params), { version: 1, level: params.name, setting, messages }));
}

export interface OwnRecord {
  /** The index of the party that kept the record. */
  readonly index: number;
  readonly received: readonly IncomingMessage[];
  readonly sent: readonly OutgoingMessage[];
  /** The parties that it is going to accuse. */
  readonly culprits: readonly number[];
}

const OwnRecordShape = fields({
  index,
  received: listOf(IncomingMessageShape),
  sent: listOf(fields({ to: z.union([z.literal('all'), index], { error: "must be 'all' or an index" }), payload: Text })),
  culprits: listOf(index),
});

/**
 * The messages of a run, from the record of one party. Messages with a share of a key are left out unless an accused party has
 * sent them: the others would reveal the share of the party that kept the record.
 * @throws InvalidArgument
 */
export function messagesOfRecord(record: OwnRecord): SignedMessage[] {
  checkArgument('', OwnRecordShape, record);
  const { index: own, received, sent, culprits } = record;
  const all = [
    ...received.map(({ sender, broadcast, payload }): SignedMessage => ({ sender, recipient: broadcast ? 'all' : own, payload })),
    ...sent.map(({ to, payload }): SignedMessage => ({ sender: own, recipient: to, payload })),
  ];
  return all.filter((message) => culprits.includes(message.sender) || !carriesShare(message));
}

function carriesShare({ sender, payload }: SignedMessage): boolean {
  const read = readMessage(thresholdKeygenRounds, { sender, broadcast: false, payload });
  return 'round' in read && read.round === round2Uni;
}

/** The message that stands for a partial signature which was signed, but not sent as a message of the run. @throws InvalidArgument */
export function partialSignatureMessage(sender: number, partial_sig: PartialSignature): SignedMessage {
  checkArgument('sender', index, sender);
  checkArgument('partial_sig', PartialSignatureShape, partial_sig);
  return { sender, recipient: 'all', payload: JSON.stringify({ [round4.variant]: z.encode(round4.body, { partial_sig }) }) };
}
