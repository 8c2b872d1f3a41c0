import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from 'sealing/errors';
import { MemberNameSchema } from 'sealing/identity';
import { SealKey, SealKeySourceSchema } from 'sealing/seal_key';
import { isSealed, openText, sealText, type Label } from 'sealing/sealed_file';
import { z } from 'zod';
import { writeAtomically } from '../storage/files.js';
import { readText } from '../tools/cluster_files.js';
import { main, Refusal } from '../tools/command.js';
import { SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: reseal --data DIR --name NAME --from SPEC --to SPEC

Seals the secret files of a stopped node, or of the gateway, under another key or passphrase: also those that were in clear text.

  --data DIR    its data folder
  --name NAME   node-1, node-2, …, or gateway
  --from SPEC   what the files are sealed under now; none: clear text
  --to SPEC     what they are to be sealed under
  -h, --help    this text

${SEAL_KEY_TEXT.split('\n')[0] ?? ''}
Files that are under the new one already stay, so it can be run again after an interruption. Nothing is written when one does not open.
Old files may still be on the disk's free blocks, and in backups.
Exit code: 0 all are under the new one, 1 not done, 2 called wrongly.
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

interface Pending {
  readonly path: string;
  readonly label: Label;
  readonly text: string;
}

/** What has to be written; null when it is under the new key already. @throws Refusal when it opens under neither */
async function prepare(path: string, label: Label, from: SealKey, to: SealKey): Promise<Pending | null> {
  const file = await readText(path);
  if (await opens(to, label, file)) return null;
  try {
    return { path, label, text: await openText(from, label, file) };
  } catch (error) {
    if (error instanceof Refused) throw new Refusal(`${path}: ${error.message}. Nothing was written`);
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

await main({
  name: 'reseal',
  help,
  options: z.object({ data: z.string().min(1), name: MemberNameSchema, from: SealKeySourceSchema, to: SealKeySourceSchema }),
  run: async ({ data, name, from, to }) => {
    const [oldKey, newKey] = [await SealKey.open(from), await SealKey.open(to)];
    const files = await readdir(data).catch(() => {
      throw new Refusal(`${data}: cannot be read`);
    });
    const secret = files.sort().flatMap((file) => {
      const purpose = purposeOf(file, name);
      return purpose === null ? [] : [{ path: join(data, file), label: { purpose, owner: name } }];
    });
    if (secret.length === 0) throw new Refusal(`${data}: has no secret files of ${name}`);
    const prepared = await Promise.all(secret.map(({ path, label }) => prepare(path, label, oldKey, newKey)));
    for (const pending of prepared) if (pending !== null) await writeAtomically(pending.path, await sealText(newKey, pending.label, pending.text));
    return secret.map(({ path }, k) => `✓ ${path}${prepared[k] === null ? ' (was already)' : ''}\n`).join('');
  },
});
