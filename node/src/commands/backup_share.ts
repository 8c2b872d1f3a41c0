import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SECURITY_128 } from 'cggmp24';
import { loadMember } from 'sealing/member';
import { SealKey, SealKeySourceSchema } from 'sealing/seal_key';
import { openText, sealText } from 'sealing/sealed_file';
import { z } from 'zod';
import { DamagedFile } from '../base/errors.js';
import { keyFiles } from '../storage/key_store.js';
import { nodeIndex } from '../base/utils.js';
import { checkBackup, type Backup } from '../tools/backup.js';
import { identityFile, NodeNameSchema, writeFirst } from '../tools/cluster_files.js';
import { main, Refusal, UsageError } from '../tools/command.js';
import { sealKeyEnvironment, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: backup-share --data DIR --name NAME --seal-key SPEC --backup-key SPEC --out FILE

Writes key share, auxiliary info, identity and roster of one node into one encrypted file. The node may be running.

  --data DIR          the node's data folder
  --name NAME         node-1, node-2, …
  --seal-key SPEC     what its files are sealed under
  --backup-key SPEC   what the backup is sealed under: not none, and best not the same, so that the loss of one is not the loss of both
  --out FILE          the backup; nothing is replaced
  -h, --help          this text

${SEAL_KEY_TEXT}
It has no presignatures: those are in memory alone, so that no backup can bring one back. Read back and checked before it is done.
Whoever has the backup and its key has one share; the threshold's number of them is the key.
Exit code: 0 written, 1 not written, 2 called wrongly.
`;

/** The node's files, each checked. @throws Refused, Refusal */
async function collect(folder: string, name: string, sealKey: z.infer<typeof SealKeySourceSchema>): Promise<Backup> {
  const files = { roster: join(folder, 'roster.json'), identity: join(folder, identityFile(name)) };
  const { roster, identity, sealKey: key } = await loadMember(name, files, sealKey);
  const owner = { index: nodeIndex(name, roster.n) ?? 0, n: roster.n, t: roster.t, params: SECURITY_128 };
  const { keyShare, auxInfo } = keyFiles(folder, owner, key);
  const [share, aux] = await Promise.all([keyShare.load(), auxInfo.load()]).catch((error: unknown) => {
    throw error instanceof DamagedFile ? new Refusal(error.message) : error;
  });
  if (share === null || aux === null) throw new Refusal(`${folder}: there is no ${share === null ? 'key share' : 'auxiliary info'} of ${name} yet`);
  return { roster: roster.serialize(), identity: identity.serialize(), key_share: share, aux_info: aux };
}

await main({
  name: 'backup-share',
  help,
  options: z.object({ data: z.string().min(1), name: NodeNameSchema, 'seal-key': SealKeySourceSchema, 'backup-key': SealKeySourceSchema, out: z.string().min(1) }),
  environment: sealKeyEnvironment,
  run: async ({ data, name, 'seal-key': sealKey, 'backup-key': backupKey, out }) => {
    if (backupKey.kind === 'none') throw new UsageError('--backup-key: a backup is never in clear text');
    const backup = await collect(data, name, sealKey);
    checkBackup(name, backup);
    const key = await SealKey.open(backupKey);
    const [label, text] = [{ purpose: 'backup', owner: name } as const, JSON.stringify(backup)];
    await writeFirst(out, await sealText(key, label, text));
    if ((await openText(key, label, await readFile(out, 'utf8'))) !== text) throw new Refusal(`${out}: does not read back as it was written. Do not use it`);
    return `✓ ${out}: key share, auxiliary info and identity of ${name}\n`;
  },
});
