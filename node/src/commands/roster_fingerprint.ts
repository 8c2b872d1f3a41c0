import { loadRoster } from 'sealing/member';
import { z } from 'zod';
import { main } from '../tools/command.js';

const help = `Usage: roster-fingerprint ROSTER

Prints the fingerprint of a roster: 40 hexadecimal digits that operators read out to each other before the first start.
It covers everything in the file except its layout: the members, their keys, the threshold, and whether the cluster is sealed.

  ROSTER        roster.json
  -h, --help    this text

Exit code: 0 printed, 1 not a roster, 2 called wrongly.
`;

await main({
  name: 'roster-fingerprint',
  help,
  options: z.object({ roster: z.string() }),
  argument: 'roster',
  run: async ({ roster }) => `${(await loadRoster(roster)).fingerprint}\n`,
});
