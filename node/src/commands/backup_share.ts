import { join } from 'node:path';
import { SECURITY_128 } from 'cggmp24';
import { loadMember } from 'sealing/member';
import { SealKeySourceSchema } from 'sealing/seal_key';
import { openText, sealText } from 'sealing/sealed_file';
import { z } from 'zod';
import { DamagedFile } from '../base/errors.js';
import { keyFiles } from '../storage/key_store.js';
import { nodeIndex } from '../base/utils.js';
import { checkBackup, type Backup } from '../tools/backup.js';
import { identityFile, NodeNameSchema, readText, writeFirst } from '../tools/cluster_files.js';
import { main, CommandFailure, UsageError } from '../tools/command.js';
import { namingOption, openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT, warnOf, warnOfOneFile } from '../tools/seal_key_option.js';

const help = `Usage: backup-share --data DIR --name NAME --seal-key SPEC --backup-key SPEC --out FILE

Writes the key share, auxiliary info, identity and roster of one node into one encrypted file. The node may be running.

  --data DIR          the node's data folder
  --name NAME         node-1, node-2, …
  --seal-key SPEC     the key or passphrase of the node's files
  --backup-key SPEC   the key or passphrase of the backup. It must not be none, and should not be that of the node's files:
                      whoever finds one of the two should not have found both
  --out FILE          the backup; an existing file is not replaced
  -h, --help          this text

${SEAL_KEY_TEXT}
There are no presignatures in it: they are only in memory, so that no backup can bring one back. The file is read back and checked.
Whoever has a backup and its key has one share of the cluster's key. Whoever has as many shares as nodes must sign has the key.
Exit code: 0 written, 1 not written, 2 called wrongly.
`;

/** The node's files, checked. @throws Refused, CommandFailure */
async function collect(folder: string, name: string, sealKey: z.infer<typeof SealKeySourceSchema>): Promise<Backup> {
  const files = { roster: join(folder, 'roster.json'), identity: join(folder, identityFile(name)) };
  const { roster, identity, sealKey: key } = await namingOption('--seal-key', () => loadMember(name, files, sealKey));
  warnOf(key.warning);
  const owner = { index: nodeIndex(name, roster.n) ?? 0, n: roster.n, t: roster.t, params: SECURITY_128 };
  const { keyShare, auxInfo } = keyFiles(folder, owner, key);
  const [share, aux] = await Promise.all([keyShare.load(), auxInfo.load()]).catch((error: unknown) => {
    throw error instanceof DamagedFile ? new CommandFailure(error.message) : error;
  });
  const missing = share === null ? 'key share' : 'auxiliary info';
  if (share === null || aux === null) throw new CommandFailure(`${folder}: there is no ${missing} of ${name} yet`);
  return { roster: roster.serialize(), identity: identity.serialize(), key_share: share, aux_info: aux };
}

await main({
  name: 'backup-share',
  help,
  options: z.object({
    data: z.string().min(1),
    name: NodeNameSchema,
    'seal-key': SealKeySourceSchema,
    'backup-key': SealKeySourceSchema,
    out: z.string().min(1),
  }),
  environment: sealKeyEnvironment,
  run: async ({ data, name, 'seal-key': sealKey, 'backup-key': backupKey, out }) => {
    if (backupKey.kind === 'none') throw new UsageError('--backup-key: a backup is never in clear text');
    const backup = await collect(data, name, sealKey);
    checkBackup(name, backup);
    const key = await openSealKey(backupKey, '--backup-key');
    await warnOfOneFile(sealKey, backupKey);
    const [label, text] = [{ purpose: 'backup', owner: name } as const, JSON.stringify(backup)];
    await writeFirst(out, await sealText(key, label, text));
    const written = await openText(key, label, await readText(out));
    if (written !== text) throw new CommandFailure(`${out}: does not read back as it was written. Do not use it`);
    return `✓ ${out}: key share, auxiliary info and identity of ${name}\n`;
  },
});
