import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ExecutionJournal } from '../../src/storage/execution_journal.js';
import { inFolder } from 'testkit/folder';

describe('the journal of executions', () => {
  it('lets an execution be claimed once, also after a restart', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      const journal = await ExecutionJournal.open(path);
      expect(await Promise.all([journal.claim('a'), journal.claim('a'), journal.claim('b')])).toEqual([true, false, true]);
      await journal.close();
      const again = await ExecutionJournal.open(path);
      expect([await again.claim('b'), await again.claim('c')]).toEqual([false, true]);
      expect([...again.ids()]).toEqual(['a', 'b', 'c']);
      await again.close();
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    }));

  it('is on disk when the claim resolves', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      const journal = await ExecutionJournal.open(path);
      await journal.claim('a');
      expect(await readFile(path, 'utf8')).toBe('a\n');
      await journal.close();
    }));

  it('takes a line that a crash cut short for no entry, and the next one for one', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      await writeFile(path, 'a\nhalf');
      const journal = await ExecutionJournal.open(path);
      expect([...journal.ids()]).toEqual(['a']);
      expect(await journal.claim('b')).toBe(true);
      await journal.close();
      expect(await readFile(path, 'utf8')).toBe('a\nb\n');
    }));

  it.each([
    ['bytes', Buffer.from('a\n\x00\xff\xfe\nb\n', 'latin1'), 'line 2 is no execution id'],
    ['another encoding', Buffer.from('é\n'), 'line 1 is no execution id'],
    ['a line that is too long', Buffer.from(`${'x'.repeat(513)}\n`), 'line 1 is no execution id'],
    ['a file that is no journal', Buffer.alloc(8192, 'x'), 'its last line is longer than any that this program writes'],
  ])('does not replace %s in silence: it says so and leaves the file', (_what, garbage, why) =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      await writeFile(path, garbage);
      await expect(ExecutionJournal.open(path)).rejects.toThrow(`${path}: ${why}. It is left as it is. Find out who changed it.`);
      expect(await readFile(path)).toEqual(garbage);
    }));

  it('goes on after a power cut that has left a block of zeros at the end', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      await writeFile(path, `a\n${'\0'.repeat(4096)}`);
      const journal = await ExecutionJournal.open(path);
      expect([await journal.claim('a'), await journal.claim('b')]).toEqual([false, true]);
      await journal.close();
      expect(await readFile(path, 'utf8')).toBe('a\nb\n');
    }));

  it('keeps the newest entries when there are too many', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      const journal = await ExecutionJournal.open(path, 10);
      for (let k = 0; k < 45; k++) expect(await journal.claim(`id ${k}`)).toBe(true);
      expect(await journal.claim('id 44')).toBe(false);
      await journal.close();
      expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThanOrEqual(21);
      const again = await ExecutionJournal.open(path, 10);
      expect([...again.ids()]).toEqual(Array.from({ length: 10 }, (_, k) => `id ${k + 35}`));
      await again.close();
    }));

  it('refuses an id of more than one line, and does not take it for claimed', () =>
    inFolder(async (folder) => {
      const journal = await ExecutionJournal.open(join(folder, 'journal'));
      await expect(journal.claim('a\nb')).rejects.toThrow('one line');
      expect(await journal.claim('b')).toBe(true);
      await journal.close();
    }));

  it('refuses a claim that it cannot write', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'journal');
      const journal = await ExecutionJournal.open(path);
      await journal.close();
      await expect(journal.claim('a')).rejects.toThrow();
      await appendFile(path, '');
      expect(await readFile(path, 'utf8')).toBe('');
    }));
});
