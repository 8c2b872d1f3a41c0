import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { seal } from 'sealing/envelope';
import type { Evidence } from '../../src/evidence/evidence.js';
import { settingDigest } from '../../src/mail/session_setting.js';
import { inFolder } from 'testkit/folder';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { runProgram, type Ran } from './run_program.js';

const { roster, identities } = members(4, 3);
const setting = { protocol: 'keygen', execution_id: 'k', participants: [0, 1, 2, 3], key_material: null, message: null } as const;

/** What the program says of messages that node-2 has sent in the first round of key generation. */
async function verify(...messages: string[]): Promise<Ran> {
  const place = { namespace: 'messages', session: 'keygen', incarnation: 'a', setting: settingDigest(setting), to: '*', round: 1 } as const;
  const texts = await Promise.all(messages.map((message) => seal(present(identities[1]), roster, place, message)));
  const evidence: Evidence = {
    ...{ format: 'threshold-signing-evidence', version: 1, roster: roster.hash },
    ...{ accuser: 'node-1', accused: ['node-2'], code: 'x', round: 'y' },
    ...{ setting, key: null, envelopes: texts.map((text) => ({ text, disclosure: null })), partial_signatures: [], message: null },
  };
  return inFolder(async (folder) => {
    const [file, rosterFile] = [join(folder, 'evidence.json'), join(folder, 'roster.json')];
    await writeFile(file, JSON.stringify(evidence));
    await writeFile(rosterFile, roster.serialize());
    return runProgram('verify_evidence', file, '--roster', rosterFile);
  });
}

const commitment = (byte: number): string => JSON.stringify({ Round1: { commitment: Array<number>(32).fill(byte) } });

describe('verify-evidence', () => {
  it('says who has cheated, and by what', async () => {
    const stdout = '✓ node-2 has cheated: contradicting_messages in Round1 (two different messages)\n';
    expect(await verify(commitment(1), commitment(2))).toEqual({ code: 0, stdout, stderr: '' });
    const malformed = expect.stringMatching(/^✓ node-2 has cheated: malformed_message in Round1 /);
    expect(await verify('{"Round1":7}')).toMatchObject({ code: 0, stdout: malformed });
  });

  it('says that nothing is proven', async () => {
    expect(await verify(commitment(1))).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^✗ .* proves nothing\n$/) });
  });

  it('says what it needs', async () => {
    const called = (...args: string[]) => runProgram('verify_evidence', ...args);
    const unreadable = expect.stringMatching(/^nowhere\.json: cannot be read \(ENOENT\)/);
    const usage = expect.stringMatching(/^Usage: verify-evidence/);
    expect(await called('nowhere.json', '--roster', 'nowhere.json')).toMatchObject({ code: 1, stderr: unreadable });
    expect(await called('x')).toMatchObject({ code: 2, stderr: expect.stringMatching(/roster/) });
    expect(await called('--help')).toMatchObject({ code: 0, stdout: usage });
  });
});
