import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { arithmeticBackend } from 'cggmp24';
import type { Figures } from './measure.js';

/** Where it was measured. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    openssl: process.versions.openssl,
    arithmetic: arithmeticBackend().backend.name,
  };
}

/** Three significant digits, milliseconds. */
export function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function figuresCells({ samples, minimum, median, p95 }: Figures): string[] {
  return [String(samples), ...[minimum, median, p95].map(milliseconds)];
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map((_, k) => (k === 0 ? '---' : '---:'))) + rows.map(line).join('');
}

/** Keeps a result as `bench/results/<name>_<time>.json`. @returns the file */
export function keep(name: string, result: object): string {
  const folder = join(import.meta.dirname, '../results');
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const file = join(folder, `${name}_${date.slice(0, 19).replaceAll(':', '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ date, machine: machine(), ...result }, null, 2)}\n`);
  return file;
}
