import { chmod, link, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  InvalidArgument,
  minSigners,
  parseAuxInfo,
  parseCoreKeyShare,
  parseKeyShare,
  serializeAuxInfo,
  serializeCoreKeyShare,
  type CoreKeyShare,
  type SecurityParams,
} from 'cggmp24';
import { Refused } from 'sealing/errors';
import { repeatedKey } from 'sealing/json';
import type { SealKey } from 'sealing/seal_key';
import { openText, sealText, type Label } from 'sealing/sealed_file';
import { DamagedFile } from '../base/errors.js';
import { readIfThere, removeDurably, syncFolder, writeAtomically } from './files.js';
import { nodeId } from '../base/utils.js';

/** Makes the data folder. Only its owner may look into it. */
export async function openDataFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/** What one phase of the set-up has on disk: a committed result, or a pending one that not all nodes are known to have. */
export interface ResultStore {
  /** The committed result, as text; null when there is none. @throws DamagedFile */
  load(): Promise<string | null>;
  /** The pending result, and the attempt that made it; null when there is none. @throws DamagedFile */
  loadPending(): Promise<{ readonly attempt: number; readonly text: string } | null>;
  savePending(attempt: number, text: string): Promise<void>;
  /** Commits the pending result of this attempt. @throws when there is a committed result: it is never replaced */
  commit(attempt: number): Promise<void>;
  discardPending(): Promise<void>;
}

export interface ResultFileOptions {
  readonly folder: string;
  /** File name without its extension, `key_share_node-1`. */
  readonly name: string;
  readonly sealKey: SealKey;
  readonly label: Label;
  /** Validates the text of a file and brings it into the form of a result. @throws Error that says what is wrong */
  readonly read: (text: string) => string;
  /** Where else a committed result may be. */
  readonly elsewhere?: () => Promise<string | null>;
}

/** A result as sealed files: `<name>.pending.<attempt>.json` while it is pending, `<name>.json` once it is committed. */
export class ResultFile implements ResultStore {
  /** The last valid file: to open it, and to validate auxiliary info, takes a while. */
  #valid: { readonly file: string; readonly result: string } | null = null;

  constructor(private readonly options: ResultFileOptions) {}

  async load(): Promise<string | null> {
    const path = this.#path('json');
    const file = await readSealed(path);
    return file === null ? ((await this.options.elsewhere?.()) ?? null) : await this.#read(path, file);
  }

