/** What a member of a cluster starts with: the roster, its identity, and the source of the key that seals its secret files. */
import { readFile } from 'node:fs/promises';
import { Refused, systemCode } from './errors.js';
import { Identity } from './identity.js';
import { decodeUtf8 } from './json.js';
import { Roster } from './roster.js';
import { SealKey, type SealKeySource } from './seal_key.js';
import { openText } from './sealed_file.js';

export interface Member {
  readonly roster: Roster;
  readonly identity: Identity;
  readonly sealKey: SealKey;
}

export interface MemberFiles {
  readonly roster: string;
  readonly identity: string;
}

/**
 * Reads roster and identity, and checks that they belong together.
 * @param name `node-1` …, or `gateway`
 * @throws Refused naming the file or the variable, and what to do
 */
export async function loadMember(name: string, files: MemberFiles, source: SealKeySource): Promise<Member> {
  const roster = await loadRoster(files.roster);
  const sealKey = await about('SEAL_KEY', () => SealKey.open(source));
  const identity = await loadIdentity(name, files.identity, sealKey);
  await about(files.roster, () => { roster.checkContains(identity.publicIdentity); });
  return { roster, identity, sealKey };
}

/** @throws Refused naming the file */
export async function loadRoster(path: string): Promise<Roster> {
  const hint = 'Copy it from another member, or restore the backup. For a new cluster the program make-cluster makes one';
  const text = await readText(path, hint);
  return about(path, () => Roster.parse(text));
}

/** @throws Refused naming the file */
export async function loadIdentity(name: string, path: string, sealKey: SealKey): Promise<Identity> {
  const text = await readText(path, 'Restore it from its backup. For a new cluster the programs make-cluster and make-identity make one');
  return about(path, async () => {
    const identity = Identity.parse(await openText(sealKey, { purpose: 'identity', owner: name }, text));
    if (identity.name !== name) throw new Refused(`it is the identity of ${identity.name}, not of ${name}`);
    return identity;
  });
}

async function readText(path: string, hint: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Refused(`${path}: cannot be read (${systemCode(error)}). ${hint}`);
  });
  return decodeUtf8(bytes, path);
}

async function about<T>(what: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refused) throw new Refused(`${what}: ${error.message}`, { cause: error });
    throw error;
  }
}
