/**
 * How every program starts: it says so when Node.js is too old for it.
 *
 * Node.js links a module's static imports before it runs any of its code. An older Node.js already fails there, at `node:sqlite`
 * for example, with a stack trace. So `main.ts` imports only this module, which needs nothing that an older Node.js lacks.
 * `import()` then loads the program itself.
 */
import { readFileSync } from 'node:fs';

const PACKAGE = new URL('../package.json', import.meta.url);

/** @param version such as `24.0.0` @returns a line that says that this package's `engines` need a later one; null when they do not */
export function objectionTo(version: string): string | null {
  const { engines } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { engines: { node: string } };
  const lowest = engines.node.replace('>=', '');
  if (version.localeCompare(lowest, 'en', { numeric: true }) >= 0) return null;
  return `Node.js ${lowest} or later is needed, and this is ${version}: use scripts/run, or install Node.js from https://nodejs.org`;
}

/**
 * Runs a program. When Node.js is too old, it ends instead, with one line on stderr and exit code 2.
 * @param load imports the program
 */
export async function startProgram(load: () => Promise<unknown>): Promise<void> {
  ignoreDebuggers();
  const objection = objectionTo(process.versions.node);
  if (objection === null) {
    await load();
    return;
  }
  process.stderr.write(`${objection}\n`);
  process.exitCode = 2;
}

/**
 * On SIGUSR1, Node.js opens a debugger on 127.0.0.1:9229, through which every user of this machine can read what the process has in its
 * memory: shares, for instance. It does not when the program listens for that signal itself.
 */
function ignoreDebuggers(): void {
  process.on('SIGUSR1', () => undefined);
}
