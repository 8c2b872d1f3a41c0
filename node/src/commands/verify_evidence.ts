import { SECURITY_128 } from 'cggmp24';
import { loadRoster } from 'sealing/member';
import { z } from 'zod';
import { convictions } from '../evidence/evidence.js';
import { readText } from '../tools/cluster_files.js';
import { main, CommandFailure } from '../tools/command.js';

const help = `Usage: verify-evidence FILE --roster FILE

Does this file prove that a node has cheated?

  FILE             from DATA_DIR/evidence/ of a node
  --roster FILE    the cluster's roster.json; compare its fingerprint first (roster-fingerprint)
  -h, --help       this text

Every message in it is verified with the roster's keys, and the check that failed is made again. Nothing is believed because the
accuser says so. Prints who has cheated, and how. This may take seconds.
Exit code: 0 proven, 1 not proven or not readable, 2 called wrongly.
`;

await main({
  name: 'verify-evidence',
  help,
  options: z.object({ file: z.string(), roster: z.string('is required') }),
  argument: 'file',
  run: async ({ file, roster }) => {
    const proven = await convictions(await loadRoster(roster), SECURITY_128, await readText(file));
    if (proven.length === 0) throw new CommandFailure(`✗ ${file} proves nothing`);
    return proven.map(({ member, code, round, reason }) => `✓ ${member} has cheated: ${code} in ${round} (${reason})\n`).join('');
  },
});
