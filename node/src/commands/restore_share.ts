import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { Refused } from 'sealing/errors';
import { loadRoster } from 'sealing/member';
import { Roster } from 'sealing/roster';
import { SealKeySourceSchema, type SealKey } from 'sealing/seal_key';
import { labelOf, openText, sealText, type Label } from 'sealing/sealed_file';
import { systemClock } from 'service/clock';
import { z } from 'zod';
import { AuditLog } from '../audit/audit_log.js';
import { sha256 } from '../base/sha256.js';
import { ownVersion } from '../base/version.js';
import { openDataFolder } from '../storage/key_store.js';
import { parseBackup, type Backup } from '../tools/backup.js';
import { identityFile, readText, writeFirst } from '../tools/cluster_files.js';
import { main, CommandFailure } from '../tools/command.js';
import { namingOption, openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT, warnOfOneFile } from '../tools/seal_key_option.js';

const help = `Usage: restore-share --backup FILE --backup-key SPEC --roster ROSTER --data DIR --seal-key SPEC

Makes the data folder of a node from a backup that backup-share wrote.

  --backup FILE       the backup
  --backup-key SPEC   the key or passphrase of the backup
  --roster ROSTER     roster.json as the other nodes have it; the backup has to be of this cluster
  --data DIR          the data folder, which must be empty or not exist
  --seal-key SPEC     the key or passphrase for the node's files
  -h, --help          this text

${SEAL_KEY_TEXT}
The audit log of the folder begins with a line "restored".
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

interface OpenedBackup {
  readonly owner: string;
  readonly backup: Backup;
  /** As it is on the disk. */
  readonly file: string;
}

async function openBackup(path: string, source: z.infer<typeof SealKeySourceSchema>): Promise<OpenedBackup> {
  const file = await readText(path);
  const owner = labelOf(file)?.owner ?? 'node-1';
  const key = await openSealKey(source, '--backup-key');
  const text = await namingOption('--backup-key', () => openText(key, { purpose: 'backup', owner }, file)).catch((error: unknown) => {
    throw error instanceof Refused ? new CommandFailure(`${path}: ${error.message}`) : error;
  });
  return { owner, backup: parseBackup(owner, text), file };
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

/** Begins the node's audit log: it does not go on from the one before, and says why. */
async function recordRestored(folder: string, node: string, roster: string, backup: string): Promise<void> {
  const logger = pino({ level: 'error' }, pino.destination(2));
  const audit = await AuditLog.open(join(folder, `audit_${node}.log`), { clock: systemClock, logger });
  try {
    const fields = { node, version: await ownVersion(), roster, backup_sha256: sha256(backup) };
    await audit.record({ event: 'restored', fields });
  } finally {
    await audit.close();
  }
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
    const { owner, backup, file } = await openBackup(path, backupKey);
    const saved = Roster.parse(backup.roster);
    const fingerprints = `is of the cluster with the fingerprint ${saved.fingerprint}, and the roster has ${roster.fingerprint}`;
    if (saved.hash !== roster.hash) throw new CommandFailure(`${path}: ${fingerprints}`);
    const sealKey = await openSealKey(source);
    await warnOfOneFile(source, backupKey);
    await requireEmpty(data);
    await writeNode(data, owner, backup, sealKey);
    await recordRestored(data, owner, roster.hash, file);
    return `✓ ${data}: ready to be the data folder of ${owner}\n`;
  },
});
