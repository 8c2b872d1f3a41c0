import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodePoint, serializeAuxInfo, serializeCoreKeyShare, type KeyShare } from 'cggmp24';
import { Roster } from 'sealing/roster';
import { SealKey, SealKeySourceSchema } from 'sealing/seal_key';
import { openText, sealText, type Label } from 'sealing/sealed_file';
import { identityText } from 'testkit/fixed_identity';
import { recordedShares } from 'testkit/key_shares';
import { members } from 'testkit/roster';
import { present } from 'testkit/present';
import { lockRunning } from '../../src/storage/running_lock.js';
import { runProgram } from './run_program.js';

const { roster } = members(3, 2);
let root: string;
/** SPECs by name. */
let keys: Record<'node' | 'backup' | 'new', string>;
let shares: readonly KeyShare[];
let data: string;
let backup: string;
let rosterFile: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'backup-'));
  const put = async (name: string, text: string): Promise<string> => {
    await writeFile(join(root, name), text, { mode: 0o600 });
    return join(root, name);
  };
  keys = {
    node: `key-file:${await put('node', 'a'.repeat(64))}`,
    backup: `passphrase-file:${await put('backup', 'correct horse battery\n')}`,
    new: `key-file:${await put('new', 'b'.repeat(64))}`,
  };
  rosterFile = await put('roster.json', roster.serialize());
  shares = recordedShares();
  data = await dataFolder('data');
  backup = join(root, 'backup.json');
  expect(await backUp()).toEqual({ code: 0, stdout: `✓ ${backup}: key share, auxiliary info and identity of node-2\n`, stderr: '' });
}, 120_000);
afterAll(() => rm(root, { recursive: true }));

const open = (spec: string): Promise<SealKey> => SealKey.open(SealKeySourceSchema.parse(spec));

/** The data folder of node-2. @param index whose share it has */
async function dataFolder(name: string, { index = 1, spec = keys.node, auxOf = 1 } = {}): Promise<string> {
  const folder = await mkdtemp(join(root, `${name}-`));
  const [sealKey, owner] = [await open(spec), 'node-2'];
  const texts: [string, Label['purpose'], string][] = [
    ['identity_node-2.json', 'identity', identityText('node-2')],
    ['key_share_node-2.json', 'key-share', serializeCoreKeyShare(present(shares[index]).core)],
    ['aux_info_node-2.json', 'aux-info', serializeAuxInfo(present(shares[auxOf]).aux)],
  ];
  for (const [file, purpose, text] of texts) await writeFile(join(folder, file), await sealText(sealKey, { purpose, owner }, text));
  await writeFile(join(folder, 'roster.json'), roster.serialize());
  await writeFile(join(folder, 'executions_node-2.log'), 'keygen\n');
  return folder;
}

const coreText = (): string => serializeCoreKeyShare(present(shares[1]).core);
const SHARE_FILE = 'key_share_node-2.json';
/** A command that fails. */
const failure = (code: number, why: RegExp) => ({ code, stderr: expect.stringMatching(why) });

const backUp = (from = data, out = backup) => {
  const specs = ['--seal-key', keys.node, '--backup-key', keys.backup];
  return runProgram('backup_share', '--data', from, '--name', 'node-2', ...specs, '--out', out);
};
const restore = (to: string, { file = backup, spec = keys.backup, against = rosterFile } = {}) =>
  runProgram('restore_share', '--backup', file, '--backup-key', spec, '--roster', against, '--data', to, '--seal-key', keys.new);

async function openFile(path: string, spec: string, purpose: Label['purpose']): Promise<string> {
  return openText(await open(spec), { purpose, owner: 'node-2' }, await readFile(path, 'utf8'));
}
const folderWithoutShare = async (): Promise<string> => {
  const folder = await dataFolder('none');
  await rm(join(folder, SHARE_FILE));
  return folder;
};

