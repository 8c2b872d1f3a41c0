/** Times the library's operations and, one after the other with them, the Rust crate's. */
import { parseArgs } from 'node:util';
import { measure } from './measure.js';
import { operations } from './operations.js';
import { figuresCells, keep, machine, milliseconds, table } from './report.js';
import { hasRustPeer, measureRust } from './rust.js';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } } });
const withRust = hasRustPeer();
const { cpu, cores, node, arithmetic } = machine();
process.stdout.write(`${cpu}, ${cores} cores, Node ${node}, arithmetic by ${arithmetic}; one thread; CPU time in milliseconds\n`);
process.stdout.write(withRust ? 'The Rust crate cggmp24 0.7.0-alpha.3 in the same run\n\n' : 'SKIPPED: the Rust crate (interop/build.sh builds it, with cargo)\n\n');

const chosen = operations(values.quick).filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) {
  process.stderr.write(`--only: no operation has "${values.only}" in its name\n`);
  process.exit(2);
}
const results = chosen.map((operation) => {
    process.stderr.write(`${operation.name} …\n`);
    const ours = measure(operation);
    // One prime costs the crate ten times as much.
    const rustSamples = operation.rust === 'safe_prime' ? Math.ceil(operation.samples / 4) : operation.samples;
    const rust = withRust && operation.rust !== null ? measureRust(operation.rust, rustSamples) : null;
    return { name: operation.name, ours, rust };
  });

const head = ['operation', 'samples', 'minimum', 'median', '95%', 'crate: samples', 'minimum', 'median', '95%', 'ours / crate, medians'];
const rows = results.map(({ name, ours, rust }) => [
  name,
  ...figuresCells(ours),
  ...(rust === null ? ['', '', '', '', ''] : [...figuresCells(rust), (ours.median / rust.median).toFixed(2)]),
]);
process.stdout.write(`${table(head, rows)}\n`);
// Only the mean of these says how long four of them take.
for (const { name, ours, rust } of results.filter((result) => result.name.startsWith('safe prime'))) {
  const crate = rust === null ? '' : `; the crate ${milliseconds(rust.mean)}, ratio ${(ours.mean / rust.mean).toFixed(2)}`;
  process.stdout.write(`Mean of a ${name}: ours ${milliseconds(ours.mean)}${crate}\n`);
}
const backend = results.find(({ rust }) => rust !== null)?.rust?.backend;
if (backend !== undefined) process.stdout.write(`The crate with its backend ${backend}.\n`);
process.stdout.write(`Kept in ${keep('library', { unit: 'ms of CPU', results })}\n`);
