import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { AuditChain } from '../../src/audit/audit_chain.js';
import { AuditLog } from '../../src/audit/audit_log.js';
import { inFolder } from 'testkit/folder';
import { runProgram, type Ran } from './run_program.js';

const LINES = 6;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Made {
  readonly path: string;
  /** With their line feeds. */
  readonly lines: readonly string[];
  readonly heads: readonly string[];
}

/** A log as a node writes one. */
async function withLog(use: (log: Made) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, 'audit_node-1.log');
    const log = await AuditLog.open(path, { clock: systemClock, logger: pino({ level: 'silent' }) });
    const heads: string[] = [];
    for (let k = 1; k <= LINES; k++) {
      await log.record({ event: 'presignatures_dropped', fields: { lost: `node-${k}`, dropped: k } });
      heads.push(log.head);
    }
    await log.close();
    const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1).map((line) => `${line}\n`);
    await use({ path, lines, heads });
  });
}

async function verify(path: string, text: string | Buffer, ...args: string[]): Promise<Ran> {
  await writeFile(path, text);
  return runProgram('verify_audit_log', path, ...args);
}

/** @param place where the chain breaks, and `why`: patterns */
function brokenAt(place: string, why: string) {
  const complaint = new RegExp(`^✗ ${place}: ${why}.*\\n$`);
  return { code: 1, stdout: '', stderr: expect.stringMatching(complaint) };
}
const broken = (number: number, why: RegExp) => brokenAt(`line ${number}`, `.*${why.source}`);
const NOT_IN_IT = expect.stringMatching(/^✗ The chain is whole, but the noted head is not in it/);

