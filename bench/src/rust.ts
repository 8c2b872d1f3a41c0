/** The same operations by the Rust crate: interop's `bench`, as `interop/build.sh bench` builds it with each backend. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fullSafePrimes } from 'cggmp24/testing';
import { z } from 'zod';
import { CRATES, type Crate } from './results.js';

const TARGET = join(import.meta.dirname, '../../interop/target');
const BACKENDS = { GMP: 'rug', 'GMP, tables': 'rug', 'num-bigint': 'num-bigint' } as const satisfies Record<Crate, string>;
/** The operations for which the crate has tables. */
const WITH_TABLES = ['presign', 'sign'];

function programOf(crate: Crate): string {
  return join(TARGET, `bench-${BACKENDS[crate]}`);
}

/** The ways of the crate that were built here and know this operation. */
export function cratesFor(operation: string): Crate[] {
  return CRATES.filter((crate) => existsSync(programOf(crate)) && (crate !== 'GMP, tables' || WITH_TABLES.includes(operation)));
}

/** A process that takes one sample of an operation whenever it is asked to, and sleeps between. */
export class CrateBench {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #answer: z.ZodType<{ ms: number }>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-'));

  constructor(crate: Crate, operation: string) {
    const op = crate === 'GMP, tables' ? `${operation}_tables` : operation;
    this.#answer = z.object({ op: z.literal(op), backend: z.literal(BACKENDS[crate]), ms: z.number() });
    const primes = join(this.#folder, 'primes.json');
    writeFileSync(primes, JSON.stringify({ primes: fullSafePrimes }));
    const child = spawn(programOf(crate), [op, primes], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @returns milliseconds of CPU @throws when the program has failed */
  async sample(): Promise<number> {
    this.#child.stdin?.write('\n');
    const next = await this.#answers.next();
    if (next.done === true) throw new Error('the benchmark of the Rust crate has ended; build it again: interop/build.sh bench');
    return this.#answer.parse(JSON.parse(next.value)).ms;
  }

  async stop(): Promise<void> {
    rmSync(this.#folder, { recursive: true });
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}
