/** Results as tables in Markdown. */
import { describe, isQuiet } from './machine.js';
import type { Figures } from './measure.js';
import { CRATES, PARTS, type Bound, type Result, type ResultFile } from './results.js';

export const BEGIN = '<!-- measured: written by bench/run.sh table -->';
export const END = '<!-- /measured -->';

/** With its unit, three significant digits; milliseconds become seconds where they are many. */
export function quantity(value: number, unit: Result['unit']): string {
  if (unit === 'ms' && Math.abs(value) >= 1000) return `${digits(value / 1000)} s`;
  return unit === '/s' ? `${digits(value)}/s` : `${digits(value)} ${unit}`.trimEnd();
}

function digits(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Did it hold? Null when the other side of the comparison was not measured. */
export function verdict({ ours, crate, unit }: Result, { figure, against, side, limit }: Bound): { text: string; met: boolean } | null {
  const theirs = against === undefined ? undefined : crate[against];
  if (against !== undefined && theirs === undefined) return null;
  const reached = theirs === undefined ? ours[figure] : ours[figure] / theirs[figure];
  const met = side === 'at most' ? reached <= limit : reached >= limit;
  const sign = side === 'at most' ? '≤' : '≥';
  const label = figure === 'p95' ? '95% ' : '';
  const text =
    against === undefined
      ? `${label}${quantity(reached, unit)} ${sign} ${quantity(limit, unit)}`
      : `${reached.toFixed(2)} of ${against} ${sign} ${limit}`;
  return { text: `${text} ${met ? '✓' : '✗'}`, met };
}

function verdicts(result: Result): string {
  return result.bounds.flatMap((bound) => verdict(result, bound)?.text ?? []).join('<br>');
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map((_, k) => (k === 0 ? '---' : '---:'))) + rows.map(line).join('');
}

/** Every figure of a part: a line for ours, and one for each way of the crate. */
export function fullTable({ results }: Pick<ResultFile, 'results'>): string {
  const line = (name: string, by: string, { samples, ...values }: Figures, { unit }: Result, more: string): string[] => {
    const cells = [values.minimum, values.median, values.p95, values.mean].map((value) => quantity(value, unit));
    return [name, by, String(samples), ...cells, more];
  };
  const rows = results.flatMap((result) => {
    const rivals = CRATES.flatMap((by) => {
      const theirs = result.crate[by];
      return theirs === undefined
        ? []
        : [line('', `crate, ${by}`, theirs, result, `ours is ${(result.ours.median / theirs.median).toFixed(2)} of it`)];
    });
    return [line(result.name, 'ours', result.ours, result, verdicts(result)), ...rivals];
  });
  return table(['', 'by', 'samples', 'minimum', 'median', '95%', 'mean', ''], rows);
}

/** The table in bench/RESULTS.md: the headlines of all parts, each with the machine it was measured on. */
export function resultsTable(files: readonly ResultFile[]): string {
  const sorted = [...files].sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part));
  const rows = sorted.flatMap(({ results }) =>
    results.flatMap((result) => {
      const { name, unit, clock, ours, crate, headline } = result;
      if (headline === null) return [];
      const what = [name, clock === 'wall' ? 'wall time' : '', headline === 'mean' && ours.samples > 1 ? `mean of ${ours.samples}` : '']
        .filter(Boolean)
        .join(', ');
      const theirs = CRATES.map((by) => crate[by]).map((figures) => (figures === undefined ? '' : quantity(figures[headline], unit)));
      const high = ours.samples > 1 && headline === 'median' ? quantity(ours.p95, unit) : '';
      return [[what, quantity(ours[headline], unit), high, ...theirs, verdicts(result)]];
    }),
  );
  const heading = table(['', 'ours', '95%', 'crate, GMP', 'its tables', 'num-bigint', 'bound'], rows);
  return `${origins(sorted)}\n\n${heading}${notesOf(sorted)}`;
}

/** When and where: one line for each machine and state of it. */
function origins(files: readonly ResultFile[]): string {
  const described = files.map((file) => {
    const noise = isQuiet(file.machine) ? '' : ' **The machine was not quiet.**';
    return `${file.part}, ${file.date.slice(0, 10)}: ${describe(file.machine)}.${noise}`;
  });
  return described.map((text) => `- ${text}`).join('\n');
}

function notesOf(files: readonly ResultFile[]): string {
  const notes = [...new Set(files.flatMap(({ notes }) => notes))];
  return notes.length === 0 ? '' : `\n${notes.map((note) => `- ${note}\n`).join('')}`;
}

/** Puts a text between the two markers. @throws Error when they are not there once each, in this order */
export function betweenMarkers(document: string, text: string): string {
  const [before, rest, ...more] = document.split(BEGIN);
  const [, after, ...evenMore] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || before.includes(END) || more.length > 0 || evenMore.length > 0) {
    throw new Error(`the document must have the lines "${BEGIN}" and "${END}" once each, in this order`);
  }
  return `${before}${BEGIN}\n${text.trimEnd()}\n${END}${after}`;
}
