import { execFile } from 'node:child_process';
import { getPriority } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const COMPILED = new URL('../../dist/workers/protocol_worker.js', import.meta.url);

/** Has a worker thread find a prime, and prints the nicenesses of all its threads. */
const PROGRAM = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { SMALL_FOR_TESTS } from 'cggmp24/testing';
  const worker = new Worker(new URL(process.argv[1]), { workerData: SMALL_FOR_TESTS, execArgv: [] });
  worker.postMessage({ kind: 'start', id: 1, job: { kind: 'safe_prime' } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const nicenessOf = (id) => Number(readFileSync('/proc/self/task/' + id + '/stat', 'utf8').replace(/.*\\) /s, '').split(' ')[16]);
  console.log([...new Set(readdirSync('/proc/self/task').map(nicenessOf))].sort((a, b) => a - b).join(' '));
  process.exit();
`;
/** `more`: what to add to the niceness of the tests. */
const nicenesses = async (more: number): Promise<string> => {
  const program = [process.execPath, '--input-type=module', '-e', PROGRAM, COMPILED.href];
  const { stdout } = await promisify(execFile)('nice', ['-n', String(more), ...program]);
  return stdout.trim();
};

(process.platform === 'linux' ? describe : describe.skip)('a worker thread', () => {
  const own = getPriority();

  it('lets the main thread go first', async () => {
    expect(await nicenesses(0)).toBe(own < 10 ? `${own} 10` : `${own}`);
  });

  it('keeps the lower priority of its process: without rights to raise it the thread would end', async () => {
    expect(await nicenesses(15)).toBe(`${Math.min(own + 15, 19)}`);
  });
});
