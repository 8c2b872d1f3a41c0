import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRoster } from 'sealing/member';
import { Roster } from 'sealing/roster';
import { SealKeySourceSchema, type SealKey } from 'sealing/seal_key';
import { labelOf, openText, sealText, type Label } from 'sealing/sealed_file';
import { z } from 'zod';
import { openDataFolder } from '../storage/key_store.js';
import { parseBackup, type Backup } from '../tools/backup.js';
import { identityFile, readText, writeFirst } from '../tools/cluster_files.js';
import { main, CommandFailure } from '../tools/command.js';
import { openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT, warnOfOneFile } from '../tools/seal_key_option.js';

const help = `Usage: restore-share --backup FILE --backup-key SPEC --roster ROSTER --data DIR --seal-key SPEC

Makes the data folder of a node from a backup that backup-share wrote.

  --backup FILE       the backup
  --backup-key SPEC   the key or passphrase of the backup
  --roster ROSTER     roster.json as the other nodes have it; the backup has to be of this cluster
  --data DIR          the data folder, which must be empty or not exist
  --seal-key SPEC     the key or passphrase for the node's files
  -h, --help          this text

${SEAL_KEY_TEXT}
The node whose backup it is must not run anywhere any more: two nodes with one identity cannot take part in a cluster.
Exit code: 0 restored, 1 not restored, 2 called wrongly.
`;

/** @throws CommandFailure when there is anything in the folder */
async function requireEmpty(folder: string): Promise<void> {
  await openDataFolder(folder);
  const [first] = await readdir(folder);
  const advice = 'Nothing was written; restore into an empty folder';
  if (first !== undefined) throw new CommandFailure(`${folder}: is not empty, there is ${first}. ${advice}`);
}

async function openBackup(path: string, source: z.infer<typeof SealKeySourceSchema>): Promise<{ owner: string; backup: Backup }> {
  const file = await readText(path);
  const owner = labelOf(file)?.owner ?? 'node-1';
  const text = await openText(await openSealKey(source), { purpose: 'backup', owner }, file);
  return { owner, backup: parseBackup(owner, text) };
}

async function writeNode(folder: string, owner: string, backup: Backup, sealKey: SealKey): Promise<void> {
  const files: [string, Label['purpose'], string][] = [
    [identityFile(owner), 'identity', backup.identity],
    [`aux_info_${owner}.json`, 'aux-info', backup.aux_info],
    [`key_share_${owner}.json`, 'key-share', backup.key_share],
  ];
  for (const [name, purpose, text] of files) await writeFirst(join(folder, name), await sealText(sealKey, { purpose, owner }, text));
  await writeFirst(join(folder, 'roster.json'), backup.roster);
}

await main({
  name: 'restore-share',
  help,
  options: z.object({
    backup: z.string().min(1),
    'backup-key': SealKeySourceSchema,
    roster: z.string().min(1),
    data: z.string().min(1),
    'seal-key': SealKeySourceSchema,
  }),
  environment: sealKeyEnvironment,
  run: async ({ backup: path, 'backup-key': backupKey, roster: rosterPath, data, 'seal-key': source }) => {
    const roster = await loadRoster(rosterPath);
    const { owner, backup } = await openBackup(path, backupKey);
    const saved = Roster.parse(backup.roster);
    const fingerprints = `is of the cluster with the fingerprint ${saved.fingerprint}, and the roster has ${roster.fingerprint}`;
    if (saved.hash !== roster.hash) throw new CommandFailure(`${path}: ${fingerprints}`);
    const sealKey = await openSealKey(source);
    await warnOfOneFile(source, backupKey);
    await requireEmpty(data);
    await writeNode(data, owner, backup, sealKey);
    return `✓ ${data}: ready to be the data folder of ${owner}\n`;
  },
});
