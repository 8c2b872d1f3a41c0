import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { serializeAuxInfo, serializeCoreKeyShare, serializeKeyShare, type KeyShare } from 'cggmp24';
import { generateShares, seededRng, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { SealKey } from 'sealing/seal_key';
import { openText, sealText } from 'sealing/sealed_file';
import { DamagedFile } from '../../src/base/errors.js';
import { keyFiles, openDataFolder, type ShareOwner } from '../../src/storage/key_store.js';
import { inFolder } from 'testkit/folder';
import { present } from 'testkit/present';
import { testSealKey } from 'testkit/seal_key';

const owner: ShareOwner = { index: 1, n: 3, t: 2, params: SMALL_FOR_TESTS };
let shares: KeyShare[];
let share: KeyShare;
let sealKey: SealKey;
beforeAll(async () => {
  sealKey = await testSealKey();
  shares = generateShares({ parties: 3, threshold: 2, params: SMALL_FOR_TESTS, rng: seededRng('key store') });
  share = present(shares[1]);
});

const FINAL = 'key_share_node-2.json';
const AUX = 'aux_info_node-2.json';
const coreText = (of = share): string => serializeCoreKeyShare(of.core);
const auxText = (of = share): string => serializeAuxInfo(of.aux);
const otherShare = (index: number): KeyShare => present(shares[index]);

describe('the data folder', () => {
  it('is for its owner alone, also when it was not', () =>
    inFolder(async (parent) => {
      const folder = join(parent, 'deep', 'data');
      await openDataFolder(folder);
      await chmod(folder, 0o755);
      await openDataFolder(folder);
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }));
});

describe('the key files', () => {
  it('hold nothing at first', () =>
    inFolder(async (folder) => {
      const { keyShare, auxInfo } = keyFiles(folder, owner, sealKey);
      const loaded = [await keyShare.load(), await keyShare.loadPending(), await auxInfo.load(), await auxInfo.loadPending()];
      expect(loaded).toEqual([null, null, null, null]);
    }));

  it('keep a result pending, then for good, under the names that others know', () =>
    inFolder(async (folder) => {
      const { keyShare, auxInfo } = keyFiles(folder, owner, sealKey);
      const [core, aux] = [serializeCoreKeyShare(share.core), serializeAuxInfo(share.aux)];
      await keyShare.savePending(3, core);
      await auxInfo.savePending(0, aux);
      expect(await keyShare.loadPending()).toEqual({ attempt: 3, text: core });
      expect(await keyShare.load()).toBeNull();
      await keyShare.commit(3);
      await auxInfo.commit(0);
      expect([await keyShare.load(), await keyShare.loadPending(), await auxInfo.load()]).toEqual([core, null, aux]);
      expect((await readdir(folder)).sort()).toEqual(['aux_info_node-2.json', FINAL]);
      for (const file of await readdir(folder)) expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
      const opened = async (purpose: 'key-share' | 'aux-info', file: string): Promise<string> =>
        openText(sealKey, { purpose, owner: 'node-2' }, await readFile(join(folder, file), 'utf8'));
      expect(await opened('key-share', FINAL)).toBe(core);
      expect(await opened('aux-info', AUX)).toBe(aux);
    }));

  it('never replace a share', () =>
    inFolder(async (folder) => {
      const { keyShare } = keyFiles(folder, owner, sealKey);
      const text = serializeCoreKeyShare(share.core);
      await writeFile(join(folder, FINAL), 'the only copy');
      await keyShare.savePending(0, text);
      await expect(keyShare.commit(0)).rejects.toThrow('EEXIST');
      expect(await readFile(join(folder, FINAL), 'utf8')).toBe('the only copy');
      expect(await keyShare.loadPending()).toEqual({ attempt: 0, text });
    }));

  it('discard what is pending, leftovers of a crash included, and nothing else', () =>
    inFolder(async (folder) => {
      const { keyShare } = keyFiles(folder, owner, sealKey);
      const text = serializeCoreKeyShare(share.core);
      await keyShare.savePending(0, text);
      await keyShare.commit(0);
      await keyShare.savePending(1, text);
      await keyShare.savePending(12, text);
      await writeFile(join(folder, 'key_share_node-20.pending.1.json'), 'of another node');
      expect((await keyShare.loadPending())?.attempt).toBe(12);
      await keyShare.discardPending();
      expect((await readdir(folder)).sort()).toEqual([FINAL, 'key_share_node-20.pending.1.json']);
    }));

  it('write over what a crash left of an earlier writing', () =>
    inFolder(async (folder) => {
      const { keyShare } = keyFiles(folder, owner, sealKey);
      const text = serializeCoreKeyShare(share.core);
      await writeFile(join(folder, 'key_share_node-2.pending.0.json.tmp'), text.slice(0, 100), { mode: 0o644 });
      await keyShare.savePending(0, text);
      expect(await readdir(folder)).toEqual(['key_share_node-2.pending.0.json']);
      expect((await stat(join(folder, 'key_share_node-2.pending.0.json'))).mode & 0o777).toBe(0o600);
    }));

  it('may be the one complete file that the Rust nodes write', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, FINAL), serializeKeyShare(share));
      const { keyShare, auxInfo } = keyFiles(folder, owner, SealKey.none);
      expect(await keyShare.load()).toBe(serializeCoreKeyShare(share.core));
      expect(await auxInfo.load()).toBe(serializeAuxInfo(share.aux));
    }));
});

