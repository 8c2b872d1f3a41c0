import { stat } from 'node:fs/promises';
import { Refused } from 'sealing/errors';
import { SEAL_KEY_FORMS, SealKey, type SealKeySource } from 'sealing/seal_key';

/** SEAL_KEY is the default of `--seal-key`. */
export const sealKeyEnvironment = { 'seal-key': 'SEAL_KEY' };
export const SEAL_KEY_TEXT = `SPEC says where the key or passphrase is: ${SEAL_KEY_FORMS}.
Without --seal-key the environment variable SEAL_KEY is used.`;

/** Opens what an option names. What its operator should change goes to stderr. @throws Refused naming the option */
export async function openSealKey(source: SealKeySource, option = '--seal-key'): Promise<SealKey> {
  const key = await restated(() => SealKey.open(source), (complaint) => `${option}: ${complaint}`);
  warnOf(key.warning);
  return key;
}

/** Complaints about a key name SEAL_KEY. Here they name the option that has given it. @throws Refused */
export function namingOption<T>(option: string, act: () => Promise<T>): Promise<T> {
  return restated(act, (complaint) => complaint.replaceAll(/(?<![\w/.-])SEAL_KEY(?![\w/.-])/g, option));
}

async function restated<T>(act: () => Promise<T>, restate: (complaint: string) => string): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Refused ? new Refused(restate(error.message), { cause: error }) : error;
  }
}

export function warnOf(warning: string | null): void {
  if (warning !== null) process.stderr.write(`Warning: ${warning}\n`);
}

/** Warns when backup key and seal key are in one file, whatever its names are. */
export async function warnOfOneFile(sealKey: SealKeySource, backupKey: SealKeySource): Promise<void> {
  const [one, other] = await Promise.all([sealKey, backupKey].map(fileOf));
  if (one === undefined || one !== other) return;
  warnOf('the backup key and the seal key are one file. Whoever finds it can open the backup and the node\'s files: give each its own');
}

/** Which file it is, by device and inode: links to it are the same. Undefined when the key comes from no file, or that is not there. */
async function fileOf(source: SealKeySource): Promise<string | undefined> {
  if (source.kind !== 'key-file' && source.kind !== 'passphrase-file') return undefined;
  return stat(source.path).then(({ dev, ino }) => `${dev}:${ino}`, () => undefined);
}
