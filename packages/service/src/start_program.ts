/**
 * How every program starts: it says so when Node.js is too old for it.
 *
 * A module's static imports are linked before any of its code runs, and an older Node.js already fails there, at `node:sqlite` for
 * example, with a stack trace. So `main.ts` imports nothing but this module, and this one nothing that an older Node.js lacks;
 * the program itself comes by `import()`.
 */
import { readFileSync } from 'node:fs';

const PACKAGE = new URL('../package.json', import.meta.url);

/** @param version such as `24.0.0` @returns a line that says it is too old for this package's `engines`; null when it is not */
export function objectionTo(version: string): string | null {
  const { engines } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { engines: { node: string } };
  const lowest = engines.node.replace('>=', '');
  if (version.localeCompare(lowest, 'en', { numeric: true }) >= 0) return null;
  return `Node.js ${lowest} or later is needed, and this is ${version}: use scripts/run, or install Node.js from https://nodejs.org`;
}

/**
 * Runs a program; under a Node.js that is too old it does not, and ends with one line on stderr and exit code 2. @param load imports the
 * program
 */
export async function startProgram(load: () => Promise<unknown>): Promise<void> {
  const objection = objectionTo(process.versions.node);
  if (objection === null) {
    await load();
    return;
  }
  process.stderr.write(`${objection}\n`);
  process.exitCode = 2;
}
