import { spawn } from 'node:child_process';

export type LogEvent = Readonly<Record<string, unknown>>;

/** Starts a service's program with `env` on top of ours; what it writes is collected. */
export function startProgram(main: string, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const events = (): LogEvent[] => output.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as LogEvent);
  return { child, output, exit, events };
}
