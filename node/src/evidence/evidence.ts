/**
 * Evidence that a node has cheated: signed envelopes, what their recipient found in them, and what the session was about. Whoever has the
 * roster can verify the envelopes, and then makes the failed check again. Nothing in the evidence is believed because the accuser says so:
 * with each of its messages the accused has signed a hash of what the session was about.
 */
import {
  judge,
  keyMaterialDigest,
  partialSignatureMessage,
  publicKeyMaterialJson,
  ScalarJson,
  type Case,
  type SecurityParams,
  type Setting,
  type SignedMessage,
  type Verdict,
} from 'cggmp24';
import { digestOf, PayloadHashSchema, PayloadKindSchema, payloadProblem, payloadSha256, type Payload } from 'message-board/payload';
import { DisclosureSchema, openDisclosed } from 'sealing/envelope';
import { Refused } from 'sealing/errors';
import { MemberNameSchema } from 'sealing/identity';
import { parseJson } from 'sealing/json';
import { PARTIAL_SIGNATURE } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import { z } from 'zod';
import { settingDigest, SessionSettingSchema, type SessionSetting } from '../mail/session_setting.js';
import { nodeId } from '../base/utils.js';

export const EnvelopeSchema = z.strictObject({ text: z.string(), disclosure: DisclosureSchema.nullable() });
export type DisclosedEnvelope = z.infer<typeof EnvelopeSchema>;

export const EvidenceSchema = z.strictObject({
  format: z.literal('threshold-signing-evidence'),
  version: z.literal(1),
  /** Its hash. */
  roster: z.string(),
  accuser: MemberNameSchema,
  /** Who is accused of what. Whoever reads the evidence judges that anew. */
  accused: z.array(MemberNameSchema).min(1),
  code: z.string(),
  round: z.string(),
  setting: SessionSettingSchema,
  /** The key's public material; null before there is a key. */
  key: z.json(),
  envelopes: z.array(EnvelopeSchema),
  /** Statements of partial signatures of `message`, when one of them is wrong. */
  partial_signatures: z.array(z.string()),
  message: z.string().nullable(),
  /** What `message` is, and how it is hashed, as in a request. */
  kind: PayloadKindSchema.optional(),
  hash: PayloadHashSchema.optional(),
});
export type Evidence = z.infer<typeof EvidenceSchema>;

/** A cheat, proven. */
export interface Conviction {
  /** `node-2`. */
  readonly member: string;
  readonly code: string;
  readonly round: string;
  /** The check that failed. */
  readonly reason: string;
}

/**
 * Who has cheated, by this evidence. At full size this may take seconds.
 * @param text of the file
 * @throws Refused when it is not evidence about this cluster, or somebody has changed it
 */
export async function convictions(roster: Roster, params: SecurityParams, text: string): Promise<Conviction[]> {
  const evidence = parseJson(EvidenceSchema, text, 'evidence');
  if (evidence.roster !== roster.hash) throw new Refused('roster: it is of another cluster');
  const { participants } = evidence.setting;
  if (participants.some((party) => party >= roster.n)) throw new Refused('participants: the cluster has fewer nodes');
  const messages = await authenticated(roster, evidence.setting, evidence.envelopes);
  const partials = await authenticatedPartials(roster, evidence);
  const judged = (): readonly Verdict[] => judge(caseOf(roster, params, evidence, [...messages, ...partials.messages]));
  const verdicts = partials.malformed.length > 0 ? partials.malformed : judged();
  return verdicts.map(({ party, code, round, reason }) => ({ member: nodeId(participants[party] ?? party), code, round, reason }));
}

/** The messages in these envelopes. @throws Refused unless all are of this session, and those of each sender of one life */
export async function authenticated(
  roster: Roster,
  setting: SessionSetting,
  envelopes: readonly DisclosedEnvelope[],
): Promise<SignedMessage[]> {
  const digest = settingDigest(setting);
  const lives = new Map<string, string>();
  const messages: SignedMessage[] = [];
  for (const [k, { text, disclosure }] of envelopes.entries()) {
    const { place, plaintext } = await openDisclosed(roster, text, disclosure);
    const { from, to, incarnation } = place;
    if (place.setting !== digest) throw new Refused(`envelopes.${k}: it is of a session about something else`);
    // What a node says in two lives is no contradiction.
    if ((lives.get(from) ?? incarnation) !== incarnation) throw new Refused(`envelopes.${k}: it is of another life of ${from}`);
    lives.set(from, incarnation);
    messages.push({ sender: positionOf(setting, from), recipient: to === '*' ? 'all' : positionOf(setting, to), payload: plaintext });
  }
  return messages;
}