describe('a key file that must not be used', () => {
  const refused = async (file: string, text: string, what: RegExp, who: ShareOwner): Promise<void> =>
    inFolder(async (folder) => {
      await writeFile(join(folder, file), text);
      const { keyShare, auxInfo } = keyFiles(folder, who, SealKey.none);
      const failure = await (file.startsWith('aux') ? auxInfo : keyShare).load().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DamagedFile);
      const { message } = failure as Error;
      expect(message).toMatch(what);
      expect(message).toContain(join(folder, file));
      expect(message).toMatch(/left as it is. Restore it from a backup of this node \(restore-share\)/);
      expect(message).not.toContain(share.core.secretShare.reveal().toString(16));
      expect(await readFile(join(folder, file), 'utf8')).toBe(text);
    });

  it.each<[what: string, file: string, text: () => string, complaint: RegExp, who?: ShareOwner]>([
    ['it is cut short', FINAL, () => coreText().slice(0, -20), /not JSON/],
    ['it is empty', FINAL, () => '', /not JSON/],
    ['a field is altered', FINAL, () => coreText().replace('"i":1', '"i":2'), /x: does not match public_shares/],
    ['a key is in it twice', FINAL, () => coreText().replace('"i":1', '"i":0,"i":1'), /i: is there twice/],
    ['it is the share of another node', FINAL, () => coreText(otherShare(0)), /it is the share of node-1/],
    ['the cluster has another size', FINAL, coreText, /3 shares, and the roster has 4 nodes/, { ...owner, n: 4 }],
    ['the threshold is another', FINAL, coreText, /needs 2 signers, and the roster says 3/, { ...owner, t: 3 }],
    ['the aux info is that of another node', AUX, () => auxText(otherShare(2)), /it is of another node/],
    ['the aux info is of a cluster of another size', AUX, auxText, /of 3 nodes, and the roster has 5/, { ...owner, n: 5 }],
    ['the aux info is altered', AUX, () => auxText().replace('"N":[', '"N":["5",'), /N/],
  ])('is refused when %s', (_what, file, text, complaint, who = owner) => refused(file, text(), complaint, who));
});

describe('a key file that is not UTF-8', () => {
  it.each([FINAL, FINAL.replace('.json', '.pending.3.json')])('%s is refused as damaged', (name) =>
    inFolder(async (folder) => {
      const path = join(folder, name);
      await writeFile(path, Buffer.from(coreText().replace('"', '\xe9'), 'latin1'));
      const { keyShare } = keyFiles(folder, owner, SealKey.none);
      const failure = await (name === FINAL ? keyShare.load() : keyShare.loadPending()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DamagedFile);
      expect((failure as Error).message).toBe(
        `${path} cannot be used: it is not UTF-8. It is left as it is. Restore it from a backup of this node (restore-share).`,
      );
    }));
});

describe('a sealed key file that must not be used', () => {
  const label = { purpose: 'key-share', owner: 'node-2' } as const;
  const sealed = (text = coreText(), what: Parameters<typeof sealText>[1] = label): Promise<string> => sealText(sealKey, what, text);
  const ourKey = (): Promise<SealKey> => Promise.resolve(sealKey);
  const refused = (makeFile: () => Promise<string>, what: RegExp, key: () => Promise<SealKey>): Promise<void> =>
    inFolder(async (folder) => {
      const [path, file] = [join(folder, FINAL), await makeFile()];
      await writeFile(path, file);
      const failure = await keyFiles(folder, owner, await key()).keyShare.load().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DamagedFile);
      const { message } = failure as Error;
      expect(message).toMatch(what);
      expect(message.startsWith(`${path} cannot be used: `)).toBe(true);
      expect(message).toContain('It is left as it is.');
      expect(await readFile(path, 'utf8')).toBe(file);
    });

  it.each<[what: string, makeFile: () => Promise<string>, complaint: RegExp, key?: () => Promise<SealKey>]>([
    ['when it is cut short', async () => (await sealed()).slice(0, -30), /it is damaged\. Restore it from a backup \(restore-share\)/],
    [
      'when it is of another node',
      () => sealed(undefined, { ...label, owner: 'node-3' }),
      /sealed as key-share of node-3, and it should be key-share of node-2/,
    ],
    [
      'when it is something else of this node',
      () => sealed(undefined, { ...label, purpose: 'aux-info' }),
      /sealed as aux-info of node-2/,
    ],
    ['under another key', () => sealed(), /sealed under another key or passphrase than SEAL_KEY gives/, () => testSealKey('8')],
    ['without a key', () => sealed(), /it is sealed, and SEAL_KEY is none/, () => Promise.resolve(SealKey.none)],
    [
      'in clear text by a node that seals',
      () => Promise.resolve(coreText()),
      /it is not sealed, and SEAL_KEY is not none.*reseal/,
    ],
    ['when what was sealed is not this node\'s share', () => sealed(coreText(otherShare(0))), /it is the share of node-1/],
  ])('is refused %s', (_what, makeFile, complaint, key = ourKey) => refused(makeFile, complaint, key));
});
