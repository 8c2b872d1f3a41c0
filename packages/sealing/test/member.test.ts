import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadMember, loadRoster, type MemberFiles } from '../src/member.js';
import { SealKey, type SealKeySource } from '../src/seal_key.js';
import { sealText } from '../src/sealed_file.js';
import { identityText } from 'testkit/fixed_identity';
import { refusal, roster } from './support.js';

let folder: string;
let source: SealKeySource;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'member-'));
  source = { kind: 'key-file', path: await put('key', 'a'.repeat(64)) };
});
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}
async function files(identity = identityText('node-2'), owner = 'node-2', text = roster.serialize()): Promise<MemberFiles> {
  const sealed = await sealText(await SealKey.open(source), { purpose: 'identity', owner }, identity);
  return { roster: await put('roster.json', text), identity: await put('identity', sealed) };
}

describe('what a member starts with', () => {
  it('is its roster, its identity in it, and its key', async () => {
    const member = await loadMember('node-2', await files(), source);
    expect([member.roster.hash, member.identity.name, member.sealKey.kind]).toEqual([roster.hash, 'node-2', 'key']);
    const clear = { ...(await files()), identity: await put('clear', identityText('gateway')) };
    expect((await loadMember('gateway', clear, { kind: 'none' })).sealKey.kind).toBe('none');
  });

  it('is refused when the roster is missing or wrong, naming the file', async () => {
    const good = await files();
    const nowhere = join(folder, 'nowhere');
    expect(await refusal(() => loadMember('node-2', { ...good, roster: nowhere }, source))).toBe(
      `${nowhere}: cannot be read (ENOENT). Copy it from another member, or restore the backup. `
      + 'For a new cluster the program make-cluster makes one',
    );
    const wrong = await put('wrong', '{"version":1}');
    expect(await refusal(() => loadRoster(wrong))).toMatch(/wrong: roster: cluster: /);
  });

  it('is refused when the identity is missing, another one, or not in the roster, naming the file', async () => {
    const good = await files();
    const nowhere = join(folder, 'nowhere');
    expect(await refusal(() => loadMember('node-2', { ...good, identity: nowhere }, source))).toBe(
      `${nowhere}: cannot be read (ENOENT). Restore it from its backup. `
      + 'For a new cluster the programs make-cluster and make-identity make one',
    );
    expect(await refusal(async () => loadMember('node-3', await files(), source))).toMatch(
      /identity: it was sealed as identity of node-2, and it should be identity of node-3/,
    );
    expect(await refusal(async () => loadMember('node-2', await files(identityText('node-1')), source))).toBe(
      `${good.identity}: it is the identity of node-1, not of node-2`,
    );
    expect(await refusal(async () => loadMember('node-2', await files(identityText('node-2', ' of another world')), source))).toBe(
      `${good.roster}: roster: it has other keys for node-2 than this identity`,
    );
    expect(await refusal(async () => loadMember('node-4', await files(identityText('node-4'), 'node-4'), source))).toBe(
      `${good.roster}: roster: there is no node-4 in it`,
    );
    expect(await refusal(async () => loadMember('node-2', await files('{"name":"node-2"}'), source))).toMatch(
      /identity: identity: signing_key: /,
    );
  });

  it('is refused when the key cannot be had, naming the variable', async () => {
    const path = join(folder, 'no-key');
    expect(await refusal(async () => loadMember('node-2', await files(), { kind: 'key-file', path }))).toBe(
      `SEAL_KEY: ${path}: cannot be read (ENOENT)`,
    );
  });
});
