import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messagesOfRecord, publicKeyMaterialJson, type PublicKeyMaterial, type SecurityParams } from 'cggmp24';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';
import { z } from 'zod';
import type { Accusation } from './accusation.js';
import { authenticated, convictions, EvidenceSchema, type Conviction, type Evidence, type DisclosedEnvelope } from './evidence.js';
import type { SessionRecord } from '../mail/session_record.js';
import { isMissing, readIfThere, writeNew } from '../storage/files.js';
import { nodeId } from '../base/utils.js';
import { sha256 } from '../base/sha256.js';

export interface EvidenceFolderOptions {
  readonly folder: string;
  readonly roster: Roster;
  readonly params: SecurityParams;
  /** Party index of this node. */
  readonly index: number;
  /** The key that sessions are about; null before there is one. */
  readonly key: PublicKeyMaterial | null;
  readonly logger: Logger;
}

/** Where a node keeps evidence against others: one file for each accusation. Files are never changed. */
export class EvidenceFolder {
  constructor(private readonly options: EvidenceFolderOptions) {}

  /** Saves what shows that an accusation is right. Never throws: a failure is logged, and the node goes on. */
  async save(accusation: Accusation): Promise<void> {
    const { folder, logger } = this.options;
    try {
      const text = JSON.stringify(await this.#evidence(accusation));
      const path = join(folder, `${sha256(text).slice(0, 32)}.json`);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeNew(path, text);
      const accused = accusation.blame.map(({ party }) => nodeId(party));
      logger.info({ event: 'evidence_saved', path, accused }, 'Evidence saved: verify-evidence checks it');
    } catch (error) {
      logger.error({ event: 'evidence_not_saved', err: error }, 'Evidence could not be saved');
    }
  }

  /** Whom the files convict, judged anew. A file that proves nothing is logged and left as it is. */
  async load(): Promise<Conviction[]> {
    const { folder, roster, params, logger } = this.options;
    const found: Conviction[] = [];
    for (const name of await filesIn(folder)) {
      const path = join(folder, name);
      try {
        const text = (await readIfThere(path)) ?? '';
        found.push(...(await convictions(roster, params, text)));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        logger.warn({ event: 'evidence_refused', path, reason: error.message }, 'A file of evidence proves nothing');
      }
    }
    return found;
  }

  async #evidence({ code, round, blame, record }: Accusation): Promise<Evidence> {
    const { roster, params, index, key } = this.options;
    const session = record.kind === 'session' ? record : record.making;
    const signed = record.kind === 'session' ? null : record.payload;
    if (session === null) throw new Error('nobody has signed how the presignature was made');
    const culprits = blame.map(({ party }) => party);
    return EvidenceSchema.parse({
      format: 'threshold-signing-evidence',
      version: 1,
      roster: roster.hash,
      accuser: nodeId(index),
      accused: culprits.map(nodeId),
      code,
      round,
      setting: session.setting,
      key: session.setting.key_material === null || key === null ? null : z.encode(publicKeyMaterialJson(params), key),
      envelopes: await this.#envelopes(session, culprits),
      partial_signatures: record.kind === 'session' ? [] : record.statements,
      message: signed?.message ?? null,
      kind: signed?.kind,
      hash: signed?.hash,
    } satisfies Record<keyof Evidence, unknown>);
  }

  /** The envelopes that may be disclosed: they show no share of a key except those that the accused have sent. */
  async #envelopes({ setting, received, sent }: SessionRecord, culprits: readonly number[]): Promise<DisclosedEnvelope[]> {
    const position = (party: number): number => setting.participants.indexOf(party);
    const all = [...received, ...sent].map(({ text, disclosure }) => ({ text, disclosure }));
    const messages = await authenticated(this.options.roster, setting, all);
    const own = position(this.options.index);
    const shown = messagesOfRecord({
      index: own,
      received: messages
        .filter(({ sender }) => sender !== own)
        .map(({ sender, recipient, payload }) => ({ sender, broadcast: recipient === 'all', payload })),
      sent: messages.filter(({ sender }) => sender === own).map(({ recipient: to, payload }) => ({ to, round: 0, payload })),
      culprits: culprits.map(position),
    });
    const payloads = new Set(shown.map(({ sender, payload }) => `${sender} ${payload}`));
    return all.filter((_, k) => {
      const message = messages[k];
      return message !== undefined && payloads.has(`${message.sender} ${message.payload}`);
    });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
