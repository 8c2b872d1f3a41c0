import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { keygen } from 'cggmp24';
import { SMALL_FOR_TESTS as params } from 'cggmp24/testing';
import { freshSalt, seal } from 'sealing/envelope';
import type { Accusation } from '../../src/evidence/accusation.js';
import { convictions, type Evidence } from '../../src/evidence/evidence.js';
import { EvidenceFolder } from '../../src/evidence/evidence_folder.js';
import type { TravellingMessage } from '../../src/mail/seals.js';
import { settingDigest, type SessionSetting } from '../../src/mail/session_setting.js';
import { memoryLog } from '../util/cluster.js';
import { inFolder } from 'testkit/folder';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';

const { roster, identities } = members(4, 3);
const setting: SessionSetting = { protocol: 'keygen', execution_id: 'k', participants: [0, 1, 2, 3], key_material: null, message: null };
const executionId = new TextEncoder().encode('k');

/** A first message of key generation by this party, another one each time. */
function commitment(index: number): string {
  const step = keygen({ executionId, index, parties: 4, threshold: 3 }).proceed();
  if (step.kind !== 'send') throw new Error('it begins by sending');
  return step.message.payload;
}

interface Change {
  readonly to?: string;
  readonly incarnation?: string;
  readonly about?: SessionSetting;
}

async function sealed(index: number, plaintext: string, change: Change = {}): Promise<TravellingMessage> {
  const { to = '*', incarnation = 'a', about = setting } = change;
  const salt = freshSalt();
  const round = to === '*' ? 1 : 3;
  const place = { namespace: 'messages', session: 'keygen', incarnation, setting: settingDigest(about), to, round } as const;
  const text = await seal(present(identities[index]), roster, place, plaintext, salt);
  return { text, plaintext, disclosure: to === '*' ? null : { salt, plaintext } };
}

/** The file of an accusation of node-2 by node-1. */
async function saved(received: readonly TravellingMessage[], sent: readonly TravellingMessage[] = [], party = 1): Promise<string> {
  return inFolder(async (folder) => {
    const { logger } = memoryLog();
    const record = { kind: 'session', requestId: 'keygen', setting, received, sent } as const;
    const accusation: Accusation = { code: 'contradicting_messages', round: 'Round1', blame: [{ party, reason: 'x' }], record };
    await new EvidenceFolder({ folder, roster, params, index: 0, key: null, logger }).save(accusation);
    const [name = 'none'] = await readdir(folder);
    return readFile(join(folder, name), 'utf8');
  });
}

const judged = (text: string): Promise<string> =>
  convictions(roster, params, text).then(
    (found) => found.map(({ member, code }) => `${member} ${code}`).join() || 'nothing',
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'),
  );
const twoCommitments = async (): Promise<TravellingMessage[]> => [await sealed(1, commitment(1)), await sealed(1, commitment(1))];
const altered = (text: string, change: (evidence: Evidence) => unknown): string => {
  const evidence = JSON.parse(text) as Evidence;
  return JSON.stringify({ ...evidence, ...(change(evidence) as object) });
};
const forOneNode = (): Promise<TravellingMessage> => sealed(1, '{"Round2Uni":{"sigma":7}}', { to: 'node-1' });
const withFirst = (text: string, change: (first: Evidence['envelopes'][number] | undefined) => object): string =>
  altered(text, ({ envelopes: [first, ...more] }) => ({ envelopes: [{ ...first, ...change(first) }, ...more] }));
const anotherSetting = (change: Partial<SessionSetting>) => (evidence: Evidence) => ({ setting: { ...evidence.setting, ...change } });
const ABOUT_SOMETHING_ELSE = 'Refused: envelopes.0: it is of a session about something else';

