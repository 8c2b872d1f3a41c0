import { link, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inFolder } from 'testkit/folder';
import { openSealKey, warnOfOneFile } from '../../src/tools/seal_key_option.js';

let said = '';
beforeEach(() => {
  said = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

const keyFile = (path: string) => ({ kind: 'key-file', path }) as const;

describe('a command', () => {
  it('warns when others can read the file with the key, and only then', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'key');
      await writeFile(path, 'a'.repeat(64), { mode: 0o600 });
      await openSealKey(keyFile(path));
      expect(said).toBe('');
      const open = join(folder, 'open');
      await writeFile(open, 'a'.repeat(64), { mode: 0o644 });
      await openSealKey(keyFile(open));
      expect(said).toBe(`Warning: ${open}: others than its owner can read it (mode 0644). Give it the mode 0600\n`);
    }));

  it('warns when backup key and seal key are one file, under whatever names', () =>
    inFolder(async (folder) => {
      const [path, linked, symbolic] = ['key', 'linked', 'symbolic'].map((name) => join(folder, name)) as [string, string, string];
      await writeFile(path, 'correct horse battery', { mode: 0o600 });
      await link(path, linked);
      await symlink(path, symbolic);
      for (const other of [path, linked, symbolic, `${folder}/../${folder.split('/').at(-1) ?? ''}/key`]) {
        said = '';
        await warnOfOneFile(keyFile(path), { kind: 'passphrase-file', path: other });
        expect(said).toMatch(/^Warning: the backup key and the seal key are one file\. /);
      }
    }));

  it('does not warn of two files, of commands, or of files that are not there', () =>
    inFolder(async (folder) => {
      const [one, other] = ['one', 'other'].map((name) => join(folder, name)) as [string, string];
      await writeFile(one, 'a'.repeat(64));
      await writeFile(other, 'a'.repeat(64));
      const command = { kind: 'command', program: 'key', args: [] } as const;
      await warnOfOneFile(keyFile(one), keyFile(other));
      await warnOfOneFile(command, command);
      await warnOfOneFile({ kind: 'none' }, { kind: 'none' });
      await warnOfOneFile(keyFile(join(folder, 'gone')), keyFile(join(folder, 'gone')));
      expect(said).toBe('');
    }));
});