function positionOf({ participants }: SessionSetting, member: string): number {
  const position = participants.findIndex((party) => nodeId(party) === member);
  if (position < 0) throw new Refused(`${member} does not take part in the session`);
  return position;
}

interface PartialSignatures {
  readonly messages: readonly SignedMessage[];
  /** Partial signatures that are no scalars. */
  readonly malformed: readonly Verdict[];
}

/** What the partial signatures are of; null when there are none. */
function signedPayload({ message, kind, hash }: Evidence): Payload | null {
  return message === null ? null : checked({ message, kind, hash });
}

/** @throws Refused when nobody could have asked for it */
function checked(payload: Payload): Payload {
  const wrong = payloadProblem(payload);
  if (wrong !== undefined) throw new Refused(`${wrong.field}: it ${wrong.problem}`);
  return payload;
}

async function authenticatedPartials(roster: Roster, evidence: Evidence): Promise<PartialSignatures> {
  const { setting, partial_signatures } = evidence;
  const payload = signedPayload(evidence);
  const messages: SignedMessage[] = [];
  const malformed: Verdict[] = [];
  for (const statement of partial_signatures) {
    const { signer, claims } = await verify(roster, PARTIAL_SIGNATURE, statement);
    const party = positionOf(setting, signer);
    if (claims.presignature_id !== setting.execution_id) throw new Refused('partial_signatures: one is of another presignature');
    const isOfMessage = payload !== null && claims.message_sha256 === payloadSha256(payload);
    if (!isOfMessage) throw new Refused('partial_signatures: one is of another message');
    const sigma = z.safeDecode(ScalarJson, { curve: 'secp256k1', scalar: claims.sigma });
    if (sigma.success) messages.push(partialSignatureMessage(party, { sigma: sigma.data }));
    else malformed.push({ party, code: 'malformed_message', round: 'partial signature', reason: 'sigma < q' });
  }
  return { messages, malformed };
}

function caseOf(roster: Roster, params: SecurityParams, evidence: Evidence, messages: readonly SignedMessage[]): Case {
  const { n: parties, t: threshold } = roster;
  const { setting, key } = evidence;
  const executionId = new TextEncoder().encode(setting.execution_id);
  const run = { executionId, reliableBroadcast: true };
  switch (setting.protocol) {
    case 'keygen':
      return { params, messages, setting: { ...run, kind: 'keygen', parties, threshold, chainCode: 'shared' } };
    case 'aux_info':
      return { params, messages, setting: { ...run, kind: 'aux_info', parties, prmFirstWordOnly: false } };
    case 'presign':
    case 'sign':
      return { params, messages, setting: signingSetting(run, params, setting, key, digestIn(evidence)) };
  }
}

/** The 32 bytes that are signed, as the session or the statements say; null when nothing is yet. */
function digestIn(evidence: Evidence): Uint8Array | null {
  const { message, digest } = evidence.setting;
  if (digest !== undefined) return digestOf(checked({ message: digest, kind: 'digest' }));
  const payload = message === null ? signedPayload(evidence) : checked({ message });
  return payload === null ? null : digestOf(payload);
}

function signingSetting(
  run: { readonly executionId: Uint8Array; readonly reliableBroadcast: boolean },
  params: SecurityParams,
  { participants: signers, key_material }: SessionSetting,
  keyJson: Evidence['key'],
  digest: Uint8Array | null,
): Setting {
  const key = publicKeyMaterialJson(params).safeParse(keyJson);
  if (!key.success) throw new Refused(`key: ${key.error.issues[0]?.message ?? 'it is not the material of a key'}`);
  if (keyMaterialDigest(key.data) !== key_material) throw new Refused('key: the session was about another key');
  const signed = { message: null, digest: digest ?? undefined };
  return { ...run, kind: 'signing', signers, key: key.data, path: [], ...signed, identification: true };
}
