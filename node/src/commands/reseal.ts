import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from 'sealing/errors';
import { MemberNameSchema } from 'sealing/identity';
import { SealKeySourceSchema, type SealKey } from 'sealing/seal_key';
import { isSealed, openText, sealText, type Label } from 'sealing/sealed_file';
import { z } from 'zod';
import { writeAtomically } from '../storage/files.js';
import { lockRunning } from '../storage/running_lock.js';
import { readText } from '../tools/cluster_files.js';
import { main, CommandFailure } from '../tools/command.js';
import { namingOption, openSealKey, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: reseal --data DIR --name NAME --from SPEC --to SPEC

Seals the secret files of a stopped node, or of the gateway, under another key or passphrase. They may be in clear text now.

  --data DIR    the member's data folder
  --name NAME   node-1, node-2, …, or gateway
  --from SPEC   the key or passphrase of the files now; none: they are in clear text
  --to SPEC     the key or passphrase of the files afterwards; none: they will be in clear text
  -h, --help    this text

${SEAL_KEY_TEXT.split('\n')[0] ?? ''}
After an interruption, run it again: files that are sealed under the new key stay as they are. If a file does not open, nothing is
written, and nothing while the node runs. The old files may still be in free blocks of the disk, and in backups.
Exit code: 0 all files are sealed under the new one, 1 not done, 2 called wrongly.
`;

const PURPOSES = new Map<string, Label['purpose']>([
  ['identity', 'identity'],
  ['key_share', 'key-share'],
  ['aux_info', 'aux-info'],
  ['prime', 'primes'],
]);

/** What a file of this member is, by its name; null for all other files. */
function purposeOf(file: string, member: string): Label['purpose'] | null {
  const [, kind = ''] = new RegExp(`^(\\w+)_${member}(\\.pending\\.\\d+|\\.\\d+-[0-9a-f]+)?\\.json$`).exec(file) ?? [];
  return PURPOSES.get(kind) ?? null;
}

interface FileToSeal {
  readonly path: string;
  readonly label: Label;
  readonly text: string;
}

/** What has to be sealed; null when it is sealed under the new key already. @throws CommandFailure when neither key opens it */
async function prepare(path: string, label: Label, from: SealKey, to: SealKey): Promise<FileToSeal | null> {
  const file = await readText(path);
  if (await opens(to, label, file)) return null;
  try {
    return { path, label, text: await namingOption('--from', () => openText(from, label, file)) };
  } catch (error) {
    if (error instanceof Refused) throw new CommandFailure(`${path}: ${error.message}. Nothing was written`);
    throw error;
  }
}

async function opens(key: SealKey, label: Label, file: string): Promise<boolean> {
  if (key.kind === 'none') return !isSealed(file);
  return openText(key, label, file).then(() => true, (error: unknown) => {
    if (error instanceof Refused) return false;
    throw error;
  });
}

/** @returns null for a file that is sealed under the new key already */
async function resealAll(files: readonly Omit<FileToSeal, 'text'>[], from: SealKey, to: SealKey): Promise<(FileToSeal | null)[]> {
  const prepared = await Promise.all(files.map(({ path, label }) => prepare(path, label, from, to)));
  for (const file of prepared) {
    if (file !== null) await writeAtomically(file.path, await sealText(to, file.label, file.text));
  }
  return prepared;
}

await main({
  name: 'reseal',
  help,
  options: z.object({ data: z.string().min(1), name: MemberNameSchema, from: SealKeySourceSchema, to: SealKeySourceSchema }),
  run: async ({ data, name, from, to }) => {
    const [oldKey, newKey] = [await openSealKey(from, '--from'), await openSealKey(to, '--to')];
    const files = await readdir(data).catch(() => {
      throw new CommandFailure(`${data}: cannot be read`);
    });
    const secret = files.sort().flatMap((file) => {
      const purpose = purposeOf(file, name);
      return purpose === null ? [] : [{ path: join(data, file), label: { purpose, owner: name } }];
    });
    if (secret.length === 0) throw new CommandFailure(`${data}: has no secret files of ${name}`);
    const lock = lockRunning(data, name);
    const prepared = await resealAll(secret, oldKey, newKey).finally(() => {
      lock[Symbol.dispose]();
    });
    return secret.map(({ path }, k) => `✓ ${path}${prepared[k] === null ? ' (was already)' : ''}\n`).join('');
  },
});
