/** Writes the table of results: from the files that are named, or else the newest of each part. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { betweenMarkers, resultsTable } from './report.js';
import { loadResults, newestFiles } from './results.js';

const RESULTS = join(import.meta.dirname, '../RESULTS.md');

try {
  const named = process.argv.slice(2);
  const paths = named.length > 0 ? named : newestFiles();
  if (paths.length === 0) throw new Error('bench/results/ has no results yet: bench/run.sh');
  const files = paths.map(loadResults);
  const quick = files.find((file) => file.quick);
  if (quick !== undefined)
    throw new Error(`the results of ${quick.part} are not of a whole run at full size; bench/RESULTS.md shows only those`);
  writeFileSync(RESULTS, betweenMarkers(readFileSync(RESULTS, 'utf8'), resultsTable(files)));
  process.stdout.write(`bench/RESULTS.md has the table of ${paths.map((path) => basename(path)).join(', ')}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