describe('evidence', () => {
  it('of two messages for one round convicts their sender', async () => {
    expect(await judged(await saved(await twoCommitments()))).toBe('node-2 contradicting_messages');
  });

  it('of a malformed message for one node convicts its sender, by what the recipient discloses', async () => {
    expect(await judged(await saved([await forOneNode()]))).toBe('node-2 malformed_message');
  });

  it('proves nothing against who has sent one message, whatever its accuser says', async () => {
    const text = await saved([await sealed(1, commitment(1)), await sealed(2, commitment(2))]);
    expect(await judged(text)).toBe('nothing');
    expect(await judged(altered(text, () => ({ accused: ['node-3'], code: 'invalid_share' })))).toBe('nothing');
  });
  const brokenSignature = ({ envelopes: [first, ...more] }: Evidence) => {
    const text = `${first?.text.slice(0, -4) ?? ''}AAAA`;
    return { envelopes: [{ ...first, text }, ...more] };
  };

  it.each<[string, (evidence: Evidence) => unknown, string]>([
    ['a message is left out', ({ envelopes }) => ({ envelopes: envelopes.slice(1) }), 'nothing'],
    ['a message is shown twice', ({ envelopes: [first] }) => ({ envelopes: [first, first] }), 'nothing'],
    ['others are accused', () => ({ accused: ['node-3'] }), 'node-2 contradicting_messages'],
    ['it is of other parties', anotherSetting({ participants: [1, 0, 2, 3] }), ABOUT_SOMETHING_ELSE],
    ['it is of another execution', anotherSetting({ execution_id: 'l' }), ABOUT_SOMETHING_ELSE],
    ['it is of another protocol', anotherSetting({ protocol: 'aux_info' }), ABOUT_SOMETHING_ELSE],
    ['it is of another cluster', () => ({ roster: '0'.repeat(64) }), 'Refused: roster: it is of another cluster'],
    [
      'its parties are not in the cluster',
      anotherSetting({ participants: [0, 1, 2, 7] }),
      'Refused: participants: the cluster has fewer nodes',
    ],
    ['it is of a later version', () => ({ version: 2 }), 'Refused: evidence: version: Invalid input: expected 1'],
    ['there is more in it', () => ({ also: 1 }), 'Refused: evidence: Unrecognized key: "also"'],
    ['a signature is broken', brokenSignature, 'Refused: the signature of node-2 is not valid'],
  ])('is judged by its envelopes alone: %s', async (_, change, verdict) => {
    expect(await judged(altered(await saved(await twoCommitments()), change))).toBe(verdict);
  });

  it('does not convict one who has said two things in two lives, or in two sessions', async () => {
    const text = await saved(await twoCommitments());
    const show = async (second: Change): Promise<string> => {
      const messages = [await sealed(1, commitment(1)), await sealed(1, commitment(1), second)];
      const envelopes = messages.map(({ text: shown, disclosure }) => ({ text: shown, disclosure }));
      return judged(altered(text, () => ({ envelopes })));
    };
    expect(await show({ incarnation: 'b' })).toBe('Refused: envelopes.1: it is of another life of node-2');
    const about = { ...setting, execution_id: 'another' };
    expect(await show({ about })).toMatch(/^Refused: envelopes.1: it is of a session about something else/);
  });

  it('does not take another plaintext for the one that was signed', async () => {
    const text = await saved([await forOneNode()]);
    const disclose = (change: object) => judged(withFirst(text, (first) => ({ disclosure: { ...first?.disclosure, ...change } })));
    const otherPlaintext = { plaintext: '{"Round2Uni":{"sigma":8}}' };
    expect(await disclose(otherPlaintext)).toBe('Refused: disclosure: it is not of what was signed');
    expect(await disclose({ salt: freshSalt() })).toBe('Refused: disclosure: it is not of what was signed');
    expect(await judged(withFirst(text, () => ({ disclosure: null })))).toMatch(/^Refused: disclosure: /);
  });

  it('shows no share of a key but those of the accused', async () => {
    const share = (sigma: string): string => JSON.stringify({ Round2Uni: { sigma: { curve: 'secp256k1', scalar: sigma.repeat(32) } } });
    const of = async (index: number, to: string, sigma: string): Promise<TravellingMessage> => sealed(index, share(sigma), { to });
    const received = [...(await twoCommitments()), await of(1, 'node-1', '11'), await of(2, 'node-1', '22')];
    const text = await saved(received, [await of(0, 'node-3', '33')]);
    expect(['11', '22', '33'].map((digits) => text.includes(digits.repeat(32)))).toEqual([true, false, false]);
    expect(await judged(text)).toBe('node-2 contradicting_messages');
  });
});

describe('a folder of evidence', () => {
  it('convicts again after a restart; a file that proves nothing is passed over, and said', async () => {
    await inFolder(async (folder) => {
      const { logger, lines } = memoryLog();
      const options = { folder: join(folder, 'evidence'), roster, params, index: 0, key: null, logger };
      expect(await new EvidenceFolder(options).load()).toEqual([]);
      const record = { kind: 'session', requestId: 'keygen', setting, received: await twoCommitments(), sent: [] } as const;
      const blame = [{ party: 1, reason: 'x' }];
      await new EvidenceFolder(options).save({ code: 'contradicting_messages', round: 'Round1', blame, record });
      await writeFile(join(options.folder, '0.json'), '{}');
      expect((await new EvidenceFolder(options).load()).map(({ member }) => member)).toEqual(['node-2']);
      expect(lines.map(({ event }) => event)).toEqual(['evidence_saved', 'evidence_refused']);
    });
  });

  it('says when there is nothing to show', async () => {
    await inFolder(async (folder) => {
      const { logger, lines } = memoryLog();
      const record = { kind: 'partial_signature', requestId: 'req_1', payload: { message: 'm' }, making: null, statements: [] } as const;
      const folderOf = new EvidenceFolder({ folder, roster, params, index: 0, key: null, logger });
      await folderOf.save({ code: 'invalid_partial_signature', round: 'combine', blame: [{ party: 1, reason: 'x' }], record });
      expect(lines).toMatchObject([{ event: 'evidence_not_saved' }]);
    });
  });
});
