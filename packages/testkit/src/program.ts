import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const ROOT = new URL('../../../', import.meta.url);

/** A node on small primes. */
export const SMALL_NODE = fileURLToPath(new URL('small_node.js', import.meta.url));

/** A line of a program's log. */
export type LogEvent = Readonly<Record<string, unknown>>;

/** Starts a program as a process with this environment alone. What it writes is collected. */
export function spawnProgram(main: string, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const events = (): LogEvent[] => output.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as LogEvent);
  return { child, output, exit, events };
}
