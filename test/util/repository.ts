import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** The text of a file of the repository; `path` is relative to its root. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Paths from the root that match a pattern, `**` standing for any folders: what git knows and what it does not ignore. */
export function files(...patterns: string[]): string[] {
  const list = (...options: string[]): string[] =>
    execFileSync('git', ['ls-files', '-z', ...options, '--', ...patterns.map((pattern) => `:(glob)${pattern}`)], {
      cwd: ROOT,
      encoding: 'utf8',
    })
      .split('\0')
      .filter((path) => path !== '');
  const deleted = new Set(list('--deleted'));
  return list('--cached', '--others', '--exclude-standard').filter((path) => !deleted.has(path)).sort();
}