  async loadPending(): Promise<{ attempt: number; text: string } | null> {
    const attempt = (await this.#pendingAttempts()).at(-1);
    if (attempt === undefined) return null;
    const path = this.#path(`pending.${attempt}.json`);
    const file = await readSealed(path);
    return file === null ? null : { attempt, text: await this.#read(path, file) };
  }

  async savePending(attempt: number, text: string): Promise<void> {
    const { sealKey, label } = this.options;
    await writeAtomically(this.#path(`pending.${attempt}.json`), await sealText(sealKey, label, text));
  }

  async commit(attempt: number): Promise<void> {
    // A link, unlike renaming, never replaces an existing file.
    await link(this.#path(`pending.${attempt}.json`), this.#path('json'));
    await syncFolder(this.options.folder);
    await this.discardPending();
  }

  async discardPending(): Promise<void> {
    for (const attempt of await this.#pendingAttempts()) await removeDurably(this.#path(`pending.${attempt}.json`));
  }

  /** Ascending. */
  async #pendingAttempts(): Promise<number[]> {
    const { folder, name } = this.options;
    const attempts = (await readdir(folder)).flatMap((file) => {
      const end = file.startsWith(`${name}.`) ? file.slice(name.length + 1) : '';
      return /^pending\.(\d{1,7})\.json$/.exec(end)?.[1] ?? [];
    });
    return attempts.map(Number).sort((a, b) => a - b);
  }

  #path(end: string): string {
    return join(this.options.folder, `${this.options.name}.${end}`);
  }

  async #read(path: string, file: string): Promise<string> {
    if (this.#valid?.file === file) return this.#valid.result;
    const { sealKey, label, read } = this.options;
    try {
      const text = await openText(sealKey, label, file);
      const key = repeatedKey(text);
      if (key !== null) throw new InvalidArgument(label.purpose, `${key}: is there twice`);
      const result = read(text);
      this.#valid = { file, result };
      return result;
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it cannot be read';
      // What does not open may only need another key.
      throw unusable(path, why, error instanceof Refused ? '' : RESTORE_IT, error);
    }
  }
}

const RESTORE_IT = ' Restore it from a backup of this node (restore-share).';

/** @throws DamagedFile when it is not text */
async function readSealed(path: string): Promise<string | null> {
  try {
    return await readIfThere(path);
  } catch (error) {
    throw error instanceof Refused ? unusable(path, 'it is not UTF-8', RESTORE_IT, error) : error;
  }
}

function unusable(path: string, why: string, advice: string, cause: unknown): DamagedFile {
  return new DamagedFile(`${path} cannot be used: ${why}. It is left as it is.${advice}`, { cause });
}

/** Whose share it has to be, and of which cluster. */
export interface ShareOwner {
  readonly index: number;
  readonly n: number;
  readonly t: number;
  readonly params: SecurityParams;
}

/** Is it this node's share of such a key? @throws InvalidArgument */
export function checkCoreKeyShare(share: CoreKeyShare, { index, n, t }: ShareOwner): void {
  const wrong = (what: string): InvalidArgument => new InvalidArgument('key share', what);
  if (share.index !== index) throw wrong(`it is the share of ${nodeId(share.index)}`);
  if (share.publicShares.length !== n) throw wrong(`the key has ${share.publicShares.length} shares, and the roster has ${n} nodes`);
  if (minSigners(share) !== t) throw wrong(`the key needs ${minSigners(share)} signers, and the roster says ${t}`);
}

/** Both parts of a key share file: the core share, or the crate's complete key share. */
function readKeyShare(text: string, owner: ShareOwner): { core: string; aux: string | null } {
  if (!isComplete(text)) {
    const core = parseCoreKeyShare(text);
    checkCoreKeyShare(core, owner);
    return { core: serializeCoreKeyShare(core), aux: null };
  }
  const { core, aux } = parseKeyShare(text, owner.params);
  checkCoreKeyShare(core, owner);
  return { core: serializeCoreKeyShare(core), aux: serializeAuxInfo(aux) };
}

function isComplete(text: string): boolean {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && 'core' in json;
  } catch {
    return false;
  }
}

function readAuxInfo(text: string, { index, n, params }: ShareOwner): string {
  const aux = parseAuxInfo(text, params);
  const { length } = aux.encryptionKeys;
  if (length !== n) throw new InvalidArgument('aux info', `it is of ${length} nodes, and the roster has ${n}`);
  const own = aux.encryptionKeys[index]?.n;
  if (own !== aux.decryptionKey.encryptionKey.n) throw new InvalidArgument('aux info', 'it is of another node');
  return serializeAuxInfo(aux);
}

/** `key_share_<node id>.json` and `aux_info_<node id>.json` of a node. A key share file may also hold both, as the Rust crate writes it. */
export function keyFiles(folder: string, owner: ShareOwner, sealKey: SealKey): { keyShare: ResultFile; auxInfo: ResultFile } {
  const node = nodeId(owner.index);
  const share = { folder, sealKey, name: `key_share_${node}`, label: { purpose: 'key-share', owner: node } } as const;
  const keyShare = new ResultFile({ ...share, read: (text) => readKeyShare(text, owner).core });
  const completeShare = new ResultFile({ ...share, read: (text) => readKeyShare(text, owner).aux ?? '' });
  const auxInfo = new ResultFile({
    folder,
    sealKey,
    name: `aux_info_${node}`,
    label: { purpose: 'aux-info', owner: node },
    read: (text) => readAuxInfo(text, owner),
    elsewhere: async () => (await completeShare.load()) || null,
  });
  return { keyShare, auxInfo };
}