describe('a backup', () => {
  it('is one encrypted file for its owner alone, with no presignature and no journal in it', async () => {
    expect((await stat(backup)).mode & 0o777).toBe(0o600);
    const content = JSON.parse(await openFile(backup, keys.backup, 'backup')) as Record<string, string>;
    expect(Object.keys(content)).toEqual(['roster', 'identity', 'key_share', 'aux_info']);
    expect(content.key_share).toBe(coreText());
    const secret = present(shares[1]).core.secretShare.reveal().toString(16);
    const file = await readFile(backup, 'utf8');
    const parts = file.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    for (const text of [file, ...parts]) expect(text).not.toContain(secret);
  });

  it('becomes a data folder again, under another key', async () => {
    const to = join(root, 'restored');
    expect(await restore(to)).toEqual({ code: 0, stdout: `✓ ${to}: ready to be the data folder of node-2\n`, stderr: '' });
    expect((await readdir(to)).sort()).toEqual(
      ['audit_node-2.head.log', 'audit_node-2.log', 'aux_info_node-2.json', 'identity_node-2.json', SHARE_FILE, 'roster.json'],
    );
    const [line, ...more] = (await readFile(join(to, 'audit_node-2.log'), 'utf8')).trimEnd().split('\n');
    const backup_sha256 = createHash('sha256').update(await readFile(backup)).digest('hex');
    const fields = { node: 'node-2', roster: roster.hash, backup_sha256 };
    expect([JSON.parse(line ?? ''), more]).toMatchObject([{ sequence: 1, event: 'restored', fields }, []]);
    expect((await stat(to)).mode & 0o777).toBe(0o700);
    expect(await openFile(join(to, SHARE_FILE), keys.new, 'key-share')).toBe(coreText());
    expect(await openFile(join(to, 'aux_info_node-2.json'), keys.new, 'aux-info')).toBe(serializeAuxInfo(present(shares[1]).aux));
    expect(await openFile(join(to, 'identity_node-2.json'), keys.new, 'identity')).toBe(identityText('node-2'));
    expect(Roster.parse(await readFile(join(to, 'roster.json'), 'utf8')).hash).toBe(roster.hash);
  });

  it('is made with a warning when its key and that of the files are one file', async () => {
    const out = join(root, 'one_key.json');
    const specs = ['--seal-key', keys.node, '--backup-key', keys.node];
    const made = await runProgram('backup_share', '--data', data, '--name', 'node-2', ...specs, '--out', out);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Warning: the backup key and the seal key are one file\./) });
    expect(await runProgram('restore_share', '--backup', out, '--backup-key', keys.node, '--roster', rosterFile,
      '--data', join(root, 'one_key'), '--seal-key', keys.node)).toMatchObject(
      { code: 0, stderr: expect.stringMatching(/^Warning: the backup key and the seal key are one file\./) },
    );
  });

  it('that is made or restored with a wrong key: the complaint names the file and the option', async () => {
    const gone = `key-file:${join(root, 'gone')}`;
    const noBackupKey = /^--backup-key: \S+gone: cannot be read \(ENOENT\)\n$/;
    expect(await restore(join(root, 'wrong'), { spec: gone })).toMatchObject(failure(1, noBackupKey));
    const make = (seal: string, key: string) => runProgram(
      'backup_share', '--data', data, '--name', 'node-2', '--seal-key', seal, '--backup-key', key, '--out', join(root, 'wrong_key.json'),
    );
    expect(await make(keys.node, gone)).toMatchObject(failure(1, noBackupKey));
    expect(await make(gone, keys.backup)).toMatchObject(failure(1, /^--seal-key: \S+gone: cannot be read \(ENOENT\)\n$/));
    const anotherKey = /identity_node-2\.json: it does not open: .* than --seal-key gives/;
    expect(await make(keys.new, keys.backup)).toMatchObject(failure(1, anotherKey));
  });

  it('is restored into an empty folder only', async () => {
    const to = await mkdtemp(join(root, 'used-'));
    await writeFile(join(to, 'notes.txt'), 'mine');
    const stderr = `${to}: is not empty, there is notes.txt. Nothing was written; restore into an empty folder\n`;
    expect(await restore(to)).toMatchObject({ code: 1, stdout: '', stderr });
    expect(await readdir(to)).toEqual(['notes.txt']);
    const before = await readFile(join(data, SHARE_FILE), 'utf8');
    expect(await restore(data)).toMatchObject({ code: 1 });
    expect(await readFile(join(data, SHARE_FILE), 'utf8')).toBe(before);
  });

  it('is not restored for another cluster, under another key, or damaged; and nothing is written then', async () => {
    const to = join(root, 'never');
    const other = join(root, 'other_roster.json');
    await writeFile(other, members(3, 2, 'plain').roster.serialize());
    const otherCluster = /is of the cluster with the fingerprint .*, and the roster has /;
    const otherSpec = `passphrase-file:${join(root, 'new')}`;
    expect(await restore(to, { against: other })).toMatchObject(failure(1, otherCluster));
    const otherKey = /^\S+backup\.json: .*sealed under another key or passphrase than --backup-key gives/;
    expect(await restore(to, { spec: otherSpec })).toMatchObject(failure(1, otherKey));
    expect(await restore(to, { spec: keys.node })).toMatchObject(failure(1, /it was sealed under a passphrase/));
    const damaged = join(root, 'damaged.json');
    await writeFile(damaged, (await readFile(backup, 'utf8')).slice(0, -20));
    expect(await restore(to, { file: damaged })).toMatchObject({ code: 1, stderr: `${damaged}: it is damaged. Take another copy of it\n` });
    const noBackup = /it was sealed as key-share of node-2, and it should be backup of node-2/;
    expect(await restore(to, { file: join(data, SHARE_FILE), spec: keys.node })).toMatchObject(failure(1, noBackup));
    await expect(readdir(to)).rejects.toThrow('ENOENT');
  });

  it('is never in clear text, and replaces nothing', async () => {
    const specs = ['--seal-key', keys.node, '--backup-key', 'none'];
    const ran = await runProgram('backup_share', '--data', data, '--name', 'node-2', ...specs, '--out', join(root, 'clear'));
    expect(ran).toMatchObject(failure(2, /--backup-key: a backup is never in clear text/));
    const before = await readFile(backup, 'utf8');
    expect(await backUp()).toMatchObject({ code: 1, stderr: `${backup}: is there already, and is never replaced\n` });
    expect(await readFile(backup, 'utf8')).toBe(before);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    ['a share of another node', () => dataFolder('wrong', { index: 0 }), /it is the share of node-1/],
    ['auxiliary info of another node', () => dataFolder('wrong', { auxOf: 2 }), /aux info: it is of another node/],
    ['files under another key', () => dataFolder('wrong', { spec: keys.new }), /sealed under another key or passphrase/],
    ['no key share', () => folderWithoutShare(), /there is no key share of node-2 yet/],
    ['no folder', () => Promise.resolve(join(root, 'nowhere')), /nowhere\/roster\.json: cannot be read \(ENOENT\)/],
  ])('is not made of %s', async (_what, makeFolder, message) => {
    const ran = await backUp(await makeFolder(), join(root, 'no_backup.json'));
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(message);
    await expect(readFile(join(root, 'no_backup.json'))).rejects.toThrow('ENOENT');
  });
});

