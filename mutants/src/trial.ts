import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Mutant } from './mutant.js';
import { ROOT } from './targets.js';

/** `killed`: a test failed, or did not end. */
export type Verdict = 'killed' | 'survived';

/**
 * A mutant may run for this long, ms. Smaller: on a busy machine a mutant that no test finds counts as found. Larger: one that makes all
 * tests slow takes more of the hour.
 */
const PATIENCE_MS = 8 * 60_000;
const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const OPTIONS = ['--config', 'jest.mutants.config.js', '--bail', '--maxWorkers=1', '--forceExit', '--silent'];

/** Runs the tests that mirror the mutant's file, and if they pass, all tests of its workspace that the file can influence. */
export async function tryMutant(mutant: Mutant, signal: AbortSignal): Promise<Verdict> {
  const own = testsOf(mutant.file);
  const passed = (own === null || (await passes([own], mutant, signal))) && (await passes(related(mutant.file), mutant, signal));
  return passed ? 'survived' : 'killed';
}

/** Do the tests of these workspaces pass without any change? Otherwise each mutant would count as found. */
export function passUnchanged(files: readonly string[], signal: AbortSignal): Promise<boolean> {
  return passes([...new Set(files.map((file) => `${workspaceOf(file)}/test/`))], null, signal);
}

/** The tests of its own workspace that import a file, at any remove. */
function related(file: string): string[] {
  return ['--testMatch', `**/${workspaceOf(file)}/test/**/*.test.ts`, '--findRelatedTests', file];
}

/** The folder of a file's workspace. */
function workspaceOf(file: string): string {
  return file.slice(0, file.indexOf('/src/'));
}

/** The tests that mirror a file: its own, or else those of its folder; null when there are none. */
function testsOf(file: string): string | null {
  const mirrored = file.replace('/src/', '/test/');
  const candidates = [mirrored.replace(/\.ts$/, '.test.ts'), dirname(mirrored)];
  return candidates.find((path) => !path.endsWith('/test') && existsSync(join(ROOT, path))) ?? null;
}

async function passes(tests: readonly string[], mutant: Mutant | null, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const env = mutant === null ? process.env : { ...process.env, MUTANT: JSON.stringify(mutant) };
  // A group of its own, so that what a test has started ends too.
  const jest = spawn(process.execPath, [...JEST, ...OPTIONS, ...tests], { cwd: ROOT, env, stdio: 'ignore', detached: true });
  const stop = (): void => {
    if (jest.pid !== undefined && jest.exitCode === null) process.kill(-jest.pid, 'SIGKILL');
  };
  const timer = setTimeout(stop, PATIENCE_MS);
  signal.addEventListener('abort', stop);
  try {
    const [code] = (await once(jest, 'exit')) as [number | null];
    signal.throwIfAborted();
    return code === 0;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
