import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import { SealKeySourceSchema, type SealKey, type SealKeySource } from 'sealing/seal_key';
import { systemRandom } from 'service/random';
import { z } from 'zod';
import { describeRoster, identityFile, makeRoster, readCard, writeFirst, writeIdentity } from '../tools/cluster_files.js';
import { main, CommandFailure, UsageError } from '../tools/command.js';
import { openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: make-cluster --nodes N --threshold T --out DIR [--plain] --seal-key SPEC
       make-cluster --cards FILE… --threshold T --out DIR [--plain]

Makes the roster of a new cluster: who belongs to it, how many sign, and whether its messages are sealed.

  --nodes N         makes the identities too: DIR/node-1 to DIR/node-N are then data folders of the nodes, and DIR/gateway has
                    what the gateway needs. Whoever runs this can read all of them: independent operators use --cards
  --cards FILE…     the cards that make-identity wrote on the members' machines: those of all nodes and of the gateway
  --threshold T     how many nodes sign, 2 to N
  --out DIR         folder for the files; existing files are not replaced. DIR/roster.json is for all nodes, gateway and board
  --plain           messages are neither signed nor encrypted: only for clusters with Rust nodes. This cannot be changed later
  --seal-key SPEC   the key or passphrase of the identities
  -h, --help        this text

${SEAL_KEY_TEXT}
Prints the fingerprint of the roster. Operators compare it before the first start: another roster may have other members.
Exit code: 0 made, 1 not made, 2 called wrongly.
`;

const count = z.string().regex(/^\d{1,3}$/, 'must be a number').transform(Number);
const options = z.object({
  nodes: count.refine((n) => n >= 2 && n <= 256, 'must be 2 to 256').optional(),
  cards: z.array(z.string()).optional(),
  threshold: count.refine((t) => t >= 2 && t <= 256, 'must be 2 to the number of nodes'),
  out: z.string().min(1),
  plain: z.boolean().default(false),
  'seal-key': SealKeySourceSchema.optional(),
});

/** Writes identities, then rosters, the last one in `out`: when it exists, all do. @throws CommandFailure when any of the files exists */
async function writeCluster(out: string, identities: readonly Identity[], roster: Roster, sealKey: SealKey): Promise<void> {
  const folders = identities.map((identity) => ({ identity, folder: join(out, identity.name) }));
  const rosters = [...folders.map(({ folder }) => folder), out].map((folder) => join(folder, 'roster.json'));
  const files = [...rosters, ...folders.map(({ folder, identity }) => join(folder, identityFile(identity.name)))];
  const present = files.find((path) => existsSync(path));
  if (present !== undefined) throw new CommandFailure(`${present}: is there already, and is never replaced. Nothing was written`);
  for (const { folder, identity } of folders) await writeIdentity(join(folder, identityFile(identity.name)), identity, sealKey);
  for (const path of rosters) await writeFirst(path, roster.serialize());
}

async function withIdentities(n: number, threshold: number, plain: boolean, out: string, source: SealKeySource): Promise<Roster> {
  const identities = [...Array.from({ length: n }, (_, index) => `node-${index + 1}`), 'gateway'].map((name) => Identity.generate(name));
  const cards = identities.map(({ publicIdentity }) => publicIdentity);
  const roster = makeRoster({ threshold, plain, cards }, systemRandom);
  await writeCluster(out, identities, roster, await openSealKey(source));
  return roster;
}

async function fromCards(files: readonly string[], threshold: number, plain: boolean, out: string): Promise<Roster> {
  const roster = makeRoster({ threshold, plain, cards: await Promise.all(files.map(readCard)) }, systemRandom);
  await writeFirst(join(out, 'roster.json'), roster.serialize());
  return roster;
}

await main({
  name: 'make-cluster',
  help,
  options,
  flags: ['plain'],
  lists: ['cards'],
  environment: sealKeyEnvironment,
  run: async ({ nodes, cards, threshold, out, plain, 'seal-key': source }) => {
    if ((nodes === undefined) === (cards === undefined)) throw new UsageError('--nodes and --cards: give one of them');
    if (cards !== undefined) return describeRoster(await fromCards(cards, threshold, plain, out));
    if (source === undefined) throw new UsageError('--seal-key: is required');
    return describeRoster(await withIdentities(nodes ?? 0, threshold, plain, out, source));
  },
});
