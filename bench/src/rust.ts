/** The same operations by the Rust crate: interop's `bench`, when it is built. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullSafePrimes } from 'cggmp24/testing';
import { z } from 'zod';
import { figures, type Figures } from './measure.js';

const PROGRAM = join(import.meta.dirname, '../../interop/target/release/bench');

const AnswerSchema = z.object({ op: z.string(), backend: z.enum(['rug', 'num-bigint']), samples_ms: z.array(z.number()).min(1) });

export interface RustFigures extends Figures {
  readonly backend: string;
}

export function hasRustPeer(): boolean {
  return existsSync(PROGRAM);
}

/** @throws when the program fails */
export function measureRust(operation: string, samples: number): RustFigures {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const primes = join(folder, 'primes.json');
    writeFileSync(primes, JSON.stringify({ primes: fullSafePrimes }));
    const answer = execFileSync(PROGRAM, [operation, String(samples), primes], { encoding: 'utf8' });
    const { backend, samples_ms } = AnswerSchema.parse(JSON.parse(answer));
    return { ...figures(samples_ms), backend };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
