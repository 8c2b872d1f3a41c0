import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { SECURITY_128 } from 'cggmp24';
import { isSafePrime } from 'cggmp24/testing';
import { SealKey } from 'sealing/seal_key';
import { PrimeFolder } from '../../src/primes/prime_folder.js';
import { inFolder } from 'testkit/folder';
import { runProgram } from './run_program.js';

it('make-primes makes safe primes that its node can take, and goes on where it was', () =>
  inFolder(async (root) => {
    const [data, path] = [join(root, 'data'), join(root, 'key')];
    await writeFile(path, 'a'.repeat(64), { mode: 0o600 });
    const args = ['--data', data, '--name', 'node-2', '--seal-key', `key-file:${path}`];
    const made = async (count: number, stderr: RegExp): Promise<void> => {
      const ran = await runProgram('make_primes', ...args, '--count', String(count));
      const stdout = `✓ ${data}: safe primes of node-2: ${count}\n`;
      expect(ran).toMatchObject({ code: 0, stdout, stderr: expect.stringMatching(stderr) });
    };
    await made(1, /^0 of 1 safe primes.*1 of 1 safe primes, \d+ candidates tested, \d+ s\n$/s);
    await made(3, /^1 of 3 safe primes/);

    const sealKey = await SealKey.open({ kind: 'key-file', path });
    const system = { clock: systemClock, random: systemRandom };
    const folder = new PrimeFolder({ folder: data, nodeId: 'node-2', sealKey, params: SECURITY_128, ...system });
    const taken = [];
    for (let prime = await folder.take(); prime !== null; prime = await folder.take()) taken.push(prime);
    expect(new Set(taken).size).toBe(3);
    for (const prime of taken) expect(isSafePrime(BigInt(`0x${prime}`))).toBe(true);
  }), 300_000);
