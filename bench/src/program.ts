/** Runs the parts that are asked for, prints their figures and keeps them. */
import { measureEndToEnd, type ClusterPlan } from './end_to_end.js';
import { measureEnvelopes } from './envelopes.js';
import { measureFirstSignature } from './first_signature.js';
import { measureLibrary } from './library.js';
import { describe, isQuiet, lookAtMachine } from './machine.js';
import { parseOptions, UsageError, type Options } from './options.js';
import { canLookAtProcesses } from './processes.js';
import { fullTable } from './report.js';
import { keepResults, type Findings, type Part } from './results.js';
import { measureSustained } from './sustained.js';

const QUICK_MINUTES = 1 / 6;
const ENVELOPE_REQUESTS = 60;
const CLUSTERS = [
  { threshold: 2, nodes: 3, pool: 100 },
  { threshold: 3, nodes: 4, pool: 500 },
  { threshold: 5, nodes: 7, pool: 50 },
];

function plans({ quick, cluster, pool, 'small-primes': small, 'in-flight': inFlight }: Options): ClusterPlan[] {
  const chosen =
    cluster?.map((size) => ({
      pool: 50,
      ...CLUSTERS.find(({ threshold, nodes }) => threshold === size.threshold && nodes === size.nodes),
      ...size,
    })) ?? CLUSTERS;
  return chosen.map(({ threshold, nodes, pool: usual }) => ({
    threshold,
    nodes,
    primes: quick || small ? 'small' : 'full',
    pool: pool ?? (quick ? 12 : usual),
    requests: quick ? 3 : 40,
    inFlight,
  }));
}

function measure(part: Part, options: Options): Promise<Findings> {
  const { quick, only, minutes, runs, 'in-flight': inFlight } = options;
  switch (part) {
    case 'library':
    case 'parties':
    case 'primes':
      return measureLibrary(part, quick, only);
    case 'first-signature':
      return measureFirstSignature(quick ? 1 : runs, quick ? 'small' : 'searched');
    case 'end-to-end':
      return measureEndToEnd(plans(options));
    case 'envelopes':
      return measureEnvelopes(quick ? 2 : ENVELOPE_REQUESTS);
    case 'sustained': {
      const primes = quick || options['small-primes'] ? 'small' : 'full';
      const { threshold, nodes } = options.cluster?.[0] ?? { threshold: 3, nodes: 4 };
      return measureSustained({ threshold, nodes, primes, minutes: quick ? QUICK_MINUTES : minutes, inFlight });
    }
  }
}

async function run(part: Part, options: Options): Promise<void> {
  const needsProcesses = part === 'end-to-end' || part === 'envelopes' || part === 'sustained';
  if (needsProcesses && !canLookAtProcesses()) {
    process.stdout.write(`\n## ${part}\n\nSKIPPED: it looks at processes in /proc, which this system does not have.\n`);
    return;
  }
  const machine = await lookAtMachine();
  process.stdout.write(`\n## ${part}\n\n${describe(machine)}\n`);
  if (!isQuiet(machine))
    process.stderr.write('WARNING: this machine has other things to do; wall-clock times mean little, and CPU times grow too.\n');
  const findings = await measure(part, options);
  if (findings.results.length === 0) {
    process.stdout.write(`\nNothing in it has "${options.only}" in its name.\n`);
    return;
  }
  const { path, file } = keepResults(part, options.quick || options['small-primes'] || options.only !== '', machine, findings);
  const notes = file.notes.map((note) => `\n${note}\n`).join('');
  process.stdout.write(`\n${fullTable(file)}${notes}\nKept in ${path}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.quick) process.stdout.write('QUICK: small primes and few samples, to see that it works. The figures mean nothing.\n');
  for (const part of options.parts) await run(part, options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nbench/run.sh --help\n`);
  process.exitCode = 2;
}