describe('reseal', () => {
  it('does nothing while the node runs', async () => {
    const folder = await dataFolder('running');
    const before = await readFile(join(folder, SHARE_FILE), 'utf8');
    const lock = lockRunning(folder, 'node-2');
    const seal = () => runProgram('reseal', '--data', folder, '--name', 'node-2', '--from', keys.node, '--to', keys.new);
    expect(await seal()).toMatchObject(failure(1, /^.*: node-2 runs there already, or a program works on its files\. Stop it first\n$/));
    expect(await readFile(join(folder, SHARE_FILE), 'utf8')).toBe(before);
    lock[Symbol.dispose]();
    expect(await seal()).toMatchObject({ code: 0 });
  });

  const reseal = (folder: string, from: string, to: string) =>
    runProgram('reseal', '--data', folder, '--name', 'node-2', '--from', from, '--to', to);
  const secrets = ['aux_info_node-2.json', 'identity_node-2.json', SHARE_FILE];
  const contents = (folder: string): Promise<string[]> => Promise.all(secrets.map((file) => readFile(join(folder, file), 'utf8')));

  it('seals what was in clear text, and takes it to another key', async () => {
    const folder = await dataFolder('reseal', { spec: 'none' });
    const pending = join(folder, 'key_share_node-2.pending.3.json');
    await writeFile(pending, coreText());
    expect(await reseal(folder, 'none', keys.node)).toMatchObject({ code: 0, stderr: '' });
    expect(await openFile(pending, keys.node, 'key-share')).toBe(coreText());
    const { code, stdout } = await reseal(folder, keys.node, keys.backup);
    expect(code).toBe(0);
    const resealed = stdout.split('\n').slice(0, -1).map((line) => line.replace(`✓ ${folder}/`, ''));
    expect(resealed).toEqual([...secrets, 'key_share_node-2.pending.3.json']);
    expect(await openFile(join(folder, 'identity_node-2.json'), keys.backup, 'identity')).toBe(identityText('node-2'));
    expect(await readFile(join(folder, 'executions_node-2.log'), 'utf8')).toBe('keygen\n');
    expect((await stat(join(folder, SHARE_FILE))).mode & 0o777).toBe(0o600);
  });

  it('goes on where it was interrupted', async () => {
    const folder = await dataFolder('half');
    const sealed = await sealText(await open(keys.new), { purpose: 'identity', owner: 'node-2' }, identityText('node-2'));
    await writeFile(join(folder, 'identity_node-2.json'), sealed);
    const stdout = expect.stringMatching(/identity_node-2\.json \(was already\)/);
    expect(await reseal(folder, keys.node, keys.new)).toMatchObject({ code: 0, stdout });
    expect(await openFile(join(folder, SHARE_FILE), keys.new, 'key-share')).toBe(coreText());
    expect(await readFile(join(folder, 'identity_node-2.json'), 'utf8')).toBe(sealed);
  });

  it('writes nothing when one file does not open', async () => {
    const folder = await dataFolder('broken');
    const ofAnother = await sealText(await open(keys.node), { purpose: 'key-share', owner: 'node-3' }, '{}');
    await writeFile(join(folder, SHARE_FILE), ofAnother);
    const before = await contents(folder);
    const why = /key_share_node-2\.json: it was sealed as key-share of node-3.*Nothing was written/;
    expect(await reseal(folder, keys.node, keys.new)).toMatchObject({ ...failure(1, why), stdout: '' });
    expect(await reseal(folder, keys.new, keys.backup)).toMatchObject(failure(1, /Nothing was written/));
    expect(await contents(folder)).toEqual(before);
    expect(await reseal(root, keys.node, keys.new)).toMatchObject({ code: 1, stderr: `${root}: has no secret files of node-2\n` });
  });
});

describe('export-pubkey', () => {
  it('reads a sealed share with its key, and says when that is missing', async () => {
    const exportKey = (name: string, ...sealKey: string[]) => runProgram('export_pubkey', '--key-share', join(data, name), ...sealKey);
    const key = Buffer.from(encodePoint(present(shares[1]).core.sharedPublicKey, true)).toString('hex');
    const stdout = expect.stringContaining(`compressed    ${key}\n`);
    expect(await exportKey(SHARE_FILE, '--seal-key', keys.node)).toMatchObject({ code: 0, stdout });
    expect(await exportKey(SHARE_FILE)).toMatchObject(failure(2, /--seal-key: is required, the file is sealed/));
    expect(await exportKey(SHARE_FILE, '--seal-key', keys.new)).toMatchObject(failure(1, /sealed under another key/));
    const noShare = /it was sealed as identity of node-2, and it should be key-share/;
    expect(await exportKey('identity_node-2.json', '--seal-key', keys.node)).toMatchObject(failure(1, noShare));
  });
});
