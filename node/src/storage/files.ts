import { link, open, readFile, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeUtf8 } from 'sealing/json';

/** Makes sure that new, renamed and removed names in a folder survive a crash of the machine. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a file, with mode 0600. Whatever crashes, it is there as a whole or not at all. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await rename(await writeTemporary(path, text), path);
  await syncFolder(dirname(path));
}

/** The same for a file that must not exist yet. @throws with code EEXIST when it does; it stays as it was */
export async function writeNew(path: string, text: string): Promise<void> {
  const temporary = await writeTemporary(path, text);
  try {
    // A link, unlike renaming, never replaces an existing file.
    await link(temporary, path);
  } finally {
    await rm(temporary);
  }
  await syncFolder(dirname(path));
}

async function writeTemporary(path: string, text: string): Promise<string> {
  const temporary = `${path}.tmp`;
  // A crash may have left one, with any mode.
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

/** The text of a file, null when there is none. @throws Refused when it is not UTF-8 */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return decodeUtf8(await readFile(path), path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Removes a file durably. @returns false when it was not there: of several that try at the same time, only one removes it */
export async function removeDurably(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  await syncFolder(dirname(path));
  return true;
}

/** Is there no such file? */
export function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
}