describe('verify-audit-log', () => {
  it('passes a whole log and tells its head, which the node told too', () =>
    withLog(async ({ path, lines, heads }) => {
      const head = heads.at(-1) ?? '';
      const stdout = `✓ The chain is whole\n${LINES} lines\nhead ${head}\n`;
      expect(await verify(path, lines.join(''))).toEqual({ code: 0, stdout, stderr: '' });
      expect(await verify(path, '')).toMatchObject({ code: 0, stdout: `✓ The chain is whole\n0 lines\nhead ${'0'.repeat(64)}\n` });
    }));

  it('finds the place where a line was removed, moved, inserted, repeated or changed', () =>
    withLog(async ({ path, lines }) => {
      const [a = '', b = '', c = '', ...rest] = lines;
      const check = (...texts: string[]): Promise<Ran> => verify(path, texts.join(''));
      expect(await check(b, c, ...rest)).toEqual(broken(1, /sequence: it is 2 and should be 1/));
      expect(await check(a, c, ...rest)).toEqual(broken(2, /sequence: it is 3 and should be 2/));
      expect(await check(a, c, b, ...rest)).toEqual(broken(2, /sequence: it is 3/));
      expect(await check(a, b, b, c, ...rest)).toEqual(broken(3, /sequence: it is 2/));
      expect(await check(a, b, '\n', c, ...rest)).toEqual(broken(3, /is not JSON/));
      const changed = b.replace('node-2', 'node-3');
      expect(await check(a, changed, c, ...rest)).toEqual(broken(3, /previous: it is not the SHA-256 of the line before/));
      expect(await check(a, b.trimEnd(), c, ...rest)).toEqual(broken(2, /is not JSON/));
      expect(await check(a, b, c.trimEnd())).toEqual(broken(3, /it is cut short/));
      expect(await check(a, b, 'x'.repeat(1_200_000))).toEqual(broken(3, /longer than any/));
      expect(await verify(path, Buffer.concat([Buffer.from(a), Buffer.from([0xff, 0x0a])]))).toEqual(broken(2, /is not UTF-8/));
    }));

  it('finds a line that was made to fit in the place of another, as long as lines follow', () =>
    withLog(async ({ path, lines }) => {
      const before = AuditChain.empty.follow(Buffer.from((lines[0] ?? '').trimEnd()));
      const { line } = before.append({ time: new Date().toISOString(), event: 'presignatures_dropped', fields: { lost: 'nobody' } });
      expect(await verify(path, [lines[0], `${line}\n`, ...lines.slice(2)].join(''))).toEqual(broken(3, /previous/));
    }));

  it('sees that the end is gone, or another one, when a head was noted elsewhere', () =>
    withLog(async ({ path, lines, heads }) => {
      const [first = '', last = ''] = [heads[0], heads.at(-1)];
      const [whole, cut] = [lines.join(''), lines.slice(0, -1).join('')];
      const otherEnd = cut + (lines.at(-1) ?? '').replace('node-6', 'node-1');
      expect((await verify(path, cut)).code).toBe(0);
      for (const text of [cut, otherEnd]) {
        expect(await verify(path, text, '--head', last)).toEqual({ code: 1, stdout: '', stderr: NOT_IN_IT });
      }
      const found = (line: number) => ({ code: 0, stdout: expect.stringContaining(`line ${line} is the noted head`) });
      expect(await verify(path, whole, '--head', last.toUpperCase())).toMatchObject(found(LINES));
      expect(await verify(path, whole, `--head=${first}`)).toMatchObject(found(1));
    }));

  it('reads the full files first, and finds one that is missing, cut or in the place of another', () =>
    withLog(async ({ path, lines, heads }) => {
      const [first, second] = [path.replace('.log', '.2.log'), path.replace('.log', '.4.log')];
      const check = async (texts: readonly [string[], string[], string[]], ...args: string[]): Promise<Ran> => {
        await writeFile(first, texts[0].join(''));
        await writeFile(second, texts[1].join(''));
        return verify(path, texts[2].join(''), ...args);
      };
      const [a, b, c] = [lines.slice(0, 2), lines.slice(2, 4), lines.slice(4)];
      const in4 = (line: number, why: string) => brokenAt(`line ${line} in audit_node-1\\.4\\.log`, why);
      const stdout = `✓ The chain is whole, and line 3 is the noted head\n${LINES} lines\nhead ${heads.at(-1) ?? ''}\n`;
      expect(await check([a, b, c], '--head', heads[2] ?? '')).toMatchObject({ code: 0, stdout });
      expect(await check([a, b.slice(0, 1), c])).toEqual(in4(4, 'it is missing; the file should end with line 4'));
      expect(await check([a, [b[0] ?? '', (b[1] ?? '').slice(0, 20)], c])).toEqual(in4(4, 'it is cut short'));
      expect(await check([a, b.slice(0, 1), []])).toEqual(in4(4, 'it is missing'));
      expect(await check([a, c, b])).toEqual(in4(3, 'sequence: it is 5 and should be 3'));
      await rm(first);
      expect(await verify(path, c.join(''))).toEqual(in4(1, 'sequence: it is 5 and should be 1'));
      await writeFile(first, a.join(''));
      await rm(second);
      const firstOfItsFile = /sequence: it is 5 and should be 3. It is the first of its file: the file before is cut, or one is missing/;
      expect(await verify(path, c.join(''))).toEqual(broken(3, firstOfItsFile));
      await writeFile(second, b.join(''));
      await rm(path);
      expect(await runProgram('verify_audit_log', path)).toMatchObject({ code: 1, stderr: `${path}: cannot be read (ENOENT)\n` });
    }));

  it('is called with one file, and perhaps a head', async () => {
    const called = (...args: string[]) => runProgram('verify_audit_log', ...args);
    const [tooMany, notHex] = [/b: there is one argument too many/, /^--head: must be 64 hexadecimal digits\n/];
    const help = /^Usage: verify-audit-log FILE(.|\n)*Exit code: /;
    expect(await called()).toMatchObject({ code: 2, stderr: "FILE: is required\nTry 'verify-audit-log --help'.\n" });
    expect(await called('a', 'b')).toMatchObject({ code: 2, stderr: expect.stringMatching(tooMany) });
    expect(await called('a', '--head', 'xyz')).toMatchObject({ code: 2, stderr: expect.stringMatching(notHex) });
    expect(await called('no such file')).toMatchObject({ code: 1, stderr: 'no such file: cannot be read (ENOENT)\n' });
    expect(await called('--help')).toMatchObject({ code: 0, stdout: expect.stringMatching(help) });
  });
});

describe('a chain', () => {
  /** The number of the first line that does not follow; null when all do. */
  const firstBroken = (text: Buffer): { at: number | null; head: string } => {
    let chain = AuditChain.empty;
    for (let from = 0, number = 1; from < text.length; number++) {
      const end = text.indexOf(0x0a, from);
      try {
        if (end < 0) throw new Error('cut short');
        chain = chain.follow(text.subarray(from, end));
      } catch {
        return { at: number, head: chain.head };
      }
      from = end + 1;
    }
    return { at: null, head: chain.head };
  };

  it('shows every byte that was changed, at its line or the next one; in the last line by the head', () =>
    withLog(({ lines, heads }) => {
      const whole = Buffer.from(lines.join(''));
      expect(firstBroken(whole)).toEqual({ at: null, head: heads.at(-1) });
      let number = 1;
      for (const [position, byte] of whole.entries()) {
        for (const flip of [1, 0x20, 0x80]) {
          const changed = Buffer.from(whole);
          changed[position] = byte ^ flip;
          const { at, head } = firstBroken(changed);
          if (at === null) expect({ number, differs: head !== heads.at(-1) }).toEqual({ number: LINES, differs: true });
          else expect([number, number + 1]).toContain(at);
        }
        if (byte === 0x0a) number += 1;
      }
      expect(number).toBe(LINES + 1);
      expect(heads).toEqual(lines.map((line) => sha256(line.trimEnd())));
      return Promise.resolve();
    }));
});
